"""From voluptuous to JSON Schema, for editors, forms and models.

``voluptuous-openapi`` does the work. What it cannot look into, a function, is described by its name or left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import voluptuous as vol

Schema = dict[str, Any]

_BOUNDS = (int, float, type(None))

DURATION: Schema = {
    "anyOf": [
        {"type": "number"},
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                unit: {"type": ["number", "string"]}
                for unit in ("weeks", "days", "hours", "minutes", "seconds", "milliseconds")
            },
            "additionalProperties": False,
        },
    ]
}

KNOWN: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "template": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number"},
    "whole_number": {"type": "integer"},
    "positive_int": {"type": "integer", "minimum": 0},
    "positive_float": {"type": "number", "minimum": 0},
    "small_float": {"type": "number", "minimum": 0, "maximum": 1},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "latitude": {"type": "number", "minimum": -90, "maximum": 90},
    "longitude": {"type": "number", "minimum": -180, "maximum": 180},
    "size": {
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": "^ *[0-9.]+ *([kKmMgGtT]?i?[bB]?|bytes?) *$"},
        ]
    },
    "slug": {"type": "string", "pattern": "^[a-z0-9]+(_[a-z0-9]+)*$"},
    "identifier": {"type": "string", "pattern": "^[a-z_][a-z0-9_]*$"},
    "entity_id": {"type": "string", "pattern": "^[A-Za-z0-9_]+\\.[A-Za-z0-9_]+$"},
    "entity_ids": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "service_name": {"type": "string", "pattern": "^[A-Za-z0-9_]+\\.[A-Za-z0-9_]+$"},
    "time": {"type": "string", "pattern": "^\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d+)?)?$"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string"},
    "time_period": DURATION,
    "positive_time_period": DURATION,
    "weekday": {"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
    "url": {"type": "string", "pattern": "^https?://"},
    "secret": {"type": "string"},
    "icon": {"type": "string", "pattern": "^[a-z0-9-]+:[a-z0-9_-]+$"},
    "chat_id": {"type": "string"},
    "language": {"type": "string"},
    "time_zone": {"type": "string"},
    "country": {"type": "string", "pattern": "^[A-Za-z]{2}$"},
    "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
    "existing_file": {"type": "string"},
    "existing_folder": {"type": "string"},
}
"""Validators by the name of their function, in the words that a model understands best."""

AS_WRITTEN: Mapping[str, Schema] = {
    **KNOWN,
    "string": {"type": ["string", "number", "boolean"]},
    "template": {"type": ["string", "number", "boolean"]},
    "boolean": {"type": ["boolean", "string"]},
    "chat_id": {"type": ["string", "integer"]},
}
"""The same for an editor: all that may be written in YAML."""


def to_json_schema(schema: Any, known: Mapping[str, Schema] = KNOWN) -> Schema:
    """JSON Schema (draft 2020-12 words) of a voluptuous schema. A part that cannot be described takes anything."""
    return _Converter(known).convert(schema)


class _Converter:
    def __init__(self, known: Mapping[str, Schema]) -> None:
        self.known = known

    def convert(self, schema: Any) -> Schema:
        special = self.special(schema)
        return self.plain(schema) if special is None else special

    def special(self, schema: Any) -> Schema | None:
        """What the library would get wrong or refuse; None where it does well."""
        match schema:
            case None:
                return {"type": "null"}
            case vol.Schema():
                return self.mapping(schema.schema, schema.extra) if isinstance(schema.schema, dict) else self.convert(
                    schema.schema)  # fmt: skip
            case dict():
                return self.mapping(schema, vol.PREVENT_EXTRA)
            case list() | tuple():
                return self.sequence(schema)
            case vol.All():
                return self.every(schema.validators)
            case vol.Any() | vol.Union():
                return _either([self.convert(option) for option in schema.validators])
            case vol.In():
                return {"enum": list(cast(Iterable[Any], schema.container))}
            case vol.Length():
                return _length(schema)
        item = getattr(schema, "item", None)
        if item is not None and hasattr(schema, "by"):
            return self.items(item, by_key=schema.by == "key")
        if (options := getattr(schema, "options", None)) is not None:
            return {"enum": list(options)}
        return self.function(schema)

    def function(self, schema: Any) -> Schema | None:
        name = getattr(schema, "__name__", "")
        if schema is list:
            return {"type": "array"}  # of anything
        if schema is object:
            return {}
        if isinstance(schema, vol.Range) and not all(isinstance(end, _BOUNDS) for end in (schema.min, schema.max)):
            return {}  # between two durations or times, which JSON does not know
        if isinstance(schema, type) or not callable(schema) or isinstance(schema, (vol.Range, vol.Coerce, vol.Match)):
            return None
        if name == "ensure_list":
            return {}
        return dict(self.known[name]) if name in self.known else {}

    def plain(self, schema: Any) -> Schema:
        from voluptuous_openapi import OpenApiVersion, convert

        try:
            found: Schema = convert(schema, openapi_version=OpenApiVersion.V3_1)
        except (ValueError, TypeError, KeyError, AttributeError):  # it meets schemas that it was not made for
            return {}
        return found

    def mapping(self, schema: Mapping[Any, Any], extra: Any) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        rest: Schema | bool = extra != vol.PREVENT_EXTRA
        for key, value in schema.items():
            inner = key.schema if isinstance(key, vol.Marker) else key
            if isinstance(key, vol.Remove):
                continue
            names = inner.validators if isinstance(inner, vol.Any) else (inner,)
            for name in names:
                if not isinstance(name, str):
                    rest = self.convert(value) if inner is not vol.Extra else True
                    continue
                properties[name] = _described(self.convert(value), key)
                if isinstance(key, vol.Required) and len(names) == 1 and isinstance(key.default, vol.Undefined):
                    required.append(name)
        found: Schema = {"type": "object", "properties": properties, "additionalProperties": rest}
        if required:
            found["required"] = required
        return found

    def items(self, item: Any, *, by_key: bool) -> Schema:
        one = self.convert(item)
        if not by_key:
            return _either([{"type": "array", "items": one}, one, {"type": "null"}])
        return _either([{"type": "object", "additionalProperties": _either([one, {"type": "null"}])}, {"type": "null"}])

    def sequence(self, schema: Any) -> Schema:
        return {"type": "array", "items": _either([self.convert(item) for item in schema])} if schema else {
            "type": "array", "maxItems": 0}  # fmt: skip

    def every(self, validators: Any) -> Schema:
        """``All``: what each says, together. ``ensure_list`` before a list also takes a single item or nothing."""
        found: Schema = {}
        for validator in validators:
            for word, value in self.convert(validator).items():
                found.setdefault(word, value)
        loose = any(getattr(v, "__name__", "") in ("ensure_list", "ensure_list_csv") for v in validators)
        if loose and found.get("type") == "array":
            return _either([found, found.get("items", {}), {"type": "null"}])
        if "maxLength" in found and found.get("type") == "array":
            found["maxItems"] = found.pop("maxLength")
        if "minLength" in found and found.get("type") == "array":
            found["minItems"] = found.pop("minLength")
        return found


def _length(schema: vol.Length) -> Schema:
    limits = {"minLength": schema.min, "maxLength": schema.max}
    return {word: limit for word, limit in limits.items() if limit is not None}


def _either(options: list[Schema]) -> Schema:
    flat: list[Schema] = []
    for option in options:
        for one in option["anyOf"] if set(option) == {"anyOf"} else [option]:
            if one == {}:
                return {}
            if one not in flat:
                flat.append(one)
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _described(found: Schema, key: Any) -> Schema:
    if not isinstance(key, vol.Marker):
        return found
    if isinstance(key.description, str) and key.description:
        found = {**found, "description": key.description}
    default: Callable[[], Any] | Any = getattr(key, "default", vol.UNDEFINED)
    if not isinstance(default, vol.Undefined):
        value = default()
        if isinstance(value, (str, int, float, bool)) or value in ([], {}):
            found = {**found, "default": value}
    return found
