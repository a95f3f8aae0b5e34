"""Equality that tells 1 from true, as an edit from one to the other has an effect."""

from __future__ import annotations

from typing import Any

_PLAIN = (str, int, float, bool, type(None))


def same(one: Any, other: Any) -> bool:
    """Whether two values from YAML are equal all the way down, types included."""
    return one is other or (one == other and _same_types(one, other))


def _same_types(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, str):
        return isinstance(other, str)  # a secret is the same as its text
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        if list(one) != list(other):  # the order of keys is that of what is shown and done
            return False
        return all(_same_types(a, b) for a, b in zip(one.values(), other.values(), strict=True)) and all(
            type(a) is type(b) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, list):
        return all(_same_types(a, b) for a, b in zip(one, other, strict=True))
    return True
