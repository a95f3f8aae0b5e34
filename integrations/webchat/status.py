"""What the side of the page shows: integrations and their state, what to repair, edits as they happen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanobot import __version__
from nanobot.contracts.view import Access
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Phase
from nanobot.util.dt import iso

if TYPE_CHECKING:
    from .client import Client

GATHER = 0.1  # s; many entries change together, the pages are told once

Tell = Callable[[Callable[["Client"], dict[str, Any]]], None]


class Status:
    """Tells all pages when something of it changes."""

    def __init__(self, entry: Entry, tell: Tell) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._tell = tell
        self._is_due = False
        self._had_problems = False
        for event in (
            "entry_changed",
            "issue_created",
            "issue_resolved",
            "core_config_updated",
            "config_rejected",
            "homeassistant_started",
        ):
            entry.listen(event, self._changed)
        entry.listen("config_applied", self._applied)
        entry.listen("config_rejected", self._rejected)

    def of(self, client: Client) -> dict[str, Any]:
        """The whole of it, for one page."""
        hub = self._hub
        return {
            "type": "status",
            "name": hub.config.name,
            "version": __version__,
            "running": hub.phase is Phase.RUNNING,
            "recovery": hub.recovery,
            "may_repair": client.identity.may(Access.ADMIN),
            "integrations": [
                {
                    "id": entry.id,
                    "state": entry.state.value,
                    "error": entry.error,
                    "since": iso(entry.since),
                    "restarts": entry.restarts,
                }
                for entry in hub.entries.values()
            ],
            "issues": [issue.as_dict(client.language) for issue in hub.issues],
        }

    def _changed(self, event: Event) -> None:
        if not self._is_due:
            self._is_due = True
            self._entry.call_later(GATHER, self._due)

    def _due(self) -> None:
        self._is_due = False
        self._tell(self.of)

    def _applied(self, event: Event) -> None:
        data = event.data
        changes = {name: list(data.get(name, ())) for name in ("added", "changed", "removed")}
        problems = [_text(problem) for problem in data.get("problems", ())]
        if any(changes.values()) or problems or self._had_problems:
            self._tell(lambda client: {"type": "applied", **changes, "problems": problems})
        self._had_problems = bool(problems)
        self._changed(event)

    def _rejected(self, event: Event) -> None:
        self._had_problems = True
        problems = [_text(problem) for problem in event.data.get("problems", ())]
        self._tell(lambda client: {"type": "rejected", "problems": problems})


def _text(problem: Any) -> str:
    return str(problem["text"]) if isinstance(problem, dict) else str(problem)
