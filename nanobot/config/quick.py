"""Schemas for what is done often: what voluptuous says of a mapping, in a third of its time.

Voluptuous does for every call what can be done once for the schema. Whatever is wrong or out of the ordinary is still
left to voluptuous itself, so that what is said about it is the same. Validators are called again then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

Check = Callable[[Any], Any]


MOST_THINGS = 5000
"""In a mapping that is wrong, and still looked through by voluptuous: that takes 10 µs for each."""


class _Slow(Exception):
    """Left to voluptuous."""


def quick(schema: vol.Schema) -> Check:
    """A function that takes and gives what ``schema`` does, and raises what it raises. The data stays as it is."""
    check = _of(schema)

    def slow(data: Any) -> Any:
        return schema(dict(data) if isinstance(data, Mapping) else data)

    if check is None:
        return slow

    def run(data: Any) -> Any:
        try:
            return check(data)
        except (_Slow, ValueError, vol.Invalid):  # voluptuous finds the words
            if _things(data) > MOST_THINGS:
                raise vol.Invalid(f"this is wrong somewhere, and holds more than {MOST_THINGS} things") from None
            return slow(data)

    return run


def _things(data: Any) -> int:
    """How many values there are in it, counted until there are too many."""
    count, left = 0, [data]
    while left and count <= MOST_THINGS:
        one = left.pop()
        if isinstance(one, Mapping):
            count += len(one)
            left += one.values() if count <= MOST_THINGS else ()
        elif isinstance(one, list):
            count += len(one)
            left += one if count <= MOST_THINGS else ()
    return count


def _of(schema: Any) -> Check | None:
    """The check of something that stands in a schema; None where voluptuous has to do it."""
    if type(schema) is vol.Schema:
        if schema.required or schema.extra != vol.PREVENT_EXTRA:
            return None
        return _of(schema.schema)
    if type(schema) is dict:
        return _mapping(schema)
    if type(schema) is list:
        return _list(schema)
    if type(schema) is vol.All:
        return _all(schema)
    if type(schema) is vol.Any:
        return _any(schema)
    if isinstance(schema, type):
        return _of_type(schema)
    if schema is None or type(schema) in (str, int, bool):
        return _literal(schema)
    return None


def _within(schema: Any) -> Check:
    """As ``_of``, with voluptuous itself where it has to be."""
    check = _of(schema)
    if check is not None:
        return check
    if hasattr(schema, "__voluptuous_compile__") or not callable(schema):
        return vol.Schema(schema)
    function: Check = schema
    return function


def _all(schema: vol.All) -> Check:
    checks = [_within(one) for one in schema.validators]

    def check(value: Any) -> Any:
        for one in checks:
            value = one(value)
        return value

    return check


def _any(schema: vol.Any) -> Check:
    checks = [_within(one) for one in schema.validators]

    def check(value: Any) -> Any:
        for one in checks:
            try:
                return one(value)
            except (vol.Invalid, ValueError):
                continue
        raise _Slow

    return check


def _of_type(kind: type) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        raise vol.TypeInvalid(kind.__name__)

    return check


def _literal(wanted: Any) -> Check:
    def check(value: Any) -> Any:
        if value == wanted:
            return value
        raise vol.ScalarInvalid("not a valid value")

    return check


def _list(schema: list[Any]) -> Check | None:
    if len(schema) != 1:
        return None
    item = _within(schema[0])

    def check(value: Any) -> Any:
        if type(value) is not list:
            raise _Slow
        return [item(one) for one in value]

    return check


def _mapping(fields: dict[Any, Any]) -> Check | None:
    if not all(_is_plain(key) for key in fields):
        return _other_mapping(fields)
    checks = {str(key): _within(value) for key, value in fields.items()}
    needed = [str(key) for key in fields if type(key) is vol.Required]
    defaults: list[tuple[str, Callable[[], Any]]] = [
        (str(key), key.default) for key in fields if type(key) is not str and not _is_undefined(key.default)
    ]

    def check(data: Any) -> Any:
        if type(data) is not dict:
            raise _Slow
        found = {}
        for key, value in data.items():
            if key not in checks:
                raise _Slow
            found[key] = checks[key](value)
        for key, default in defaults:
            if key not in found:
                found[key] = checks[key](default())
        for key in needed:
            if key not in found:
                raise _Slow
        return found

    return check


def _other_mapping(fields: dict[Any, Any]) -> Check | None:
    """One whose keys are more than names: an empty one is often all that there is."""
    if any(type(key) is vol.Required or not _is_undefined(getattr(key, "default", vol.UNDEFINED)) for key in fields):
        return None
    whole = vol.Schema(fields)

    def check(data: Any) -> Any:
        return {} if type(data) is dict and not data else whole(data)

    return check


def _is_plain(key: Any) -> bool:
    if type(key) in (vol.Required, vol.Optional):
        key = key.schema
    return type(key) is str


def _is_undefined(default: Any) -> bool:
    return isinstance(default, vol.schema_builder.Undefined)
