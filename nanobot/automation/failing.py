"""What a run may know of an error that it catches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nanobot.automation.sequence import RunStep


def holds_error(patterns: Iterable[re.Pattern[str]], error: Exception) -> bool:
    """Whether one of the patterns is found in the error; without patterns, every error counts."""
    patterns = list(patterns)
    said = f"{type(error).__name__}: {error}"[:10_000]
    return not patterns or any(pattern.search(said) for pattern in patterns)


def error_told(error: Exception, step: RunStep, attempt: int | None = None) -> dict[str, Any]:
    """The variable ``error``; secrets are not in it. The run may fail anew, and says so then."""
    step.run.told = None
    told: dict[str, Any] = {
        "text": step.hub.scrubber.scrub(str(error)) or type(error).__name__,
        "type": type(error).__name__,
        "path": step.path,
    }
    return told if attempt is None else {**told, "attempt": attempt}
