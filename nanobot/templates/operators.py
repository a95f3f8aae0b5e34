"""The operators of templates that could make something huge of something small."""

from __future__ import annotations

import operator
import re
from _string import formatter_field_name_split  # type: ignore[import-not-found]
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from string import Formatter
from typing import Any

from nanobot.templates.errors import Refused
from nanobot.templates.limits import (
    CONTAINERS,
    MAX_DIGITS,
    MAX_WIDTH,
    check_items,
    check_length,
    check_width,
    light,
    weigh,
)

_BITS = int(MAX_DIGITS * 3.3220)
_NUMBER = re.compile(r"\d+")
_DIRECTIVE = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?[a-zA-Z%]")
_SIZED = (str, bytes, list, tuple)
_FORMATTED = frozenset({str, int, float, bool, complex, Decimal, date, datetime, time})
MAX_FORMAT = 1_000  # characters of a format for times


def add(left: Any, right: Any) -> Any:
    """``left + right``"""
    if isinstance(left, _SIZED) and isinstance(right, _SIZED):
        length = len(left) + len(right)
        if isinstance(left, (str, bytes)):
            check_length(length)
        else:
            check_items(length)
    return left + right


def multiply(left: Any, right: Any) -> Any:
    """``left * right``"""
    if type(left) is int and type(right) is int:
        if left.bit_length() + right.bit_length() > _BITS:
            raise Refused(f"a number of more than {MAX_DIGITS:,} digits")
        return left * right
    for text, times in ((left, right), (right, left)):
        if isinstance(text, _SIZED) and isinstance(times, int):
            length = len(text) * max(times, 0)
            if isinstance(text, (str, bytes)):
                check_length(length)
            else:
                check_items(length)
    return left * right


def power(left: Any, right: Any) -> Any:
    """``left ** right``"""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > _BITS and abs(left) > 1:
        raise Refused(f"a number of more than {MAX_DIGITS:,} digits")
    return left**right


def modulo(left: Any, right: Any) -> Any:
    """``left % right``, which for a text is formatting."""
    if isinstance(left, (str, bytes)):
        return percent(left, right)
    return left % right


def percent(pattern: Any, values: Any) -> Any:
    """``'%05.1f' % 3.14`` with widths that are not too big."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    given = values if isinstance(values, tuple) else (values,)
    weigh(given)
    for found in _DIRECTIVE.finditer(text):
        for number in (found[1], found[2]):
            if number == "*":
                for value in given:
                    check_width(value)
            elif number:
                check_width(int(number[:9]))
    check_length(len(pattern) * 2 + sum(_length(value) for value in given) * max(1, text.count("%(")))
    return pattern % values


def contains(left: Any, right: Any) -> Any:
    """``left in right``"""
    if type(left) in CONTAINERS:
        try:
            count = len(right)
        except TypeError:
            count = 1
        if weigh(left) * count > 1_000_000:
            raise Refused("looking for a big list in a big list")
    return operator.contains(right, left)


def join(parts: Sequence[str], glue: str = "") -> str:
    """All of ``parts`` as one text."""
    check_length(sum(map(len, parts)) + len(glue) * len(parts))
    return glue.join(parts)


def _length(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, dict):
        return sum(_length(one) for one in value.values())
    if type(value) in CONTAINERS:
        return 20 * weigh(value)
    return 20


class BoundedFormatter(Formatter):
    """``'{:>5}'.format(…)``: attributes go through the sandbox, and widths have a limit."""

    def __init__(self, read: Any, item: Any, text: Any) -> None:
        self._read = read
        self._item = item
        self._text = text
        self._length = 0

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        first, rest = formatter_field_name_split(field_name)
        value = self.get_value(first, args, kwargs)
        for is_attribute, name in rest:
            value = self._read(value, name) if is_attribute else self._item(value, name)
        return value, first

    def format_field(self, value: Any, format_spec: str) -> str:
        for number in _NUMBER.findall(format_spec):
            if len(number) > 6 or int(number) > MAX_WIDTH:
                raise Refused(f"padding to more than {MAX_WIDTH:,} characters")
        check_length(len(format_spec), MAX_FORMAT)
        light(value)
        done = format(value, format_spec) if type(value) in _FORMATTED else self._text(value)
        self._length += len(done)
        check_length(self._length)
        return done

    def convert_field(self, value: Any, conversion: Any) -> Any:
        light(value)
        return super().convert_field(value, conversion)
