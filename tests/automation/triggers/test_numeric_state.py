"""``trigger: numeric_state``."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.automation.triggers.bench import Bench

N = "sensor.n"
NUMERIC = {"trigger": "numeric_state", "entity_id": N}


@pytest.mark.parametrize(
    ("options", "states", "fires"),
    [
        ({"above": 10}, ["5", "10", "10.5", "12", "9", "11"], ["10.5", "11"]),
        ({"below": 10}, ["15", "10", "9", "8", "11", "9.9"], ["9", "9.9"]),
        ({"above": 10, "below": 20}, ["5", "25", "15", "30", "12"], ["15", "12"]),
        ({"above": "10"}, ["5", "11"], ["11"]),
        ({"above": 10}, ["12", "13", "9", "11"], ["11"]),
        ({"above": 10}, ["5", "unavailable", "11"], ["11"]),
        ({"above": 10}, ["12", "unavailable", "13", "unknown", "14"], ["13", "14"]),
        ({"above": 10}, ["12", "broken", "13"], []),
        ({"above": 10}, ["5", "broken", "13"], ["13"]),
        ({"above": 10}, ["5", "nan", "inf"], ["inf"]),
    ],
)
async def test_it_fires_when_the_range_is_entered(
    bench: Bench, options: dict[str, Any], states: list[str], fires: list[str]
) -> None:
    bench.set(N, states[0])
    await bench.attach({**NUMERIC, **options})
    for state in states[1:]:
        bench.set(N, state)
    assert [one.state for one in await bench.said("to_state")] == fires


async def test_it_tells_the_bounds_and_the_states(bench: Bench) -> None:
    bench.set(N, "5")
    bench.set("input_number.top", "20")
    await bench.attach({**NUMERIC, "above": 10, "below": "input_number.top"})
    bench.set(N, "15")
    await bench.said()
    [trigger] = bench.fired
    assert (trigger["above"], trigger["below"], trigger["for"]) == (10.0, "input_number.top", None)
    assert (trigger["from_state"].state, trigger["to_state"].state) == ("5", "15")
    assert (trigger["platform"], trigger["description"]) == ("numeric_state", f"numeric state of {N}")
    assert bench.contexts == [trigger["to_state"].context]


async def test_a_new_entity_inside_the_range_does_not_fire(bench: Bench) -> None:
    await bench.attach({**NUMERIC, "above": 10})
    bench.set(N, "15")
    bench.set(N, "16")
    assert await bench.said() == []
    bench.set(N, "9")
    bench.set(N, "11")
    assert await bench.said() == [N]


async def test_a_bound_that_is_not_there_or_unavailable(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.set(N, "5")
    await bench.attach({**NUMERIC, "above": "sensor.bound"})
    bench.set(N, "6")
    assert "there is no entity sensor.bound" in caplog.text
    bench.set("sensor.bound", "unavailable")
    bench.set(N, "7")  # outside of a range that nobody knows
    bench.set("sensor.bound", "3")
    assert await bench.said() == []
    bench.set(N, "8")
    assert await bench.said() == [N]


async def test_an_attribute(bench: Bench) -> None:
    await bench.attach({**NUMERIC, "attribute": "level", "above": 10})
    bench.set(N, "x")
    bench.set(N, "x", level=11)
    bench.set(N, "y", level=12)
    bench.set(N, "y", level=None)
    bench.set(N, "y", level="13")
    assert [one.attributes["level"] for one in await bench.said("to_state")] == [11, "13"]


async def test_a_value_template_sees_state_and_the_variables(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    template = "{{ state.attributes.raw * factor }}"
    await bench.attach({**NUMERIC, "value_template": template, "above": 10}, variables={"factor": 2})
    for raw in (4, 6, 5, None, 7):
        bench.set(N, "x", raw=raw)
    assert [one.attributes["raw"] for one in await bench.said("to_state")] == [6, 7]
    assert "unsupported operand" in caplog.text


@pytest.mark.looptime
async def test_for_lasts_and_leaving_the_range_ends_it(bench: Bench) -> None:
    bench.set(N, "5")
    await bench.attach({**NUMERIC, "above": 10, "for": "{{ trigger.above }}"})
    bench.set(N, "11")
    await asyncio.sleep(6)
    bench.set(N, "12")
    await asyncio.sleep(6)
    assert await bench.said("for") == [timedelta(seconds=10)]
    assert [one.state for one in await bench.said("to_state")] == ["11"]
    for outside in ("9", "unavailable", "broken"):
        bench.set(N, "9")
        bench.set(N, "11")
        await asyncio.sleep(6)
        bench.set(N, outside)
        await asyncio.sleep(60)
    assert len(bench.fired) == 1


async def test_each_entity_is_armed_by_itself(bench: Bench) -> None:
    bench.set(N, "5")
    bench.set("sensor.m", "15")
    await bench.attach({**NUMERIC, "entity_id": [N, "sensor.m"], "above": 10})
    bench.set("sensor.m", "16")
    bench.set(N, "11")
    assert await bench.said() == [N]
