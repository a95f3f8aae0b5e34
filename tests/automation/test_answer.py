"""The shape that an automation wants of an agent's answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import voluptuous as vol

from nanobot.automation.answer import shape

WANTED = {
    "price": "number",
    "shop": "text",
    "urgent": "boolean",
    "kind": ["food", "drink"],
    "items": ["text"],
    "due?": "text",
}
GOOD = {"price": 2, "shop": "x", "urgent": True, "kind": "food", "items": ["a"]}


@pytest.mark.parametrize(
    "said",
    [
        '{"price": 2, "shop": "x", "urgent": true, "kind": "food", "items": ["a"]}',
        'Sure!\n```json\n{"price": 2, "shop": "x", "urgent": true, "kind": "food", "items": ["a"]}\n```\nMore?',
        'Here it is: {"price": 2, "shop": "x", "urgent": true, "kind": "food", "items": ["a"]} Good luck.',
    ],
    ids=["bare", "fenced", "within words"],
)
def test_json_is_found_in_what_a_model_says(said: str) -> None:
    assert shape(WANTED).read(said) == GOOD


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"price": "cheap"}, "price"),
        ({"urgent": "yes"}, "urgent"),
        ({"kind": "tea"}, "kind"),
        ({"items": "a"}, "items"),
        ({"items": [1]}, "items"),
        ({"more": 1}, "more"),
    ],
)
def test_an_answer_that_does_not_fit(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"does not fit the schema.*{said}"):
        shape(WANTED).read(orjson.dumps({**GOOD, **change}).decode())


@pytest.mark.parametrize("said", ["", "no idea", "{", "} {", "[1, 2"])
def test_what_is_no_json(said: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        shape(WANTED).read(said)


def test_the_model_is_told_the_shape_as_json_schema() -> None:
    told = shape(WANTED).json_schema
    assert told["required"] == ["price", "shop", "urgent", "kind", "items"]
    assert told["properties"]["kind"] == {"enum": ["food", "drink"]}
    assert told["properties"]["items"] == {"type": "array", "items": {"type": "string"}}
    assert told["additionalProperties"] is False
    assert '"price"' in shape(WANTED).wish


def test_what_may_be_left_out() -> None:
    assert shape({"a?": "integer"}).read("{}") == {}
    assert shape({"a?": "integer"}).read('{"a": null}') == {"a": None}
    assert shape({"a": {"b": "text"}}).read('{"a": {"b": "x"}}') == {"a": {"b": "x"}}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"a": "nuber"}, "did you mean 'number'?"),
        ({}, "wrong_kind|wrong_value"),
        ("text", "wrong_kind|wrong_value"),
        ({"a": 5}, "is none of text, number"),
    ],
)
def test_a_shape_that_is_written_wrong(written: Any, said: str) -> None:
    with pytest.raises(vol.Invalid, match=said.replace("?", r"\?")):
        shape(written)
