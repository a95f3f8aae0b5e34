"""voluptuous' errors in words, letter for letter."""

# ruff: noqa: E501 - a sentence that is compared letter for letter stays in one line
from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.thorough import all_errors


def told(schema: Any, data: Any) -> list[str]:
    schema = schema if isinstance(schema, vol.Schema) else vol.Schema(schema)
    try:
        schema(data)
    except vol.Invalid as error:
        return [
            ": ".join(part for part in (problem.where(), problem.sentence()) if part)
            for problem in explain(all_errors(schema, data, error), data, (), schema)
        ]
    return []


@pytest.mark.parametrize(
    ("schema", "data", "line"),
    [
        ({"a": int}, [], "expected a mapping (key: value), found a list"),
        ({"a": int}, None, "expected a mapping (key: value), found nothing"),
        ({"a": int}, {"a": "x"}, "a: expected a whole number, found 'x'"),
        ({"a": str}, {"a": 5}, "a: expected text, found 5"),
        ({"a": float}, {"a": True}, "a: expected a number, found true"),
        ({"a": bool}, {"a": "maybe"}, "a: expected true or false, found 'maybe'"),
        ({"a": vol.Boolean()}, {"a": "maybe"}, "a: expected true or false, found 'maybe'"),
        ({"a": vol.Coerce(int)}, {"a": "x"}, "a: expected a whole number, found 'x'"),
        ({"a": [str]}, {"a": "x"}, "a: expected a list, found 'x'"),
        ({"a": [str]}, {"a": {"b": 1}}, "a: expected a list, found a mapping (key: value)"),
        ({"a": vol.Any(int, [str])}, {"a": {}}, "a: expected a whole number or a list, found a mapping (key: value)"),
        ({"a": vol.Maybe(int)}, {"a": "x"}, "a: expected nothing or a whole number, found 'x'"),
        ({"a": vol.Any("on", "off")}, {"a": "of"}, "a: 'of' is not possible; write one of 'on', 'off'; did you mean 'off'?"),
        ({"a": vol.In(["x", "y"])}, {"a": 5}, "a: 5 is not possible; write one of 'x', 'y'"),
        ({"a": "only"}, {"a": "x"}, "a: 'x' is not possible; write one of 'only'"),
        ({"a": vol.Range(min=0)}, {"a": -1}, "a: -1 is too small; the least is 0"),
        ({"a": vol.Range(max=9)}, {"a": 10}, "a: 10 is too big; the most is 9"),
        ({"a": vol.All(int, vol.Range(1, 9))}, {"a": 10}, "a: 10 is out of range; it has to be from 1 to 9"),
        ({"a": vol.All(str, vol.Length(min=3))}, {"a": "x"}, "a: the text is too short; it needs 3 characters at least"),
        ({"a": vol.All(str, vol.Length(max=3))}, {"a": "abcd"}, "a: the text is too long (4 characters); the most is 3"),
        ({"a": vol.All([str], vol.Length(min=1))}, {"a": []}, "a: too few items (0); 1 are needed at least"),
        ({"a": vol.All([str], vol.Length(max=1))}, {"a": ["x", "y"]}, "a: too many items (2); the most is 1"),
        ({"a": vol.Match("^x+$")}, {"a": "y"}, "a: 'y' does not have the right form (^x+$)"),
        ({"a": vol.Match("^x+$", msg="only the letter x")}, {"a": "y"}, "a: only the letter x"),
        ({"a": vol.Url()}, {"a": "y"}, "a: 'y' is not an address; write it like 'https://example.com'"),
        ({"a": {}}, {"a": {"b": 1}}, "a > b: unknown option; there are none here"),
        ({"token": str, "allow": str}, {"tokn": "x"}, "tokn: unknown option; did you mean 'token'?"),
        ({"token": str}, {"xyz": "x"}, "xyz: unknown option; there is only 'token'"),
        ({chr(97 + i) * 3: str for i in range(9)}, {"xyz": "x"}, "xyz: unknown option"),
        ({vol.Required("token"): str}, {}, "the option 'token' is missing"),
        ({vol.Required("token", msg="a token, please"): str}, {}, "a token, please"),
        ({vol.Required("token"): str}, {"tokn": "x"}, "tokn: unknown option; did you mean 'token'?"),
        ({vol.Required(vol.Any("at", "in")): str}, {}, "one of 'at', 'in' is needed"),
        ({vol.Exclusive("a", "g"): 1, vol.Exclusive("b", "g"): 1}, {"a": 1, "b": 1}, "only one of 'a', 'b' may be given"),
        ({vol.Inclusive("a", "g"): 1, vol.Inclusive("b", "g"): 1}, {"a": 1}, "'a', 'b' belong together; give all of them or none"),
        (vol.All({"a": int}, cv.has_at_least_one_key("a", "b")), {}, "one of 'a', 'b' is needed"),
        ({"a": lambda v: int(v)}, {"a": "x"}, "a: 'x' is not valid here"),
        ({"a": {cv.slug: int}}, {"a": {"B c": 1}}, "a > B c: 'B c' cannot be a name here; use small letters, digits and _; did you mean 'b_c'?"),
    ],
)  # fmt: skip
def test_one_thing_wrong(schema: Any, data: Any, line: str) -> None:
    assert told(schema, data) == [line]


def test_all_items_of_a_list_are_told_not_only_the_first() -> None:
    schema = {"steps": [{vol.Required("do"): str, "with": {"n": int}}]}
    data = {"steps": [{"do": 1}, {"do": "x", "with": {"n": "y", "m": 1}}, {"d": "x"}, {"do": "fine"}, 5]}
    assert told(schema, data) == [
        "steps > 0 > do: expected text, found 1",
        "steps > 1 > with > n: expected a whole number, found 'y'",
        "steps > 1 > with > m: unknown option; there is only 'n'",
        "steps > 2 > d: unknown option; did you mean 'do'?",
        "steps > 4: expected a mapping (key: value), found 5",
    ]


def test_schemas_inside_schemas_are_looked_into() -> None:
    inner = vol.Schema({"deep": [vol.Schema({"color": str})]})
    assert told({"a": vol.All(inner)}, {"a": {"deep": [{"colour": "x"}, {"colr": "y"}]}}) == [
        "a > deep > 0 > colour: unknown option; did you mean 'color'?",
        "a > deep > 1 > colr: unknown option; did you mean 'color'?",
    ]


def test_of_alternatives_the_one_that_comes_closest_is_explained() -> None:
    schema = {"a": vol.Any(str, {vol.Required("file"): str, "mode": vol.In(["r", "w"])})}
    assert told(schema, {"a": {"file": "x", "mode": "q"}}) == ["a > mode: 'q' is not possible; write one of 'r', 'w'"]


def test_long_values_are_cut_and_containers_not_shown() -> None:
    (line,) = told({"a": int}, {"a": "x" * 500})
    assert len(line) < 120
    assert told({"a": int}, {"a": {"password": "hunter2"}}) == [
        "a: expected a whole number, found a mapping (key: value)"
    ]
