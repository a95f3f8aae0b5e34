"""Helpers: domains whose configuration is a mapping of things, each of which is one entity.

``input_number: {target: {min: 5, max: 30}}`` is one entity ``input_number.target``. A domain gives a class of helper
and a table of actions; setting up, restoring, services, and reloading by difference are the same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import voluptuous as vol

from nanobot.contracts.entity import Entity
from nanobot.contracts.service import ServiceCall
from nanobot.contracts.tool import Risk
from nanobot.errors import ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.restore import LastStates

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

Config = Mapping[str, Any]


class Helper(Entity):
    """One configured thing. ``key`` is its name in the YAML and the second half of its entity id."""

    def __init__(self, domain: str, key: str, config: Config) -> None:
        self.key = key
        self.entity_id = f"{domain}.{key}"
        self._keep: Callable[[str, Mapping[str, Any]], None] | None = None
        self.take(config)
        self.begin()

    def take(self, config: Config) -> None:
        """Take over a configuration, at first and after an edit."""
        self.config = config
        self.name = config.get("name")
        self.icon = config.get("icon")

    def begin(self) -> None:
        """Set the value that it has at first; ``config`` is there already."""

    def fit(self) -> None:
        """After an edit: keep the value where the new configuration allows it."""

    def restore(self, last: Mapping[str, Any]) -> None:
        """Become what it was when nanobot stopped, where the configuration allows it. ``last`` is from ``keep``."""

    def keep(self) -> Mapping[str, Any] | None:
        """What a restart must not lose (JSON-able), None for nothing."""
        return {"state": self.state}

    def changed(self, context: Context | None = None) -> None:
        super().changed(context)
        if self._keep is not None and (last := self.keep()) is not None:
            self._keep(self.key, last)


H = TypeVar("H", bound=Helper)


@dataclass(frozen=True, slots=True)
class Action:
    """A service on helpers: ``run(helper, call)`` for each one that is targeted.

    ``fields`` are the options besides the target; ``about`` and ``shown`` are for people and clients.
    """

    run: Callable[[Any, ServiceCall], Awaitable[None] | None]
    about: str
    fields: Mapping[Any, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """For what one field alone cannot say."""
    risk: Risk = Risk.WRITE


TARGETS = ("entity_id", "device_id", "area_id", "floor_id", "label_id")


def target_schema(
    fields: Mapping[Any, Any] | None = None, check: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> vol.Schema:
    """The schema of a service that acts on entities: its fields, and at least one target.

    Areas, devices, floors and labels are accepted, since Home Assistant's clients send them, but nothing has one.
    """
    schema = {**(fields or {}), **{vol.Optional(name): vol.Any(None, str, [str]) for name in TARGETS}}
    steps: list[Any] = [schema, _has_target]
    if check is not None:
        steps.append(check)
    return vol.Schema(vol.All(*steps))


def _has_target(data: dict[str, Any]) -> dict[str, Any]:
    if not any(name in data for name in TARGETS):
        raise vol.Invalid("say which entity is meant, with entity_id")
    ids = data.get("entity_id")
    if isinstance(ids, str):
        ids = [one.strip().lower() for one in ids.split(",")]
    data["entity_id"] = [] if ids in (None, ["none"]) else ids
    return data


class Collection(Generic[H]):
    """All helpers of one entry."""

    def __init__(self, entry: Entry, make: Callable[[str, Config], H]) -> None:
        self._entry = entry
        self._make = make
        self._last = LastStates(entry)
        self._helpers: dict[str, tuple[Config, H, Callable[[], None]]] = {}

    def __iter__(self) -> Iterator[H]:
        return iter([helper for _, helper, _ in self._helpers.values()])

    async def open(self) -> None:
        """Set all up, as they were when nanobot stopped."""
        await self._last.load()
        self.update(self._entry.config)

    def update(self, config: Mapping[str, Config]) -> None:
        """Become what is configured now. Whatever is configured as before notices nothing."""
        for key in [key for key in self._helpers if key not in config]:
            _, _, remove = self._helpers.pop(key)
            remove()
        for key, wanted in config.items():
            known = self._helpers.get(key)
            if known is None:
                self._add(key, wanted)
            elif known[0] != wanted:
                self._change(key, wanted)
        self._last.only(config.keys())

    def _add(self, key: str, config: Config) -> None:
        helper = self._make(key, config)
        if (last := self._last.get(key)) is not None:
            helper.restore(last)
        remove = self._entry.add(helper)
        helper._keep = self._last.put  # noqa: SLF001 - the collection's own hook
        self._helpers[key] = (config, helper, remove)

    def _change(self, key: str, config: Config) -> None:
        _, helper, remove = self._helpers[key]
        self._helpers[key] = (config, helper, remove)
        helper.take(config)
        helper.fit()
        helper.changed()


async def set_up(hub: Hub, entry: Entry, make: Callable[[str, Config], Helper], actions: Mapping[str, Action]) -> None:
    """The ``setup`` of a domain of helpers."""
    collection = entry.data = Collection(entry, make)
    await collection.open()
    offer_actions(entry, actions)

    async def reload(call: ServiceCall) -> None:
        await apply_edits(hub, call.context)

    entry.service("reload", reload, vol.Schema({}), description="Apply the configuration as it is on disk.", admin=True)


def offer_actions(entry: Entry, actions: Mapping[str, Action]) -> None:
    """Add the services that act on the entities of this domain."""
    for name, action in actions.items():
        entry.service(
            name,
            entry.hub.entities.service(entry.domain, action.run),
            target_schema(action.fields, action.check),
            description=action.about,
            fields=action.shown,
            entity_domain=entry.domain,
            risk=action.risk,
        )


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Config]) -> bool:
    """The ``reload`` of a domain of helpers."""
    entry.data.update(config)
    return True


async def apply_edits(hub: Hub, context: Context) -> None:
    """Have the configuration on disk applied, as ``<domain>.reload`` of Home Assistant does for one domain.

    Raises ``ServiceError`` when it cannot be read: nothing has changed then.
    """
    told = await hub.services.call("nanobot", "reload_all", {}, context=context, return_response=True)
    if told and not told["applied"] and told.get("problems"):
        problems = "; ".join(str(problem.get("text", problem)) for problem in told["problems"])
        raise ServiceError(f"the configuration cannot be read, so nothing was changed: {problems}")
