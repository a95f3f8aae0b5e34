"""Issues as repairs, the log, and its levels."""

from __future__ import annotations

import logging
from typing import Any

import voluptuous as vol

from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Phase
from nanobot.hub.issues import Issue
from nanobot.util.dt import iso

from ..kept import Kept

UPDATED = "repairs_issue_registry_updated"
LEVELS = logging.getLevelNamesMapping()


class Repairs:
    """``ignored`` issues are shown again when their cause comes anew."""

    def __init__(self, entry: Entry, kept: Kept) -> None:
        self._hub = entry.hub
        self._kept = kept
        entry.listen("issue_created", lambda event: self._tell("create", event.data["id"]))
        entry.listen("issue_resolved", self._resolved)

    def commands(self) -> list[SocketCommand]:
        """All of them."""
        issue = {vol.Required("domain"): str, vol.Required("issue_id"): str}
        return [
            SocketCommand("repairs/list_issues", self.list, Access.READ),
            SocketCommand("repairs/get_issue_data", self.data, Access.READ, vol.Schema(issue)),
            SocketCommand(
                "repairs/ignore_issue", self.ignore, Access.ADMIN, vol.Schema({**issue, vol.Required("ignore"): bool})
            ),
        ]

    def list(self, call: SocketCall) -> Any:
        """What is to be repaired."""
        return {"issues": [self._shape(issue, call.hub.language) for issue in call.hub.issues]}

    def data(self, call: SocketCall) -> Any:
        """The same of one issue."""
        return {"issue_data": self._shape(self._known(call), call.hub.language)}

    def ignore(self, call: SocketCall) -> None:
        """Mark an issue as one that the person knows of."""
        issue = self._known(call)
        if call.data["ignore"]:
            self._kept.ignored.add(issue.id)
        else:
            self._kept.ignored.discard(issue.id)
        self._kept.save()
        self._tell("update", issue.id)

    def _known(self, call: SocketCall) -> Issue:
        issue: Issue | None = self._hub.issues.get(call.data["issue_id"])
        if issue is None:
            raise SocketError("unknown_issue", f"there is no issue {call.data['issue_id']}")
        return issue

    def _resolved(self, event: Any) -> None:
        if event.data["id"] in self._kept.ignored and self._hub.phase is Phase.RUNNING:
            self._kept.ignored.discard(event.data["id"])
            self._kept.save()
        self._tell("remove", event.data["id"])

    def _tell(self, action: str, issue_id: str) -> None:
        self._hub.bus.fire(UPDATED, {"action": action, "domain": _domain(issue_id), "issue_id": issue_id})

    def _shape(self, issue: Issue, language: str) -> dict[str, Any]:
        text = issue.text(language)
        ignored = issue.id in self._kept.ignored
        return {
            "breaks_in_ha_version": None,
            "created": iso(issue.created),
            "dismissed_version": None,
            "domain": _domain(issue.id),
            "ignored": ignored,
            "is_fixable": issue.fix is not None,
            "issue_domain": None,
            "issue_id": issue.id,
            "learn_more_url": None,
            "severity": issue.severity.value,
            "text": text,
            "translation_key": issue.text_key,
            "translation_placeholders": {key: str(value) for key, value in issue.placeholders.items()},
        }


def _domain(issue_id: str) -> str:
    """The integration that an issue is of: what its id begins with."""
    return issue_id.partition(".")[0].partition("/")[0].partition(" ")[0] or "nanobot"


# -- the log ----------------------------------------------------------------------------------------


def log_levels(call: SocketCall) -> Any:
    """The level of each integration, as numbers of Python's logging."""
    domains = sorted({entry.domain for entry in call.hub.entries.values()})
    return [{"domain": name, "level": logging.getLogger(f"nanobot.{name}").getEffectiveLevel()} for name in domains]


async def set_level(call: SocketCall) -> None:
    """Set the level of an integration or a logger, until the next edit of ``logger`` or restart."""
    name = call.data.get("integration") or call.data["module"]
    if not call.hub.services.has("logger", "set_level"):
        raise SocketError(sc.NOT_SUPPORTED, "add the key 'logger:' to the configuration to change levels while it runs")
    if "integration" in call.data and all(entry.domain != name for entry in call.hub.entries.values()):
        raise SocketError(sc.NOT_FOUND, "Integration not found")
    await call.hub.services.call("logger", "set_level", {name: call.data["level"].lower()}, context=call.context)


_LEVEL = {
    vol.Required("level"): vol.All(str, vol.Upper, vol.In(LEVELS)),
    vol.Required("persistence"): vol.In(["none", "once", "permanent"]),
}

COMMANDS = [
    SocketCommand("logger/log_info", log_levels, Access.READ),
    SocketCommand(
        "logger/integration_log_level",
        set_level,
        Access.ADMIN,
        vol.Schema({vol.Required("integration"): str, **_LEVEL}),
    ),
    SocketCommand("logger/log_level", set_level, Access.ADMIN, vol.Schema({vol.Required("module"): str, **_LEVEL})),
]
