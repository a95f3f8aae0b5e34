"""``action:``: which service, on what, with what; and ``event:``."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.errors import NanobotError
from nanobot.hub.bus import Event
from tests.automation.conftest import Play

A, B = "input_text.a", "input_text.b"

TARGETS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "one": ({"target": {"entity_id": A}}, ("x", "")),
    "list": ({"target": {"entity_id": [A, B]}}, ("x", "x")),
    "with commas": ({"target": {"entity_id": f"{A}, {B}"}}, ("x", "x")),
    "capital letters": ({"target": {"entity_id": A.upper()}}, ("x", "")),
    "template of a list": ({"target": {"entity_id": f"{{{{ ['{A}', '{B}'] }}}}"}}, ("x", "x")),
    "template with commas": ({"target": {"entity_id": f"{{{{ '{A},{B}' }}}}"}}, ("x", "x")),
    "template in a list": ({"target": {"entity_id": [f"{{{{ '{A}' }}}}", B]}}, ("x", "x")),
    "template as a whole": ({"target": f"{{{{ {{'entity_id': '{A}'}} }}}}"}, ("x", "")),
    "in the data": ({"data": {"entity_id": A, "value": "x"}}, ("x", "")),
    "in both": ({"data": {"entity_id": A, "value": "x"}, "target": {"entity_id": B}}, ("", "x")),
    "the older way": ({"entity_id": A}, ("x", "")),
    "the older way counts more": ({"entity_id": A, "target": {"entity_id": B}}, ("x", "")),
    "none": ({"target": {"entity_id": "none"}}, ("", "")),
    "nothing": ({"target": {"entity_id": []}}, ("", "")),
    "one that is not there": ({"target": {"entity_id": [A, "input_text.nowhere"]}}, ("x", "")),
    "one of another kind": ({"target": {"entity_id": [A, "input_select.mood"]}}, ("x", "")),
    "devices and areas are passed over": ({"target": {"entity_id": A, "area_id": "attic"}}, ("x", "")),
}


@pytest.fixture
async def notes(play: Play, set_up: Any) -> Play:
    await play.set_up()
    await set_up("input_text", {"a": {"initial": ""}, "b": {"initial": ""}})
    return play


def states(play: Play) -> tuple[str, ...]:
    found = [play.hub.states.get(entity_id) for entity_id in (A, B)]
    return tuple(state.state for state in found if state)


async def run(play: Play, action: dict[str, Any], **data: Any) -> None:
    await play._set_up("script", {"s": {"sequence": [action]}})
    await play.call(**data)


@pytest.mark.parametrize(("target", "after"), TARGETS.values(), ids=TARGETS)
async def test_targets(notes: Play, target: dict[str, Any], after: tuple[str, str]) -> None:
    await run(notes, {"action": "input_text.set_value", "data": {"value": "x"}, **target})
    assert states(notes) == after


@pytest.mark.parametrize("given", ["{{ 'not an id' }}", "{{ 5 }}", "{{ ['a'] }}"])
async def test_a_target_that_is_none_is_refused(notes: Play, given: str) -> None:
    with pytest.raises(NanobotError, match="target"):
        await run(notes, {"action": "input_text.set_value", "data": {"value": "x"}, "target": {"entity_id": given}})


NAMES: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({"action": "input_text.set_value"}, "x"),
    "older": ({"service": "input_text.set_value"}, "x"),
    "oldest": ({"service_template": "input_text.{{ 'set_value' }}"}, "x"),
    "template": ({"action": "input_text.{{ 'SET' }}_value "}, "x"),
    "capital letters": ({"action": "INPUT_TEXT.set_value"}, "x"),
    "data as a template": ({"action": "input_text.set_value", "data": "{{ {'value': 'y'} }}"}, "y"),
    "older data": ({"action": "input_text.set_value", "data_template": {"value": "{{ 1 + 1 }}"}}, "2"),
    "what reads like a list stays text": (
        {"action": "input_text.set_value", "data": {"value": "{{ 'a, b' }}"}},
        "a, b",
    ),
    "numbers with commas stay text": ({"action": "input_text.set_value", "data": {"value": "{{ '1, 2' }}"}}, "1, 2"),
    "what editors leave": ({"action": "input_text.set_value", "metadata": {"x": 1}}, "x"),
}


@pytest.mark.parametrize(("action", "value"), NAMES.values(), ids=NAMES)
async def test_names_and_data(notes: Play, action: dict[str, Any], value: str) -> None:
    await run(notes, {"data": {"value": "x"}, "target": {"entity_id": A}, **action})
    assert states(notes)[0] == value


EVENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "native types": ({"a": "{{ 42 }}", "b": "{{ [1, none] }}", "{{ 'c' }}": {"d": ["{{ n }}"]}},
                     {"a": 42, "b": [1, None], "c": {"d": [6]}}),
    "text around": ({"a": "{{ 1 }}{{ 2 }}", "b": " x {{ 1 }} ", "c": "{{ '0x10' }}", "d": "{{ '1e3' }}"},
                    {"a": 12, "b": "x 1", "c": "0x10", "d": "1e3"}),
    "plain": ({"a": True, "b": 1.5, "c": "007", "d": None}, {"a": True, "b": 1.5, "c": "007", "d": None}),
    "what cannot be rendered": ({"a": "{{ 1 / 0 }}", "b": 1}, {}),
    "undefined": ({"a": "{{ nothing }}"}, {"a": ""}),
}  # fmt: skip


@pytest.mark.parametrize(("data", "fired"), EVENTS.values(), ids=EVENTS)
async def test_data_of_an_event(play: Play, data: dict[str, Any], fired: dict[str, Any]) -> None:
    seen: list[Event] = []
    play.hub.bus.listen("told", seen.append)
    await play.set_up([{"event": "told", "event_data": data}, {"say": "after"}])
    assert await play.call(n=6) == ["after"]
    assert [event.data for event in seen] == [fired]


async def test_huge_data_of_an_event_is_bounded(play: Play) -> None:
    seen: list[Event] = []
    play.hub.bus.listen("told", seen.append)
    await play.set_up([{"event": "told", "event_data": {"a": "{{ 'x' * 100000000 }}"}}, {"say": "after"}])
    assert await play.call() == ["after"]
    assert len(str(seen[0].data)) < 1_000_000
