"""Templates: recognised, and not yet rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def has_template(value: Any) -> bool:
    """Whether a text in ``value``, however deep, is a template."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value or "{#" in value
    if isinstance(value, Mapping):
        return any(has_template(key) or has_template(one) for key, one in value.items())
    if isinstance(value, list):
        return any(has_template(one) for one in value)
    return False
