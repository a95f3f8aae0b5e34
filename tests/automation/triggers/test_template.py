"""``trigger: template``."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.automation.triggers.bench import Bench


async def test_it_fires_when_it_turns_true(bench: Bench) -> None:
    bench.set("sensor.n", "1")
    template = "{{ states('sensor.n') | float(0) > limit }}"
    await bench.attach({"trigger": "template", "value_template": template}, variables={"limit": 3})
    for state in ("2", "4", "5", "1", "6"):
        bench.set("sensor.n", state)
    assert [one.state for one in await bench.said("to_state")] == ["4", "6"]
    trigger = bench.fired[0]
    assert (trigger["entity_id"], trigger["from_state"].state) == ("sensor.n", "2")
    assert (trigger["platform"], trigger["for"]) == ("template", None)
    assert trigger["description"] == "sensor.n via template"
    assert bench.contexts[0] == trigger["to_state"].context


@pytest.mark.parametrize(
    ("result", "fires"),
    [
        ("true", True),
        ("On", True),
        ("yes", True),
        ("enable", True),
        ("1", True),
        ("-2.5", True),
        ("0", False),
        ("off", False),
        ("007", False),
        ("ready", False),
        ("[1]", False),
    ],
)
async def test_what_is_true(bench: Bench, result: str, fires: bool) -> None:
    bench.set("sensor.s", "no")
    await bench.attach({"trigger": "template", "value_template": "{{ states('sensor.s') }}"})
    bench.set("sensor.s", result)
    assert len(await bench.said()) == fires


async def test_what_is_true_already_does_not_fire(bench: Bench) -> None:
    bench.set("sensor.s", "on")
    await bench.attach({"trigger": "template", "value_template": "{{ is_state('sensor.s', 'on') }}"})
    bench.set("sensor.s", "on", again=1)
    assert await bench.said() == []
    bench.set("sensor.s", "off")
    bench.set("sensor.s", "on")
    assert len(await bench.said()) == 1


async def test_a_template_that_fails_is_logged_and_fires_when_it_works(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.set("sensor.n", "2")
    await bench.attach({"trigger": "template", "value_template": "{{ 4 / (states('sensor.n') | int) > 3 }}"})
    bench.set("sensor.n", "0")
    assert "division by zero" in caplog.text
    bench.set("sensor.n", "1")
    assert len(await bench.said()) == 1


@pytest.mark.looptime
async def test_for_lasts_and_another_result_ends_it(bench: Bench) -> None:
    bench.set("sensor.s", "off")
    template = "{{ is_state('sensor.s', 'on') }}"
    await bench.attach({"trigger": "template", "value_template": template, "for": {"seconds": "{{ 2 * 5 }}"}})
    bench.set("sensor.s", "on")
    await asyncio.sleep(6)
    bench.set("sensor.s", "on", other=1)
    await asyncio.sleep(6)
    assert await bench.said("for") == [timedelta(seconds=10)]
    assert [one.attributes for one in await bench.said("to_state")] == [{}]
    bench.set("sensor.s", "off")
    bench.set("sensor.s", "on")
    await asyncio.sleep(6)
    bench.set("sensor.s", "off")
    await asyncio.sleep(60)
    assert len(bench.fired) == 1


@pytest.mark.looptime
async def test_with_the_time_in_it_it_is_looked_at_each_minute(bench: Bench) -> None:
    bench.shows("2026-06-01T12:00:30")
    await bench.attach({"trigger": "template", "value_template": "{{ now().minute == 2 }}"})
    await asyncio.sleep(80)
    assert await bench.said() == []
    await asyncio.sleep(20)
    assert await bench.said("description") == ["time change or manual update via template"]
    assert await bench.said() == [None]
    assert bench.contexts == [None]
    await asyncio.sleep(7200)
    assert len(bench.fired) == 3
