"""One thing that is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.contracts.audit import Severity

SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning", "info")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Opening:
    """``text`` says what is open and how to close it. ``file`` is relative to the folder, ``line`` counts from 1;
    ``entry`` is the id of the entry that it is about. ``key`` is for programs."""

    severity: Severity
    key: str
    text: str
    file: str | None = None
    line: int | None = None
    entry: str | None = None

    def as_dict(self) -> Mapping[str, Any]:
        """For JSON."""
        return {
            "severity": self.severity,
            "key": self.key,
            "text": self.text,
            "file": self.file,
            "line": self.line,
            "entry": self.entry,
        }
