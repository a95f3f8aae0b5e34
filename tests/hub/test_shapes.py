"""The shapes that clients read: exact keys, exact times, and JSON of whatever is put into it."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from nanobot.contracts.entity import Entity
from nanobot.contracts.service import Response, Service
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.shapes import config_dict, event_json, services_dict, state_json, to_json
from nanobot.util.secrets import Secret


class Colour(StrEnum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"b": (1, 2), "a": {3}}, {"b": [1, 2], "a": [3]}),
        (datetime(2024, 2, 29, 1, 2, 3, 4, UTC), "2024-02-29T01:02:03.000004+00:00"),
        (date(2024, 2, 29), "2024-02-29"),
        (timedelta(minutes=5), "0:05:00"),
        (MappingProxyType({"a": frozenset({1})}), {"a": [1]}),
        (deque([1]), [1]),
        (Decimal("1.5"), 1.5),
        (Path("a") / "b", "a/b"),
        (b"\xff", "\ufffd"),
        (float("nan"), None),
        (Colour.RED, "red"),
        ({2: None, True: 2, None: 2**70}, {"2": None, "true": 2, "null": 2**70}),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Secret("hunter2"), "••••"),
        ({"big": 2**70, "at": timedelta(1), "all": {1}, "nan": float("inf"), 1: Point(1, 2)},
         {"big": 2**70, "at": "1 day, 0:00:00", "all": [1], "nan": None, "1": {"x": 1, "y": 2}}),
        ("\ud83d", "\ud83d"),
        (Context(id="x", parent_id="p"), {"id": "x", "parent_id": "p", "user_id": None}),
    ],
    ids=str,
)  # fmt: skip
def test_any_value_becomes_json(value: Any, wanted: Any) -> None:
    assert json.loads(to_json(value)) == wanted


def test_a_circle_ends() -> None:
    assert to_json(CIRCLE).endswith(b"]")


async def test_a_state_has_the_keys_and_times_that_clients_parse(hub: Hub) -> None:
    hub.clock.time = lambda: 1_700_000_000.0
    hub.states.set("sensor.a", "5", {"unit": "°C", "since": datetime(2024, 1, 1, tzinfo=UTC)}, Context(id="c"))
    state = hub.states.get("sensor.a")
    assert state is not None
    at = "2023-11-14T22:13:20.000000+00:00"
    assert json.loads(state_json(state)) == {
        "entity_id": "sensor.a",
        "state": "5",
        "attributes": {"unit": "°C", "since": "2024-01-01T00:00:00+00:00"},
        "last_changed": at,
        "last_reported": at,
        "last_updated": at,
        "context": {"id": "c", "parent_id": None, "user_id": None},
    }


async def test_a_state_is_encoded_once_until_it_is_reported_again(hub: Hub) -> None:
    now = 1_700_000_000.0
    hub.clock.time = lambda: now
    hub.states.set("sensor.a", "5")
    state = hub.states.get("sensor.a")
    assert state is not None
    assert state_json(state) is state_json(state)
    now += 60
    hub.states.set("sensor.a", "5")
    assert json.loads(state_json(state))["last_reported"] == "2023-11-14T22:14:20.000000+00:00"
    assert json.loads(state_json(state))["last_updated"] == "2023-11-14T22:13:20.000000+00:00"


async def test_an_event_carries_whole_states(hub: Hub) -> None:
    seen: list[Event] = []
    hub.bus.listen("state_changed", seen.append)
    hub.states.set("sensor.a", "5")
    told = json.loads(event_json(seen[0]))
    assert list(told) == ["event_type", "data", "origin", "time_fired", "context"]
    assert (told["event_type"], told["origin"]) == ("state_changed", "LOCAL")
    assert told["data"]["old_state"] is None
    assert told["data"]["new_state"]["state"] == "5"
    assert told["data"]["new_state"]["context"] == told["context"]


async def test_the_configuration_names_the_api_and_nanobot_itself(hub: Hub) -> None:
    hub.phase = Phase.STARTING
    told = config_dict(hub)
    assert told["version"] == "2025.4.4"
    assert told["nanobot_version"]
    assert told["state"] == "STARTING"
    assert told["unit_system"]["temperature"] == "°C"
    assert told["recovery_mode"] is False
    assert len(told) == 24  # the 23 of Home Assistant and ours
    to_json(told)


async def test_components_are_what_is_set_up_and_what_entities_belong_to(hub: Hub, entry: Entry) -> None:
    class Thing(Entity):
        entity_id = "sensor.a"
        state = "on"

    entry.add(Thing())
    assert {"homeassistant", "nanobot", "test", "sensor"} <= set(config_dict(hub)["components"])


async def test_services_say_what_they_take_and_give(hub: Hub, entry: Entry) -> None:
    def handle(call: Any) -> None: ...

    entry.add(Service("lamp", "turn_on", handle, None, Response.OPTIONAL, "Light it.", {"level": {}}, "lamp"))
    assert services_dict(hub)["lamp"] == {
        "turn_on": {
            "name": "Turn on",
            "description": "Light it.",
            "fields": {"level": {}},
            "target": {"entity": [{"domain": ["lamp"]}]},
            "response": {"optional": True},
        }
    }


async def test_clients_are_told_running_when_what_begins_with_the_start_is_done(hub: Hub) -> None:
    hub.phase, hub.settled = Phase.RUNNING, False
    assert config_dict(hub)["state"] == "STARTING"
    hub.settled = True
    assert config_dict(hub)["state"] == "RUNNING"
