"""Commands that are refused before they run: a second line behind the sandbox, against accidents."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ALWAYS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\brm\s+(?:-\S+\s+)*(?:/|~/?|\$HOME/?)(?:\*|\s|$)",
        r"\bmkfs(?:\.\w+)?\b",
        r"\bdd\b.*\bof=/dev/(?!null\b)",
        r">\s*/dev/(?:sd|hd|vd|nvme|mmcblk|mapper)",
        r"(?:^|[;&|]\s*|\bsudo\s+)(?:shutdown|reboot|poweroff|halt)\b",
        r":\s*\(\s*\)\s*\{.*\|.*&.*\}",
        r"\bch(?:mod|own)\s+(?:-\S+\s+)*-\S*R\S*\s+\S+\s+/(?:\s|$)",
    )
)


def denied(command: str, more: Iterable[re.Pattern[str]]) -> str | None:
    """The part of a command that is not allowed, or None."""
    for pattern in (*_ALWAYS, *more):
        if found := pattern.search(command):
            return found[0].strip()
    return None
