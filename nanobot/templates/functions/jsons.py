"""JSON in templates: values from text, and text from values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from jinja2 import Undefined, UndefinedError

from nanobot.templates.functions.arguments import REQUIRED, Functions, no_default, text_of
from nanobot.templates.limits import MAX_TEXT, weigh

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Undefined):
        value()  # raises, with its name
    raise TypeError(f"JSON has no form for a value of the type {type(value).__name__}; turn it into text first")


def to_json(value: Any, ensure_ascii: bool = False, pretty_print: bool = False, sort_keys: bool = False) -> str:
    """Without blanks, as Home Assistant writes it; with ``ensure_ascii`` in the form of Python's own library.

    Raises TypeError for what JSON cannot say: dates, sets, states.
    """
    weigh(value)
    if ensure_ascii:
        return json.dumps(value, default=_plain, indent=2 if pretty_print else None, sort_keys=sort_keys)
    option = _OPTIONS
    if pretty_print:
        option |= orjson.OPT_INDENT_2
    if sort_keys:
        option |= orjson.OPT_SORT_KEYS
    try:
        return orjson.dumps(value, _plain, option).decode()
    except orjson.JSONEncodeError as error:
        if isinstance(error.__cause__, UndefinedError):
            raise error.__cause__ from None
        raise TypeError(str(error.__cause__ or error)) from None


def from_json(value: Any, default: Any = REQUIRED) -> Any:
    try:
        return orjson.loads(text_of("from_json", value, MAX_TEXT) if isinstance(value, str) else value)
    except orjson.JSONDecodeError as error:
        if default is REQUIRED:
            raise json.JSONDecodeError(str(no_default("from_json", value)), error.doc, error.pos) from None
        return default


GLOBALS: Functions = {}
FILTERS: Functions = {"from_json": from_json, "to_json": to_json}
TESTS: Functions = {}
