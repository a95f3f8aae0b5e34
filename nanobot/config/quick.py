"""Schemas for the inner loop: what voluptuous says of a flat mapping, in a third of its time.

Voluptuous does for every call what can be done once for the schema. Whatever is wrong or out of the ordinary is still
left to voluptuous itself, so that what is said about it is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

Check = Callable[[Mapping[str, Any]], Any]


def quick(schema: vol.Schema) -> Check:
    """A function that takes and gives what ``schema`` does, and raises what it raises. The data stays as it is."""

    def slow(data: Mapping[str, Any]) -> Any:
        return schema(dict(data))

    fields = schema.schema
    if type(fields) is not dict or schema.extra != vol.PREVENT_EXTRA or schema.required:
        return slow
    if not all(_is_plain(key) for key in fields):
        return slow
    checks = {str(key): _check_of(value) for key, value in fields.items()}
    needed = [str(key) for key in fields if type(key) is vol.Required]
    defaults: list[tuple[str, Callable[[], Any]]] = [
        (str(key), key.default) for key in fields if type(key) is not str and not _is_undefined(key.default)
    ]

    def check(data: Mapping[str, Any]) -> Any:
        if type(data) is not dict:
            return slow(data)
        found = {}
        try:
            for key, value in data.items():
                found[key] = checks[key](value)
            for key, default in defaults:
                if key not in found:
                    found[key] = checks[key](default())
        except (KeyError, ValueError, vol.Invalid):  # an unknown key, a wrong value: voluptuous finds the words
            return slow(data)
        for key in needed:
            if key not in found:
                return slow(data)
        return found

    return check


def _is_plain(key: Any) -> bool:
    if type(key) in (vol.Required, vol.Optional):
        key = key.schema
    return type(key) is str


def _is_undefined(default: Any) -> bool:
    return isinstance(default, vol.schema_builder.Undefined)


def _check_of(value: Any) -> Callable[[Any], Any]:
    if isinstance(value, type) or hasattr(value, "__voluptuous_compile__") or not callable(value):
        return vol.Schema(value)
    function: Callable[[Any], Any] = value
    return function
