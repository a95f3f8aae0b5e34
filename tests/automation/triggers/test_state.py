"""``trigger: state``."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.automation.triggers.bench import Bench

DOOR = "binary_sensor.door"
STATE = {"trigger": "state", "entity_id": DOOR}


async def test_it_tells_from_what_to_what(bench: Bench) -> None:
    bench.set(DOOR, "off")
    await bench.attach({**STATE, "entity_id": "Binary_Sensor.Door", "to": "on"})
    bench.set(DOOR, "on", battery=3)
    assert await bench.said() == [DOOR]
    trigger = bench.fired[0]
    assert (trigger["from_state"].state, trigger["to_state"].state) == ("off", "on")
    assert trigger["to_state"].attributes == {"battery": 3}
    assert (trigger["for"], trigger["attribute"]) == (None, None)
    assert trigger["description"] == f"state of {DOOR}"
    state = bench.hub.states.get(DOOR)
    assert state is not None
    assert bench.contexts == [state.context]


@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({}, ["None>a", "a>a", "a>b", "b>None"]),
        ({"to": None}, ["None>a", "a>b", "b>None"]),
        ({"from": None}, ["None>a", "a>b", "b>None"]),
        ({"to": "*"}, ["None>a", "a>b", "b>None"]),
        ({"to": "b"}, ["a>b"]),
        ({"to": ["a", "b"]}, ["None>a", "a>b"]),
        ({"from": "a"}, ["a>b"]),
        ({"from": ["a", "b"], "to": ["b", "c"]}, ["a>b"]),
        ({"not_to": "b"}, ["None>a", "b>None"]),
        ({"not_from": ["a", "x"]}, ["None>a", "b>None"]),
        ({"not_to": ["a"], "from": "a"}, ["a>b"]),
        ({"attribute": "level"}, ["None>a", "a>a"]),
        ({"attribute": "level", "to": 2}, ["a>a"]),
        ({"attribute": "level", "from": None, "to": [1]}, ["None>a"]),
        ({"attribute": "level", "not_from": 1}, ["None>a"]),
    ],
    ids=str,
)
async def test_what_counts(bench: Bench, options: dict[str, Any], fires: list[str]) -> None:
    await bench.attach({**STATE, **options})
    bench.set(DOOR, "a", level=1)
    bench.set(DOOR, "a", level=1)
    bench.set(DOOR, "a", level=2)
    bench.set(DOOR, "b", level=2)
    if options.get("attribute") is None:
        bench.hub.states.remove(DOOR)
    await bench.said()
    told = [(one["from_state"], one["to_state"]) for one in bench.fired]
    assert [f"{old and old.state}>{new and new.state}" for old, new in told] == fires


@pytest.mark.looptime
async def test_for_lasts_and_a_change_ends_it(bench: Bench) -> None:
    await bench.attach({**STATE, "to": "on", "for": {"minutes": 5}})
    bench.set(DOOR, "on")
    await asyncio.sleep(240)
    bench.set(DOOR, "on", battery=1)  # nothing that counts
    await asyncio.sleep(59)
    assert await bench.said() == []
    await asyncio.sleep(2)
    assert await bench.said("for") == [timedelta(minutes=5)]
    bench.set(DOOR, "off")
    bench.set(DOOR, "on")
    await asyncio.sleep(100)
    bench.set(DOOR, "off")
    bench.set(DOOR, "on")
    bench.hub.states.remove(DOOR)
    await asyncio.sleep(1000)
    assert len(bench.fired) == 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("{{ 5 }}", 5),
        ("00:00:{{ '07' }}", 7),
        ({"seconds": "{{ wanted }}", "minutes": 1}, 68),
        ("{{ {'seconds': states('sensor.wait') | int} }}", 9),
        ("{{ trigger.to_state.attributes.patience }}", 3),
        (0.5, 0.5),
    ],
    ids=str,
)
async def test_for_may_be_a_template(bench: Bench, written: Any, seconds: float) -> None:
    bench.set("sensor.wait", "9")
    await bench.attach({**STATE, "to": "on", "for": written}, variables={"wanted": 8})
    bench.set(DOOR, "on", patience=3)
    await asyncio.sleep(seconds - 0.1)
    assert await bench.said() == []
    await asyncio.sleep(0.2)
    assert await bench.said("for") == [timedelta(seconds=seconds)]


async def test_a_for_of_nothing_fires_at_once(bench: Bench) -> None:
    await bench.attach({**STATE, "to": "on", "for": 0})
    bench.set(DOOR, "on")
    assert await bench.said() == [DOOR]


async def test_a_template_that_gives_no_duration_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.attach({**STATE, "for": "{{ 'soon' }}"}, {**STATE, "for": "{{ 1 / 0 }}"}, {**STATE, "for": "{{ -5 }}"})
    bench.set(DOOR, "on")
    assert await bench.said() == []
    assert "gave 'soon', which is no duration" in caplog.text
    assert "division by zero" in caplog.text
    assert "gave -5, which is no duration" in caplog.text


@pytest.mark.looptime
async def test_without_to_it_lasts_until_the_state_is_back(bench: Bench) -> None:
    bench.set(DOOR, "closed")
    await bench.attach({**STATE, "from": "closed", "for": 10})
    bench.set(DOOR, "opening")
    await asyncio.sleep(6)
    bench.set(DOOR, "open")  # still not closed
    await asyncio.sleep(6)
    assert [one.state for one in await bench.said("to_state")] == ["opening"]
    bench.set(DOOR, "closed")
    bench.set(DOOR, "opening")
    await asyncio.sleep(6)
    bench.set(DOOR, "closed")
    await asyncio.sleep(60)
    assert len(bench.fired) == 1


@pytest.mark.looptime
async def test_each_entity_waits_for_itself(bench: Bench) -> None:
    await bench.attach({**STATE, "entity_id": f"{DOOR}, binary_sensor.window", "to": "on", "for": 10})
    bench.set(DOOR, "on")
    await asyncio.sleep(5)
    bench.set("binary_sensor.window", "on")
    bench.set(DOOR, "off")
    await asyncio.sleep(20)
    assert await bench.said() == ["binary_sensor.window"]


@pytest.mark.looptime
async def test_where_attributes_count_each_change_has_its_own_wait(bench: Bench) -> None:
    await bench.attach({**STATE, "for": 10})
    bench.set(DOOR, "on")
    await asyncio.sleep(5)
    bench.set(DOOR, "on", battery=1)
    await asyncio.sleep(20)
    assert [one.attributes.get("battery") for one in await bench.said("to_state")] == [None, 1]


@pytest.mark.looptime
async def test_what_changes_without_end_fills_no_memory(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.attach({**STATE, "for": 3600})
    for count in range(1100):
        bench.set(DOOR, "on", count=count)
    await asyncio.sleep(4000)
    assert len(await bench.said()) == 1000
    assert "more than 1000 things wait" in caplog.text


@pytest.mark.looptime
async def test_nothing_fires_after_it_is_detached(bench: Bench) -> None:
    await bench.attach({**STATE, "for": 10})
    bench.set(DOOR, "on")
    bench.detach()
    await asyncio.sleep(20)
    assert await bench.said() == []
    assert bench.kept == {"0": {}}
