"""The error of our validators: it names a sentence of the translations instead of bringing English along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import voluptuous as vol

from nanobot.util.text import nearest, shorten


class Wrong(vol.Invalid):
    """``key`` and ``placeholders`` are those of a ``Problem``."""

    def __init__(self, key: str, path: list[Any] | None = None, **placeholders: str) -> None:
        super().__init__(f"{key}: {', '.join(placeholders.values())}", path)
        self.key = key
        self.placeholders = placeholders


def kind_of(value: object) -> str:
    """What a value is, as a word of the translations (``problem.kinds``)."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "text"
        case dict():
            return "mapping"
        case list() | tuple() | set():
            return "list"
    return "other"


def expected(kinds: str, value: object) -> Wrong:
    """``expected("int,text", value)``: another kind of value was wanted."""
    kind = kind_of(value)
    if kind in ("mapping", "list", "nothing", "other"):
        return Wrong("wrong_kind", expected=f"@{kinds}", got=f"@{kind}")
    return Wrong("wrong_value", expected=f"@{kinds}", value=shorten(value))


def listed(options: Iterable[Any], limit: int = 12) -> str:
    """Options as they may be written, in their order; many are cut short."""
    texts = [shorten(option) for option in options]
    return ", ".join(texts[:limit]) + (", …" if len(texts) > limit else "")


def not_one_of(value: Any, options: Iterable[Any]) -> Wrong:
    """The error for a value that is none of the options."""
    options = list(options)
    told = {"value": shorten(value), "options": listed(options)}
    if near := nearest(value, options):
        told["nearest"] = near
    return Wrong("not_one_of", None, **told)


def out_of_range(value: Any, low: float | None, high: float | None) -> Wrong:
    """The error for a number that is too small or too big; None where there is no limit."""
    if low is not None and high is not None:
        return Wrong("not_between", value=shorten(value), low=f"{low:g}", high=f"{high:g}")
    if low is not None:
        return Wrong("too_small", value=shorten(value), low=f"{low:g}")
    return Wrong("too_big", value=shorten(value), high=f"{high:g}")


def unknown_option(name: object, options: Iterable[str]) -> Wrong:
    """The error for a key of a mapping that is none of its options."""
    options = list(options)
    if near := nearest(name, options):
        return Wrong("unknown_option", name=str(name), nearest=near)
    return Wrong("unknown_option_of", name=str(name), options=", ".join(f"'{one}'" for one in options))
