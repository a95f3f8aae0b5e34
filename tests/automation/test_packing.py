"""What a run has in its hands, written down and read again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

import orjson
import pytest

from nanobot.automation.packing import pack, unpack
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.states import State

CONTEXT = Context(user_id="me", actor="automation")
STATE = State("sensor.s", "5", MappingProxyType({"list": [1, {"a": None}]}), 1.5, 2.5, CONTEXT)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 5, 1.5, "text", "", [1, [2, {"a": None}]], {"a": {"b": [True]}},
        timedelta(minutes=5, milliseconds=3), date(2026, 3, 4), time(1, 2, 3),
        datetime(2026, 3, 4, 5, 6, tzinfo=UTC), {"type": "timedelta", "value": 5}, CONTEXT,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_it_comes_back_as_it_was(value: Any) -> None:
    assert unpack(orjson.loads(orjson.dumps(pack(value)))) == value


def test_states_and_events_come_back() -> None:
    event = Event("go", {"state": STATE}, CONTEXT)
    found = unpack(orjson.loads(orjson.dumps(pack({"trigger": {"event": event}}))))["trigger"]["event"]
    assert (found.type, found.origin, found.time, found.context.id) == (
        event.type,
        event.origin,
        event.time,
        CONTEXT.id,
    )
    state = found.data["state"]
    assert (state.entity_id, state.state, state.last_changed, state.last_updated) == ("sensor.s", "5", 1.5, 2.5)
    assert dict(state.attributes) == {"list": [1, {"a": None}]}


def test_what_has_no_place_in_json_becomes_text() -> None:
    assert unpack(orjson.loads(orjson.dumps(pack({1: object, "b": {1, 2}, "c": (3,)})))) == {
        "1": str(object), "b": [1, 2], "c": [3],
    }  # fmt: skip
