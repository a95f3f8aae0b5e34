"""Texts of your own: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp


async def test_attributes(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_text", {"a": None, "b": {"min": 2, "max": 5, "initial": "abc", "pattern": "[a-z]*"}})
    a, b = hub.states.get("input_text.a"), hub.states.get("input_text.b")
    assert a is not None
    assert b is not None
    assert a.state == "unknown"
    assert dict(a.attributes) == {"editable": False, "min": 0, "max": 100, "pattern": None, "mode": "text"}
    assert b.state == "abc"
    assert dict(b.attributes) == {"editable": False, "min": 2, "max": 5, "pattern": "[a-z]*", "mode": "text"}


@pytest.mark.parametrize(
    ("value", "state"),
    [("zz", "zz"), ("toolong", "abc"), ("z", "abc"), (123, "123"), (True, "True"), ("ABC", "ABC")],
    ids=["fits", "too long", "too short", "number", "bool", "not the pattern"],
)
async def test_set_value(hub: Hub, set_up: SetUp, value: Any, state: str) -> None:
    await set_up("input_text", {"t": {"min": 2, "max": 5, "initial": "abc", "pattern": "[a-z]*"}})
    await hub.services.call("input_text", "set_value", {"entity_id": "input_text.t", "value": value})
    found = hub.states.get("input_text.t")
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("{min: 6, max: 5}", "t > max: max (5) is smaller than min (6)"),
        ("{max: 2, initial: abc}", "t > initial: has 3 characters, not 0 to 2"),
        ("{max: 300}", "t > max: 300 is out of range; it has to be from 0 to 255"),
        ("{pattern: '['}", "t > pattern: is not a regular expression: unterminated character set at position 0"),
    ],
)
async def test_mistakes_are_told(house: House, item: str, text: str) -> None:
    applied = await house.apply(f"input_text:\n  t: {item}\n")
    assert [str(problem) for problem in applied.problems] == [f"configuration.yaml:2: input_text > {text}"]
