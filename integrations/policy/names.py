"""Names in rules that nothing has: said as an issue, since such a rule never fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Phase
from nanobot.hub.issues import Severity
from nanobot.util.text import nearest

SETTLED = 3.0  # s after an edit, in which what is named there may still be set up
ISSUE = "unknown_name"
_WILD = frozenset("*?[")


class Names:
    """Looks once everything is there: after the start, and after each edit."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._config: Mapping[str, Any] = {}

    def watch(self) -> None:
        """Look from now on."""
        self._entry.listen("homeassistant_started", lambda event: self.check())
        self._entry.listen("config_applied", lambda event: self._soon())
        self._soon()

    def look(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration."""
        self._config = config

    def check(self) -> None:
        """Show the first name that nothing has, with the nearest one that something has."""
        for number, kind, name, known in self._named():
            if name not in known:
                near = nearest(name, known)
                self._entry.issue(
                    f"{ISSUE}_near" if near else ISSUE,
                    severity=Severity.WARNING,
                    number=number,
                    kind=kind,
                    name=name,
                    near=near,
                )
                self._entry.resolve(ISSUE if near else f"{ISSUE}_near")
                return
        self._entry.resolve(ISSUE)
        self._entry.resolve(f"{ISSUE}_near")

    def _soon(self) -> None:
        if self._hub.phase is Phase.RUNNING:
            self._entry.call_later(SETTLED, self.check)

    def _named(self) -> Iterator[tuple[int, str, str, list[str]]]:
        hub = self._hub
        known = {
            "tool": hub.tools.names(),
            "agent": hub.agents.names(),
            "channel": hub.channels.names(),
            "service": [f"{service.domain}.{service.name}" for service in hub.services],
        }
        for number, rule in enumerate(self._config.get("rules", ()), 1):
            for kind, names in known.items():
                for name in rule.get(kind, ()):
                    if not _WILD & set(name):
                        yield number, kind, name, names
            for person in rule.get("person", ()):
                channel = person.partition(":")[0]
                if not _WILD & set(channel):
                    yield number, "channel", channel, known["channel"]
