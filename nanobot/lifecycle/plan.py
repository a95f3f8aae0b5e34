"""A plan: what has to happen so that what runs becomes what is wanted. Compared by resolved values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import voluptuous as vol

from nanobot.config.check import Catalogue, Checked, EntryConfig, Integration
from nanobot.errors import ConfigError

CORE = "nanobot"
"""What the block ``nanobot:`` is called among what changes. It is no entry, and not in a ``Plan``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Entry ids, each in the order of the configuration."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    @classmethod
    def between(
        cls,
        running: Mapping[str, EntryConfig],
        wanted: Mapping[str, EntryConfig],
        *,
        touched: Collection[str] = (),
    ) -> Plan:
        """``touched``: ids of entries that are to be restarted although their configuration is the same.

        A wanted entry that is not ok keeps what runs, and is left out when nothing does.
        """
        added, changed, unchanged = [], [], []
        for entry_id, entry in wanted.items():
            if entry_id not in running:
                if entry.ok:
                    added.append(entry_id)
            elif entry_id in touched or (entry.ok and not entry.same_as(running[entry_id])):
                changed.append(entry_id)
            else:
                unchanged.append(entry_id)
        removed = [entry_id for entry_id in running if entry_id not in wanted]
        return cls(tuple(added), tuple(changed), tuple(removed), tuple(unchanged))

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def complete(checked: Checked, catalogue: Catalogue, also: Collection[str] = ()) -> dict[str, EntryConfig]:
    """The entries of a checked configuration and, before them, what they depend on and nobody configured.

    ``also``: domains that are wanted with their defaults where nobody configured them. What does not exist or needs
    options is left out here: its dependents are set up without it.
    """
    entries: dict[str, EntryConfig] = {}
    configured = {entry.domain for entry in checked.entries.values()}

    def imply(domain: str, above: tuple[str, ...]) -> None:
        if domain not in configured and domain not in entries:
            need(domain, above)
            implied = _with_defaults(catalogue, domain)
            if implied is not None:
                entries[domain] = implied

    def need(domain: str, above: tuple[str, ...]) -> None:
        integration = _found(catalogue, domain)
        if integration is None or domain in above:
            return
        for dependency in integration.manifest.dependencies:
            imply(dependency, (*above, domain))

    for domain in also:
        imply(domain, ())
    for entry_id, entry in checked.entries.items():
        need(entry.domain, ())
        entries[entry_id] = entry
    return entries


def _with_defaults(catalogue: Catalogue, domain: str) -> EntryConfig | None:
    integration = _found(catalogue, domain)
    if integration is None:
        return None
    try:
        schema = integration.schema()
        config = {} if schema is None else schema({})
    except (ConfigError, vol.Invalid):
        return None
    return EntryConfig(id=domain, domain=domain, label="", raw={}, config=config, problems=[], ok=True)


def _found(catalogue: Catalogue, domain: str) -> Integration | None:
    try:
        return catalogue.find(domain)
    except ConfigError:
        return None
