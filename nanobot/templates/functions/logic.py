"""Decisions in templates: one of two or three values, and whether something is true or there at all."""

from __future__ import annotations

from typing import Any

import voluptuous as vol
from jinja2 import Undefined

from nanobot.config import validators as cv
from nanobot.templates.functions.arguments import REQUIRED, Functions, no_default


def iif(value: Any, if_true: Any = True, if_false: Any = False, if_none: Any = REQUIRED) -> Any:
    """``if_none`` is for None alone; without it None counts as false."""
    if value is None and if_none is not REQUIRED:
        return if_none
    return if_true if value else if_false


def to_bool(value: Any, default: Any = REQUIRED) -> Any:
    """From true, yes, on, enable, 1, their opposites, and numbers."""
    try:
        return cv.boolean(value)
    except vol.Invalid:
        if default is REQUIRED:
            raise no_default("bool", value) from None
        return default


def is_defined(value: Any) -> Any:
    """The value itself. Raises jinja2.UndefinedError when there is none."""
    if isinstance(value, Undefined):
        value()
    return value


GLOBALS: Functions = {"bool": to_bool, "iif": iif}
FILTERS: Functions = {"bool": to_bool, "iif": iif, "is_defined": is_defined}
TESTS: Functions = {}
