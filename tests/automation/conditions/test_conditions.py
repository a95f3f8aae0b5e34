"""What each condition looks at, and what becomes of one that cannot be decided."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.automation.conftest import Play

STATE = {"condition": "state", "entity_id": "sensor.n"}
NUMBER = {"condition": "numeric_state", "entity_id": "sensor.n"}
NOWHERE = {"condition": "state", "entity_id": "sensor.nowhere", "state": "on"}
ON, OFF = "sensor.on", "sensor.off"

CASES: list[tuple[Any, bool]] = [
    # templates
    ("{{ n == 5 }}", True), ("{{ ' True ' }}", True), ("{{ 'TRUE' }}", True), ("{{ 1 }}", False), ("{{ 'on' }}", False),
    ("{{ none }}", False), ("{{ [1] }}", False), ("{{ nothing }}", False), ("{{ nothing.at_all }}", False),
    (True, True), (False, False), ({"condition": "template", "value_template": "{{ n == 4 }}"}, False),
    ({"condition": "{{ n == 5 }}"}, True),
    # short and long forms
    ([], True), (["{{ true }}", "{{ false }}"], False), ([["{{ true }}"], "{{ true }}"], True),
    ({"and": []}, True), ({"or": []}, False), ({"not": []}, True), ({"not": "{{ false }}"}, True),
    ({"not": ["{{ false }}", "{{ true }}"]}, False), ({"or": ["{{ false }}", "{{ true }}"], "alias": "x"}, True),
    ({"condition": ["{{ true }}", "{{ n == 5 }}"]}, True), ({"and": {"or": {"not": "{{ false }}"}}}, True),
    ({"condition": "or", "conditions": ["{{ false }}", ["{{ true }}", "{{ false }}"]]}, False),
    # disabled
    ({"condition": "template", "value_template": "{{ false }}", "enabled": False}, True),
    ({"or": [{"condition": "template", "value_template": "{{ true }}", "enabled": False}]}, False),
    ({"not": [{"condition": "template", "value_template": "{{ true }}", "enabled": False}]}, True),
    ({"condition": "template", "value_template": "{{ false }}", "enabled": "{{ 1 == 2 }}"}, True),
    # what cannot be decided
    (NOWHERE, False), ({"not": [NOWHERE]}, False), ({"or": [NOWHERE, "{{ true }}"]}, True),
    ({"or": ["{{ false }}", NOWHERE]}, False), ({"and": [NOWHERE, "{{ false }}"]}, False),
    ({"not": {"and": [NOWHERE, "{{ false }}"]}}, True), ({"not": [NOWHERE, "{{ true }}"]}, False),
    ({"not": {"not": [NOWHERE, "{{ true }}"]}}, True), ({"not": "{{ 1 / 0 }}"}, False),
    ({"not": [{**NUMBER, "entity_id": "sensor.nowhere", "above": 1}]}, False),
    ({"not": [{**NUMBER, "entity_id": "sensor.text", "above": 1}]}, False),
    ({"not": [{**NUMBER, "entity_id": "sensor.gone", "above": 1}]}, True),
    ({"not": [{**NUMBER, "above": "sensor.nowhere"}]}, False), ({"not": [{**NUMBER, "above": "sensor.gone"}]}, True),
    ({"not": [{**NUMBER, "attribute": "nope", "above": 1}]}, True),
    ({"not": [{**STATE, "attribute": "nope", "state": "1"}]}, True),
    ({"not": [{**STATE, "state": "15", "for": "{{ 'soon' }}"}]}, False),
    # numbers
    ({**NUMBER, "above": "10"}, True), ({**NUMBER, "above": 15}, False), ({**NUMBER, "below": 15}, False),
    ({**NUMBER, "above": 14.9, "below": 15.1}, True), ({**NUMBER, "above": "sensor.low"}, True),
    ({**NUMBER, "entity_id": ["sensor.n", "sensor.low"], "above": 10}, False),
    ({**NUMBER, "attribute": "num", "above": 4, "below": 6}, True), ({**NUMBER, "attribute": "text", "above": 6}, True),
    ({**NUMBER, "value_template": "{{ state.attributes.num * 10 }}", "above": 49}, True),
    ({**NUMBER, "value_template": "{{ state.state | float + n }}", "above": 19.9}, True),
    # states
    ({**STATE, "state": "15"}, True), ({**STATE, "state": [1, "15"]}, True), ({**STATE, "state": 15}, True),
    ({**STATE, "state": []}, False), ({**STATE, "entity_id": ON, "state": "ON"}, False),
    ({**STATE, "entity_id": "SENSOR.on", "state": "on"}, True), ({**STATE, "entity_id": f"{ON}, {ON}", "state": "on"}, True),
    ({**STATE, "entity_id": ON, "state": True}, True), ({**STATE, "entity_id": ON, "state": "input_text.wanted"}, True),
    ({**STATE, "entity_id": ON, "state": "input_text.nowhere"}, False),
    ({**STATE, "entity_id": ON, "state": "{{ 'on' }}"}, False),
    ({**STATE, "attribute": "num", "state": 5}, True), ({**STATE, "attribute": "num", "state": "5"}, False),
    ({**STATE, "attribute": "flag", "state": True}, True), ({**STATE, "attribute": "flag", "state": "true"}, False),
    ({**STATE, "attribute": "none", "state": None}, True), ({**STATE, "attribute": "list", "state": [[1, 2]]}, True),
    ({**STATE, "attribute": "list", "state": [1, 2]}, False),
    ({**STATE, "entity_id": [ON, OFF], "state": "on"}, False),
    ({**STATE, "entity_id": [ON, OFF], "state": "on", "match": "any"}, True),
    ({**STATE, "entity_id": [ON, "sensor.nowhere"], "state": "on", "match": "any"}, False),
    ({**STATE, "entity_id": [], "state": "on"}, True), ({**STATE, "entity_id": [], "state": "on", "match": "any"}, False),
    ({**STATE, "state": "15", "for": "00:00:50"}, False), ({**STATE, "state": "15", "for": 0}, True),
    ({**STATE, "state": "15", "for": {"seconds": "{{ 0 }}"}}, True), ({**STATE, "state": "15", "for": "{{ n }}"}, False),
    # without a trigger
    ({"condition": "trigger", "id": "x"}, False), ({"not": [{"condition": "trigger", "id": "x"}]}, True),
    ({"condition": "sender", "owner": True}, False), ({"condition": "channel", "channel": "telegram"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "holds"), CASES, ids=lambda value: str(value)[:60])
async def test_what_holds(play: Play, condition: Any, holds: bool) -> None:
    await play.set_up([{"if": condition, "then": [{"say": True}], "else": [{"say": False}]}])
    await play._set_up("input_text", {"wanted": {"initial": "on"}})
    play.put("sensor.n", "15", num=5, text="7", flag=True, none=None, list=[1, 2])
    for name, state in {"low": "10", "text": "abc", "gone": "unavailable", "on": "on", "off": "off"}.items():
        play.put(f"sensor.{name}", state)
    assert await play.call(n=5) == [holds]


NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)  # a Wednesday

TIMES: list[tuple[dict[str, Any], bool]] = [
    ({"after": "12:00:00"}, True), ({"after": "12:00:01"}, False), ({"before": "12:00"}, False), ({"before": "12:00:01"}, True),
    ({"after": "11:00", "before": "13:00"}, True), ({"after": "13:00", "before": "14:00"}, False),
    ({"after": "22:00", "before": "06:00"}, False), ({"after": "22:00", "before": "12:01"}, True),
    ({"after": "12:00", "before": "12:00"}, True), ({"after": "13:00", "before": "13:00"}, True),
    ({"weekday": "wed"}, True), ({"weekday": ["mon", "tue"]}, False), ({"weekday": "wed", "after": "13:00"}, False),
    ({"after": "sensor.eleven"}, True), ({"before": "sensor.eleven"}, False), ({"after": "input_datetime.eleven"}, True),
    ({"after": "sensor.no_time"}, False), ({"before": "sensor.no_time"}, False), ({"after": "sensor.nowhere"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("options", "holds"), TIMES, ids=str)
async def test_times(play: Play, options: dict[str, Any], holds: bool) -> None:
    play.put("sensor.eleven", "2020-01-01T11:00:00+00:00", device_class="timestamp")
    play.put("sensor.no_time", "soon", device_class="timestamp")
    play.put("input_datetime.eleven", "11:00:00", hour=11, minute=0, second=0)
    await play.set_up([{"if": {"condition": "time", **options}, "then": {"say": True}, "else": {"say": False}}])
    play.hub.clock.time, play.hub.clock.zone = NOON.timestamp, dt.UTC
    assert await play.call() == [holds]


async def test_an_entity_that_is_not_there_is_told_in_the_log(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    await play.set_up([{"if": [NOWHERE], "then": []}])
    await play.call()
    assert "sensor.nowhere" in caplog.text
