"""The fields of a service, as it describes them for people, in JSON Schema: for services that others check.

Selectors are Home Assistant's (2025.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nanobot.util.json_schema import DURATION

Schema = dict[str, Any]
Options = Mapping[str, Any]

MAX_OPTIONS = 200  # values of one field that are told

_TEXT: Schema = {"type": "string"}
_PARTS_OF_A_COLOUR: Schema = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": 255},
    "minItems": 3,
    "maxItems": 3,
}


def schema_of(field: Mapping[str, Any]) -> Schema:
    """``field``: in the shape of services.yaml. Of a selector that is not known, any value."""
    selector = field.get("selector")
    name, options = next(iter(selector.items()), ("", None)) if isinstance(selector, Mapping) else (selector, None)
    made = _KINDS.get(str(name))
    options = options if isinstance(options, Mapping) else {}
    schema = {} if made is None else made(options)
    if made is not None and options.get("multiple") is True and schema.get("type") != "array":
        schema = {"type": "array", "items": schema}
    if about := _about(field, options):
        schema["description"] = about
    if "default" in field:
        schema["default"] = field["default"]
    if field.get("example") is not None:
        schema["examples"] = [field["example"]]
    return schema


def is_required(field: Mapping[str, Any]) -> bool:
    """Whether it says that a call has to give it."""
    return field.get("required") is True and "default" not in field


def _about(field: Mapping[str, Any], options: Options) -> str:
    about = str(field.get("description") or field.get("name") or "")
    unit = options.get("unit_of_measurement") or options.get("unit")
    return f"{about} ({unit})".strip() if unit else about


def _number(options: Options) -> Schema:
    limits = {"minimum": options.get("min"), "maximum": options.get("max")}
    return {"type": "number", **{key: value for key, value in limits.items() if isinstance(value, int | float)}}


def _select(options: Options) -> Schema:
    given = options.get("options")
    values = [one.get("value") if isinstance(one, Mapping) else one for one in given or ()]
    if not values or options.get("custom_value") or len(values) > MAX_OPTIONS:
        return dict(_TEXT)
    return {"enum": values}


def _constant(options: Options) -> Schema:
    return {"const": options["value"]} if "value" in options else {}


def _always(schema: Schema) -> Callable[[Options], Schema]:
    return lambda options: dict(schema)


_TEXTS = (
    "addon area assist_pipeline attribute backup_location config_entry conversation_agent country datetime device "
    "entity file floor icon label language state statistic template text theme"
)
_KINDS: Mapping[str, Callable[[Options], Schema]] = {
    **dict.fromkeys(_TEXTS.split(), _always(_TEXT)),
    "boolean": _always({"type": "boolean"}),
    "color_rgb": _always(_PARTS_OF_A_COLOUR),
    "color_temp": _number,
    "constant": _constant,
    "date": _always({"type": "string", "format": "date"}),
    "duration": _always(DURATION),
    "location": _always({"type": "object"}),
    "media": _always({"type": "object"}),
    "number": _number,
    "select": _select,
    "target": _always({"type": "object"}),
    "time": _always({"type": "string", "description": "such as 07:30:00"}),
}
