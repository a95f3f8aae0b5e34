"""``nanobot schema``: a JSON Schema of the whole configuration, for editors that complete and check while you type."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from nanobot.config.core import SCHEMA as CORE
from nanobot.config.merge import CORE_KEYS
from nanobot.errors import ConfigError
from nanobot.lifecycle.loader import Loader
from nanobot.util.json_schema import AS_WRITTEN, Schema, to_json_schema

# The editors' YAML server knows JSON Schema up to draft 7, and takes the argument of a tag for a text.
DRAFT = "http://json-schema.org/draft-07/schema#"
INCLUDE: Schema = {
    "type": "string",
    "pattern": "^[^\\s:]+$",
    "description": "!include FILE, !include_dir_list FOLDER, !include_dir_merge_list FOLDER, "
    "!include_dir_named FOLDER, !include_dir_merge_named FOLDER or !secret NAME",
}
USE_BLUEPRINT: Schema = {
    "type": "object",
    "description": "An item that is made from a blueprint; what else stands here takes the place of its keys.",
    "required": ["use_blueprint"],
    "properties": {
        "use_blueprint": {
            "type": "object",
            "required": ["path"],
            "properties": {"path": {"type": "string"}, "input": {"type": ["object", "null"]}},
            "additionalProperties": False,
        }
    },
}
_INCLUDE = {"$ref": "#/definitions/include"}
NOTHING: Schema = {"type": "null"}


def run(config_dir: Path) -> int:
    """Print the schema. Integrations that cannot be loaded are named on stderr and take anything."""
    loader = Loader(config_dir)
    loader.mount()
    print(json.dumps(schema_of(loader), ensure_ascii=False, indent=2))
    return 0


def schema_of(loader: Loader) -> Schema:
    """The schema of everything that can be configured with these integrations."""
    core = to_json_schema(CORE, AS_WRITTEN)
    core["properties"]["packages"] = {
        "description": "Parts of a configuration, by name; what they hold is merged into this one.",
        "anyOf": [{"type": "object", "additionalProperties": {"anyOf": [{"$ref": "#"}, _INCLUDE]}}, _INCLUDE],
    }
    definitions: dict[str, Schema] = {"include": INCLUDE, "nanobot": _includable({"anyOf": [core, NOTHING]})}
    properties: dict[str, Schema] = {
        key: {"$ref": "#/definitions/nanobot", "description": "The hub itself: name, language, time zone."}
        for key in CORE_KEYS
    }
    labelled: dict[str, Schema] = {}
    for domain in loader.names():
        found = _integration(loader, domain)
        if found is not None:
            definitions[f"integration.{domain}"] = found
            reference = {"$ref": f"#/definitions/integration.{domain}"}
            properties[domain] = reference
            labelled[f"^{domain} .+$"] = reference
    return {
        "$schema": DRAFT,
        "title": "nanobot configuration.yaml",
        "type": "object",
        "properties": properties,
        "patternProperties": labelled,
        "additionalProperties": False,
        "definitions": definitions,
    }


def _integration(loader: Loader, domain: str) -> Schema | None:
    try:
        integration = loader.find(domain)
        schema = None if integration is None else integration.schema()
    except ConfigError as error:
        print(f"nanobot: {error}", file=sys.stderr)
        return {}
    if integration is None:
        return None
    found = NOTHING if schema is None else to_json_schema(schema, AS_WRITTEN)
    manifest = integration.manifest
    about = f"{manifest.name}. {manifest.documentation}".strip()
    options = found["anyOf"] if set(found) == {"anyOf"} else [found]
    if manifest.blueprints:
        options = [_from_blueprints(option) for option in options]
        options += [USE_BLUEPRINT] if any(option.get("type") == "array" for option in options) else []
    if NOTHING not in options and not any(option.get("required") for option in options):
        options = [*options, NOTHING]
    return {**_includable({"anyOf": options}), "description": about}


def _from_blueprints(option: Schema) -> Schema:
    """A list or a mapping of items, each of which may also be made from a blueprint."""
    for word in ("items", "additionalProperties"):
        if isinstance(option.get(word), dict):
            return {**option, word: {"anyOf": [option[word], USE_BLUEPRINT]}}
    return option


def _includable(schema: Any) -> Any:
    """The schema with a tag allowed wherever a list or a mapping may stand."""
    if not isinstance(schema, dict):
        return schema
    inner = dict(schema)
    for word in ("properties", "patternProperties"):
        if word in inner:
            inner[word] = {key: _includable(value) for key, value in inner[word].items()}
    for word in ("items", "additionalProperties"):
        if word in inner:
            inner[word] = _includable(inner[word])
    if "anyOf" in inner:
        options = [_includable(option) for option in inner["anyOf"]]
        flat = [o for option in options for o in (option["anyOf"] if set(option) == {"anyOf"} else [option])]
        return {**inner, "anyOf": [o for i, o in enumerate(flat) if o not in flat[:i]]}
    if inner.get("type") in ("object", "array"):
        return {"anyOf": [inner, _INCLUDE]}
    return inner
