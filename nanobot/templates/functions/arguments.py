"""What template functions share: how they refuse bad input, and how much input they take."""

from __future__ import annotations

import reprlib
from typing import Any, Final

from nanobot.templates.errors import Refused

LONGEST_TEXT: Final = 256 * 1024
"""Characters of one text, and bytes of one piece of binary data."""

REQUIRED: Final[Any] = object()
"""The default of an argument ``default`` that was not given."""

Functions = dict[str, Any]
"""Names and what they stand for in a template: functions, and a few constants."""


def no_default(name: str, value: object) -> ValueError:
    """The error of the function ``name`` that cannot make anything of ``value``."""
    shown = value if isinstance(value, str) else reprlib.repr(value)
    if len(shown) > 100:
        shown = f"{shown[:99]}…"
    return ValueError(f"{name} got invalid input '{shown}' and has no default; give it one, such as default=0")


def without_argument(name: str) -> TypeError:
    """The error of the function ``name`` that was given nothing."""
    return TypeError(f"{name} expected at least 1 argument, got 0")


def not_iterable(value: object) -> TypeError:
    """The error of a function that wants several values, or a list of them."""
    return TypeError(f"'{type(value).__name__}' object is not iterable")


def limited(name: str, value: Any, limit: int = LONGEST_TEXT) -> Any:
    """The value itself, where the function ``name`` takes as much. Raises ``Refused`` for more."""
    if len(value) > limit:
        raise Refused(f"{name} takes at most {limit:,} characters, and this has {len(value):,}")
    return value


def text_of(name: str, value: object, limit: int = LONGEST_TEXT) -> str:
    """The value as a text that the function ``name`` takes."""
    text: str = limited(name, value if isinstance(value, str) else str(value), limit)
    return text
