"""Methods of texts and numbers whose result could be huge, with a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from nanobot.templates.errors import Refused
from nanobot.templates.limits import MAX_ITEMS, MAX_WIDTH, check_items, check_length, check_width
from nanobot.templates.operators import MAX_FORMAT


def _padded(name: str) -> Callable[..., Any]:
    def pad(text: Any, width: Any, *fill: Any) -> Any:
        check_width(width)
        return getattr(text, name)(width, *fill)

    return pad


def _expanded(text: Any, tabsize: Any = 8) -> Any:
    check_width(tabsize)
    check_length(len(text) + text.count("\t" if isinstance(text, str) else b"\t") * max(tabsize, 0))
    return text.expandtabs(tabsize)


def _joined(text: Any, parts: Iterable[Any]) -> Any:
    found = list(islice(parts, MAX_ITEMS + 1))
    check_items(len(found))
    check_length(sum(len(one) for one in found if isinstance(one, (str, bytes))) + len(text) * len(found))
    return text.join(found)


def replaced(text: Any, old: Any, new: Any, count: Any = -1) -> Any:
    """``text.replace``"""
    if isinstance(old, (str, bytes)) and isinstance(new, (str, bytes)) and len(new) > len(old):
        times = text.count(old)
        check_length(len(text) + (times if count is None or count < 0 else min(times, count)) * len(new))
    return text.replace(old, new, -1 if count is None else count)


def _translated(text: Any, table: Any) -> Any:
    longest = 1
    if isinstance(table, Mapping):
        longest = max([1, *(len(value) for value in table.values() if isinstance(value, str))])
    check_length(len(text) * longest)
    return text.translate(table)


def strftime(when: Any, pattern: str) -> str:
    """``when.strftime``; the system's own would write fields of any width."""
    check_length(len(pattern), MAX_FORMAT)
    done: str = when.strftime(pattern)
    return done


def to_bytes(number: int, length: int = 1, byteorder: Any = "big", *, signed: bool = False) -> bytes:
    """``number.to_bytes``"""
    if length > MAX_WIDTH:
        raise Refused(f"more than {MAX_WIDTH:,} bytes")
    return number.to_bytes(length, byteorder, signed=signed)


_COMMON: Mapping[str, Callable[..., Any]] = {
    **{name: _padded(name) for name in ("center", "ljust", "rjust", "zfill")},
    "expandtabs": _expanded,
    "join": _joined,
    "replace": replaced,
    "translate": _translated,
}
OF_BYTES = _COMMON
OF_TEXT = _COMMON
"""``format`` and ``format_map``, which read attributes, are with those who know what may be read."""


def kind(value: object) -> str:
    """What a value is, for a sentence."""
    return _KINDS.get(type(value)) or type(value).__name__


_KINDS: Mapping[type, str] = {
    str: "a text",
    int: "a number",
    float: "a number",
    dict: "a mapping",
    list: "a list",
    type(None): "nothing",
}
