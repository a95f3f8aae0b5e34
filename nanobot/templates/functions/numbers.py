"""Numbers in templates: reading, rounding, calculating, and the middle of several."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.filters import do_max, do_min

from nanobot.templates.functions.arguments import (
    REQUIRED,
    Functions,
    no_default,
    not_iterable,
    without_argument,
)

_UNREADABLE = (ValueError, TypeError, OverflowError)
_MOST_DIGITS = 400  # of a precision; a float has 308 before the point and 324 after it


def _or_default(name: str, value: object, default: Any) -> Any:
    if default is REQUIRED:
        raise no_default(name, value)
    return default


def to_float(value: Any, default: Any = REQUIRED) -> Any:
    try:
        return float(value)
    except _UNREADABLE:
        return _or_default("float", value, default)


def to_int(value: Any, default: Any = REQUIRED, base: int = 10) -> Any:
    """Whole part of a number or of a text that is one; ``base`` is that of a text."""
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except _UNREADABLE:
        try:
            return int(float(value))
        except _UNREADABLE:
            return _or_default("int", value, default)


def is_number(value: Any) -> bool:
    """Whether it is a finite number, or a text that reads as one."""
    try:
        return math.isfinite(float(value))
    except _UNREADABLE:
        return False


def add(value: Any, amount: Any, default: Any = REQUIRED) -> Any:
    try:
        return float(value) + amount
    except _UNREADABLE:
        return _or_default("add", value, default)


def multiply(value: Any, amount: Any, default: Any = REQUIRED) -> Any:
    try:
        return float(value) * amount
    except _UNREADABLE:
        return _or_default("multiply", value, default)


def to_round(value: Any, precision: int = 0, method: str = "common", default: Any = REQUIRED) -> Any:
    """``method``: common (half to even), ceil, floor, or half (to the nearest half). Whole when ``precision`` is 0."""
    try:
        number = float(value)
        if abs(precision) > _MOST_DIGITS:
            raise ValueError(precision)
        if method == "ceil":
            factor = float(10**precision)
            number = math.ceil(number * factor) / factor
        elif method == "floor":
            factor = float(10**precision)
            number = math.floor(number * factor) / factor
        elif method == "half":
            number = round(number * 2) / 2
        else:
            number = round(number, precision)
        return int(number) if precision == 0 else number
    except _UNREADABLE:
        return _or_default("round", value, default)


def log(value: Any, base: Any = math.e, default: Any = REQUIRED) -> Any:
    try:
        base_number = float(base)
    except _UNREADABLE:
        return _or_default("log", base, default)
    try:
        return math.log(float(value), base_number)
    except (*_UNREADABLE, ZeroDivisionError):
        return _or_default("log", value, default)


def _of_one(name: str, calculate: Callable[[float], float]) -> Callable[..., Any]:
    def function(value: Any, default: Any = REQUIRED) -> Any:
        try:
            return calculate(float(value))
        except _UNREADABLE:
            return _or_default(name, value, default)

    function.__name__ = name
    return function


def atan2(*args: Any, default: Any = REQUIRED) -> Any:
    """Of y and x, given one by one or as a list, and perhaps a default after them."""
    pair: Sequence[Any] = args
    if 1 <= len(args) <= 2 and isinstance(args[0], (list, tuple)):
        pair = args[0]
        rest = args[1:]
    else:
        rest = args[2:3]
    if rest and default is REQUIRED:
        default = rest[0]
    try:
        y, x = pair[0], pair[1]
        return math.atan2(float(y), float(x))
    except (*_UNREADABLE, IndexError):
        return _or_default("atan2", list(pair), default)


def _of_many(name: str, of_statistics: str) -> Callable[..., Any]:
    def function(*args: Any, default: Any = REQUIRED) -> Any:
        if not args:
            raise without_argument(name)
        values: Iterable[Any] = args
        if isinstance(args[0], Iterable):
            values = args[0]
            if len(args) > 1 and default is REQUIRED:
                default = args[1]
        elif len(args) == 1:
            raise not_iterable(args[0])
        import statistics  # seldom needed

        try:
            return getattr(statistics, of_statistics)(values)
        except _UNREADABLE:  # that there is no data, too
            return _or_default(name, values, default)

    function.__name__ = name
    return function


def _extreme(name: str, of_list: Callable[..., Any]) -> Callable[..., Any]:
    """Jinja's filter as a function that takes a list, or the values one by one."""

    @pass_environment
    @wraps(of_list)
    def function(environment: Environment, *args: Any, **kwargs: Any) -> Any:
        if not args:
            raise without_argument(name)
        if len(args) > 1:
            return of_list(environment, args, **kwargs)
        if not isinstance(args[0], Iterable):
            raise not_iterable(args[0])
        return of_list(environment, args[0], **kwargs)

    return function


def choose(values: Iterable[Any]) -> Any:
    """One of them, another one each time."""
    return random.choice(values if isinstance(values, Sequence) else list(values))


def ordinal(value: Any) -> str:
    """``1st``, ``2nd``, ``13th``. Raises ValueError for what does not end in a digit."""
    text = str(value)
    last, two = int(text[-1:]), int(text[-2:])
    return text + ("th" if 11 <= two <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(last, "th"))


_UNARY: Mapping[str, Callable[..., Any]] = {
    name: _of_one(name, getattr(math, name)) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sqrt")
}
_MIDDLE: Mapping[str, Callable[..., Any]] = {
    "average": _of_many("average", "fmean"),
    "median": _of_many("median", "median"),
    "statistical_mode": _of_many("statistical_mode", "mode"),
}

GLOBALS: Functions = {
    **_UNARY,
    **_MIDDLE,
    "atan2": atan2,
    "e": math.e,
    "float": to_float,
    "int": to_int,
    "is_number": is_number,
    "log": log,
    "max": _extreme("max", do_max),
    "min": _extreme("min", do_min),
    "pi": math.pi,
    "tau": math.tau,
}
FILTERS: Functions = {
    **_UNARY,
    **_MIDDLE,
    "add": add,
    "atan2": atan2,
    "float": to_float,
    "int": to_int,
    "is_number": is_number,
    "log": log,
    "multiply": multiply,
    "ord": ord,
    "ordinal": ordinal,
    "random": choose,
    "round": to_round,
}
TESTS: Functions = {"is_number": is_number}
