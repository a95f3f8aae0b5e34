"""A finding: something in a configuration that is more open than it has to be.

An integration may have a function ``audit(config) -> Iterable[Finding]`` beside ``setup``; it gets the checked
configuration and touches nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["info", "warning", "error", "critical"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``key``: its text is ``audit.<key>`` of the integration's translations and says what is open and how to close it;
    ``given`` fills it. ``path``: where it stands, below the key of the integration.
    """

    key: str
    severity: Severity
    path: tuple[Any, ...] = ()
    given: Mapping[str, object] = field(default_factory=dict)
