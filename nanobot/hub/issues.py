"""Issues: what a person should repair, for as long as it is broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nanobot.config.problem import Problem
from nanobot.hub.bus import Bus
from nanobot.util.dt import Clock, iso
from nanobot.util.translate import translate

ISSUE_CREATED = "issue_created"
ISSUE_RESOLVED = "issue_resolved"


class Severity(StrEnum):
    """How much it hurts."""

    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Fix:
    """Something the hub can do about it when the person says so. ``label`` is the text of the button."""

    label: str
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Issue:
    """``id`` is unique: ``<entry id>.<key>`` for an entry's own.

    The text is looked up by ``text_key`` in the language of whoever reads it; ``placeholders`` fill it.
    """

    id: str
    text_key: str
    severity: Severity
    created: float
    entry: str | None = None
    placeholders: Mapping[str, str | Problem] = field(default_factory=dict)
    fix: Fix | None = None

    def text(self, language: str = "en") -> str:
        """What is wrong and what to do about it, in one or two sentences."""
        return translate(
            self.text_key, language, **{key: _in(language, value) for key, value in self.placeholders.items()}
        )

    def as_dict(self, language: str = "en") -> dict[str, Any]:
        """JSON-able."""
        return {
            "id": self.id,
            "entry": self.entry,
            "severity": self.severity.value,
            "text": self.text(language),
            "fix": self.fix.label if self.fix else None,
            "created": iso(self.created),
        }


def _in(language: str, value: str | Problem) -> str:
    return value.told(language) if isinstance(value, Problem) else value


class Issues:
    """All that is to be repaired now. An issue is gone when its cause is."""

    def __init__(self, bus: Bus, clock: Clock, scrub: Callable[[str], str] = str) -> None:
        self._bus = bus
        self._scrub = scrub
        self._clock = clock
        self._issues: dict[str, Issue] = {}

    def __iter__(self) -> Any:
        return iter(list(self._issues.values()))

    def __len__(self) -> int:
        return len(self._issues)

    def __contains__(self, issue_id: object) -> bool:
        return issue_id in self._issues

    def get(self, issue_id: str) -> Issue | None:
        """The issue of that id, or None."""
        return self._issues.get(issue_id)

    def create(
        self,
        issue_id: str,
        text_key: str,
        *,
        severity: Severity = Severity.ERROR,
        entry: str | None = None,
        fix: Fix | None = None,
        **placeholders: object,
    ) -> Issue:
        """Show an issue, or bring one up to date. Fires ``issue_created`` when it is new or says something new."""
        # a problem of the configuration says itself in the language of whoever reads it
        filled = {
            key: value if isinstance(value, Problem) else self._scrub(str(value)) for key, value in placeholders.items()
        }
        old = self._issues.get(issue_id)
        created = old.created if old else self._clock.time()
        issue = Issue(issue_id, text_key, severity, created, entry, filled, fix)
        self._issues[issue_id] = issue
        if old is None or (old.text_key, old.placeholders) != (text_key, filled):
            self._bus.fire(ISSUE_CREATED, {"id": issue_id, "entry": entry, "severity": severity.value})
        return issue

    def resolve(self, issue_id: str) -> bool:
        """Take an issue away because its cause is gone. Fires ``issue_resolved``."""
        issue = self._issues.pop(issue_id, None)
        if issue is None:
            return False
        self._bus.fire(ISSUE_RESOLVED, {"id": issue_id, "entry": issue.entry})
        return True
