"""From the text of a result to the value it stands for, by the rules of Home Assistant 2025.4.

A text that reads as a Python literal becomes that list, mapping, number, truth value or nothing. Numbers in a spelling
that people do not mean as a number (``007``, ``1e5``, ``0x1F``, ``1_000``) stay text, as does a quoted text.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from nanobot.templates.limits import weigh

_NUMBER = re.compile(r"[+-]?(?!0\d)\d*(?:\.\d*)?")
_DIGITS = frozenset("0123456789+-.")
_QUOTES = frozenset("'\"")
_PREFIXES = frozenset("bBrRuU")
_TOO_BIG: int = 10**300
MAX_SHORT = 64  # characters of a text whose value is remembered
_WORDS: dict[str, Any] = {"True": True, "False": False, "None": None, "": ""}
MAX_PARSED = 64 * 1024  # characters of a text that is read as a list; reading takes 20 times as long as writing


class TextList(list[Any]):
    """A list that prints as the text it was read from, such as ``1,2``."""

    __slots__ = ("text",)
    text: str

    def __str__(self) -> str:
        return self.text


class TextDict(dict[Any, Any]):
    """A mapping that prints as the text it was read from."""

    __slots__ = ("text",)
    text: str

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Any:
    """The value that ``text`` stands for, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first in _DIGITS:
        if _NUMBER.fullmatch(text):
            return _parse(text)
        if "," not in text and text != "...":
            return text
    elif first in _QUOTES or first in "TFN":
        if "," not in text:
            return text
    elif first not in "[({" and (first not in _PREFIXES or text[1:2] not in _QUOTES) and text != "set()":
        return text
    return _from_short(text) if len(text) <= MAX_SHORT else _parse(text)


def _parse(text: str) -> Any:
    if len(text) > MAX_PARSED:
        return text
    try:
        value = literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    kind = type(value)
    if kind in (int, float):
        return value if _NUMBER.fullmatch(text) else text
    if kind is tuple or kind is list:
        return _with_text(TextList(value), text, plain=value if kind is list else None)
    if kind is dict:
        return _with_text(TextDict(value), text, plain=value)
    return text if kind in (str, complex) or value is ... else value


@lru_cache(maxsize=1024)
def _remembered(text: str) -> Any:
    value = _parse(text)
    return value if isinstance(value, (str, int, float)) else _FRESH


_FRESH = object()
"""Stands in for a value that may be changed, and is made anew for each."""


def _with_text(value: Any, text: str, plain: Any) -> Any:
    if plain is not None and str(plain) == text:
        return plain
    value.text = text
    return value


def native(value: Any, printed: Callable[[Any], str]) -> Any:
    """What ``parse(printed(value).strip())`` gives, without going through the text where that changes nothing."""
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is bool or value is None:
        return value
    if kind is float:
        return value if 1e-4 <= abs(value) < 1e16 or value == 0 else _text(repr(value))
    if kind is int:
        return value if -_TOO_BIG < value < _TOO_BIG else _text(str(value))
    if kind in _COPIES and weigh(value):
        try:
            return _COPIES[kind](value)
        except ValueError:
            pass
    return _text(printed(value))


def _text(text: str) -> Any:
    return parse(text.strip())


def _from_short(text: str) -> Any:
    value = _remembered(text)
    return _parse(text) if value is _FRESH else value


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int and -_TOO_BIG < value < _TOO_BIG:
        return value
    if kind is float and value - value == 0:
        return value
    if kind is tuple:
        return tuple([_copy(item) for item in value])
    if kind in _COPIES:
        return _COPIES[kind](value)
    raise ValueError("is not written as it is read")


def _copy_list(value: list[Any]) -> list[Any]:
    return [_copy(item) for item in value]


def _copy_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    return {_copy(key): _copy(item) for key, item in value.items()}


_COPIES: dict[type, Callable[[Any], Any]] = {list: _copy_list, dict: _copy_dict}
