"""What counts as true: in triggers and switches generously, in conditions strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.hub.hub import Hub
from nanobot.templates import Template

_TRUE = frozenset({"1", "true", "yes", "on", "enable"})


def is_true(value: Any) -> bool:
    """As a template trigger takes it: true, yes, on, enable, and numbers other than 0."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return bool(value) if isinstance(value, (bool, int, float)) else False


def holds(value: Any) -> bool:
    """As a template condition takes it: nothing but true, in any case."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def is_on(hub: Hub, enabled: bool | Template, variables: Mapping[str, Any] | None = None) -> bool:
    """What ``enabled`` says; its template sees no states. Raises ``TemplateError``."""
    return enabled if isinstance(enabled, bool) else is_true(enabled.render(hub, variables, limited=True))
