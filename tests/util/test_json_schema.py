"""JSON Schema of what schemas are made of."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.util.json_schema import AS_WRITTEN, to_json_schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (str, {"type": "string"}),
        (None, {"type": "null"}),
        (vol.In(["a", "b"]), {"enum": ["a", "b"]}),
        (cv.one_of("a", "b"), {"enum": ["a", "b"]}),
        (vol.All(vol.Coerce(int), vol.Range(1, 5)), {"type": "integer", "minimum": 1, "maximum": 5}),
        (vol.All(str, vol.Length(min=2)), {"type": "string", "minLength": 2}),
        (vol.All([str], vol.Length(max=2)), {"type": "array", "items": {"type": "string"}, "maxItems": 2}),
        (vol.Any(int, None), {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (vol.Any(int, lambda value: value), {}),
        (cv.port, {"type": "integer", "minimum": 1, "maximum": 65535}),
        (cv.boolean, {"type": "boolean"}),
        (lambda value: value, {}),
        ([], {"type": "array", "maxItems": 0}),
        (
            vol.Schema({"a": int}, extra=vol.ALLOW_EXTRA),
            {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True},
        ),
        ({cv.slug: int}, {"type": "object", "properties": {}, "additionalProperties": {"type": "integer"}}),
    ],
)
def test_a_schema_becomes_json_schema(schema: Any, expected: dict[str, Any]) -> None:
    assert to_json_schema(schema) == expected


def test_options_have_descriptions_defaults_and_what_is_required() -> None:
    schema = vol.Schema(
        {
            vol.Required("token", description="From @BotFather"): cv.secret,
            vol.Optional("mode", default="poll"): vol.In(["poll", "push"]),
            vol.Required("port", default=80): cv.port,
        }
    )
    assert to_json_schema(schema) == {
        "type": "object",
        "properties": {
            "token": {"type": "string", "description": "From @BotFather"},
            "mode": {"enum": ["poll", "push"], "default": "poll"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 80},
        },
        "additionalProperties": False,
        "required": ["token"],
    }


def test_a_list_that_takes_a_single_item_says_so() -> None:
    found = to_json_schema(vol.All(cv.ensure_list, [cv.string]))
    assert found == {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}, {"type": "null"}]}


def test_an_editor_is_told_all_that_may_be_written() -> None:
    assert to_json_schema(cv.string, AS_WRITTEN) == {"type": ["string", "number", "boolean"]}


def test_items_are_described_one_by_one() -> None:
    item = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    assert to_json_schema(cv.Items({"a": int})) == {
        "anyOf": [
            {"type": "object", "additionalProperties": {"anyOf": [item, {"type": "null"}]}},
            {"type": "null"},
        ]
    }
    assert to_json_schema(cv.Items({"a": int}, by="index")) == {
        "anyOf": [{"type": "array", "items": item}, item, {"type": "null"}]
    }
