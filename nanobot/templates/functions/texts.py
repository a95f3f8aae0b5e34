"""Text in templates: names fit for ids and addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode as _urlencode

from nanobot.templates.functions.arguments import Functions, text_of
from nanobot.templates.limits import check_length, weigh
from nanobot.util import text as words


def slugify(value: Any, separator: str = "_") -> str:
    """As in an entity id: ``Kitchen Light #2`` becomes ``kitchen_light_2``."""
    if value is None:
        return ""
    slug = words.slugify(text_of("slugify", value))
    return slug if separator == "_" else slug.replace("_", text_of("slugify", separator, 100))


def urlencode(value: Mapping[Any, Any] | Sequence[Any]) -> str:
    """The query of an address, made of a mapping or of pairs."""
    weigh(value)
    query = _urlencode(value)
    check_length(len(query))
    return query


GLOBALS: Functions = {"slugify": slugify, "urlencode": urlencode}
FILTERS: Functions = {"slugify": slugify}
TESTS: Functions = {}
