"""The answer that an automation wants of an agent: its shape in YAML, told to the agent, and read from what it says.

schema: {price: number, shop: text, urgent: boolean, kind: [food, drink], items: [text]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
import voluptuous as vol

from nanobot.config.wrong import expected
from nanobot.util.text import nearest

KINDS: Mapping[str, tuple[Any, dict[str, Any]]] = {
    "text": (str, {"type": "string"}),
    "number": (vol.All(vol.Any(int, float), vol.Coerce(float)), {"type": "number"}),
    "integer": (int, {"type": "integer"}),
    "boolean": (bool, {"type": "boolean"}),
    "object": (dict, {"type": "object"}),
    "list": (list, {"type": "array"}),
}
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


class Shape:
    """What the answer has to look like: ``check(value)``, and ``json_schema`` to tell it."""

    def __init__(self, check: vol.Schema, json_schema: dict[str, Any]) -> None:
        self.check = check
        self.json_schema = json_schema

    @property
    def wish(self) -> str:
        """For the agent, behind the prompt."""
        schema = orjson.dumps(self.json_schema).decode()
        return f"Answer with JSON alone, without any other words. It has to fit this JSON Schema: {schema}"

    def read(self, text: str) -> Any:
        """The value. Raises ``ValueError`` with a sentence that says what is wrong with it."""
        fenced = _FENCED.search(text)
        given = (fenced[1] if fenced else text).strip()
        try:
            value = orjson.loads(given)
        except orjson.JSONDecodeError:
            start, end = given.find("{"), given.rfind("}")
            try:
                value = orjson.loads(given[start : end + 1])
            except orjson.JSONDecodeError as error:
                raise ValueError(f"the answer is no JSON: {error}") from None
        try:
            return self.check(value)
        except vol.Invalid as error:
            raise ValueError(f"the answer does not fit the schema: {error}") from None


def shape(value: Any) -> Shape:
    """For schemas: a mapping of names to kinds. A name that ends in ``?`` may be left out."""
    if not isinstance(value, Mapping) or not value:
        raise expected("mapping", value)
    check, told = _mapping(value, ())
    return Shape(vol.Schema(check), told)


def _mapping(value: Mapping[Any, Any], path: tuple[Any, ...]) -> tuple[Any, dict[str, Any]]:
    checks: dict[Any, Any] = {}
    properties: dict[str, Any] = {}
    required: list[str] = []
    for written, kind in value.items():
        name = str(written).removesuffix("?")
        check, properties[name] = _kind(kind, (*path, written))
        if str(written).endswith("?"):
            checks[vol.Optional(name)] = vol.Any(None, check)
        else:
            checks[vol.Required(name)] = check
            required.append(name)
    return checks, {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _kind(kind: Any, path: tuple[Any, ...]) -> tuple[Any, dict[str, Any]]:
    if isinstance(kind, Mapping):
        return _mapping(kind, path)
    if isinstance(kind, list):
        if len(kind) == 1:
            check, told = _kind(kind[0], path)
            return [check], {"type": "array", "items": told}
        return vol.In(kind), {"enum": kind}
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    near = nearest(str(kind), KINDS)
    hint = f"; did you mean '{near}'?" if near else ""
    raise vol.Invalid(f"is none of {', '.join(KINDS)}, a list of values, or a mapping{hint}", path=list(path))
