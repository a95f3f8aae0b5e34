"""The shapes that the description of the API names: what states, events, services and the configuration look like."""

from __future__ import annotations

from typing import Any

from nanobot.contracts.view import JsonSchema

TEXT: JsonSchema = {"type": "string"}
NUMBER: JsonSchema = {"type": "number"}
FLAG: JsonSchema = {"type": "boolean"}
ANYTHING: JsonSchema = {}
TIME: JsonSchema = {"type": "string", "format": "date-time"}
MOMENT: JsonSchema = {
    "type": "string",
    "description": "ISO 8601; without an offset in the time zone of the hub",
    "examples": ["2026-01-31T12:00:00+00:00"],
}
SWITCH: JsonSchema = {
    "type": "string",
    "description": "on without a value or with `true`; off with `0` or `false`",
}
ENTITY_ID: JsonSchema = {"type": "string", "examples": ["input_boolean.lamp"]}


def ref(name: str) -> JsonSchema:
    """One of ``SHAPES``."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(item: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": item}


def mapping_of(item: JsonSchema) -> JsonSchema:
    return {"type": "object", "additionalProperties": item}


def record(required: dict[str, JsonSchema], optional: dict[str, JsonSchema] | None = None) -> dict[str, Any]:
    """An object with these keys, and perhaps more: clients ignore what they do not know."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def maybe(schema: JsonSchema) -> JsonSchema:
    return {"anyOf": [schema, {"type": "null"}]}


SHAPES: dict[str, JsonSchema] = {
    "Failure": record({"message": TEXT}),
    "Message": record({"message": TEXT}),
    "Context": record({"id": maybe(TEXT), "parent_id": maybe(TEXT), "user_id": maybe(TEXT)}),
    "State": record(
        {
            "entity_id": ENTITY_ID,
            "state": {"type": "string", "maxLength": 255},
            "attributes": mapping_of(ANYTHING),
            "last_changed": TIME,
            "last_reported": TIME,
            "last_updated": TIME,
            "context": ref("Context"),
        }
    ),
    "PastState": record(
        {"state": TEXT, "last_changed": TIME}, {"entity_id": ENTITY_ID, "attributes": mapping_of(ANYTHING)}
    ),
    "LogbookRow": record(
        {"when": TIME},
        {
            "name": maybe(TEXT),
            "message": maybe(TEXT),
            "state": maybe(TEXT),
            "entity_id": maybe(TEXT),
            "domain": maybe(TEXT),
            "icon": maybe(TEXT),
            "context_id": maybe(TEXT),
            "context_user_id": maybe(TEXT),
        },
    ),
    "Service": record(
        {"name": TEXT, "description": TEXT, "fields": mapping_of(mapping_of(ANYTHING))},
        {"target": mapping_of(ANYTHING), "response": record({"optional": FLAG})},
    ),
    "Config": record(
        {
            "components": list_of(TEXT),
            "config_dir": TEXT,
            "country": maybe(TEXT),
            "currency": TEXT,
            "elevation": NUMBER,
            "external_url": maybe(TEXT),
            "internal_url": maybe(TEXT),
            "language": TEXT,
            "latitude": NUMBER,
            "location_name": TEXT,
            "longitude": NUMBER,
            "nanobot_version": TEXT,
            "recovery_mode": FLAG,
            "state": {"enum": ["NOT_RUNNING", "STARTING", "RUNNING", "STOPPING", "FINAL_WRITE"]},
            "time_zone": TEXT,
            "unit_system": mapping_of(TEXT),
            "version": TEXT,
        }
    ),
    "ConfigEntry": record(
        {"entry_id": TEXT, "domain": TEXT, "title": TEXT, "state": TEXT, "reason": maybe(TEXT), "source": TEXT}
    ),
    "Checked": record(
        {
            "result": {"enum": ["valid", "invalid"]},
            "errors": maybe(TEXT),
            "warnings": maybe(TEXT),
            "problems": list_of(ANYTHING),
        }
    ),
    "Applied": record(
        {"applied": FLAG},
        {
            "added": list_of(TEXT),
            "changed": list_of(TEXT),
            "removed": list_of(TEXT),
            "problems": list_of(ANYTHING),
            "reason": TEXT,
        },
    ),
    "Done": record({"result": {"const": "ok"}}),
}
