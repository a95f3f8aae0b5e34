"""A pending ``for`` goes on after a restart of the process, if what it waits for is still so."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nanobot.hub.hub import Phase
from tests.automation.triggers.bench import Bench

pytestmark = pytest.mark.looptime

DOOR = "binary_sensor.door"
STATE = {"trigger": "state", "entity_id": DOOR, "to": "on", "for": 600}
NUMERIC = {"trigger": "numeric_state", "entity_id": "sensor.n", "above": 10, "for": {"minutes": 10}}
TEMPLATE = {"trigger": "template", "value_template": "{{ is_state('binary_sensor.door', 'on') }}", "for": "00:10"}
INTEGRATION = {"trigger": "integration", "entry": "telegram work", "to": "retrying", "for": 600}


async def stopped(bench: Bench) -> dict[str, dict[str, Mapping[str, Any]]]:
    """What is on disk after nanobot stopped."""
    kept: dict[str, dict[str, Mapping[str, Any]]] = json.loads(json.dumps(bench.kept))
    bench.hub.phase = Phase.STOPPING
    bench.detach()
    return kept


async def started_again(
    before: Bench, folder: Path, kept: dict[str, Any], *written: Mapping[str, Any], after: float, **states: str
) -> Bench:
    """Another hub on the same clock, ``after`` seconds later, with these states."""
    bench = Bench(folder)
    bench._offset = before._offset
    await asyncio.sleep(after)
    bench.kept = copy.deepcopy(kept)
    bench.set("binary_sensor.door", states.get("door", "on"))
    bench.set("sensor.n", states.get("n", "12"))
    bench.set("integration.telegram_work", states.get("telegram", "retrying"))
    await bench.attach(*written)
    return bench


async def begun(bench: Bench, *written: Mapping[str, Any]) -> dict[str, Any]:
    """Everything turns true, and four minutes later nanobot stops."""
    bench.set(DOOR, "off", battery=5)
    bench.set("sensor.n", "5")
    bench.set("integration.telegram_work", "loaded")
    await bench.attach(*written)
    bench.set(DOOR, "on")
    bench.set("sensor.n", "11")
    bench.hub.states.set("integration.telegram_work", "retrying", {"error": "no route"})
    await asyncio.sleep(240)
    assert await bench.said() == []
    return await stopped(bench)


@pytest.mark.parametrize("written", [STATE, NUMERIC, TEMPLATE, INTEGRATION], ids=lambda one: one["trigger"])
async def test_the_rest_of_the_time_goes_on(bench: Bench, tmp_path: Path, written: dict[str, Any]) -> None:
    kept = await begun(bench, written)
    again = await started_again(bench, tmp_path, kept, written, after=60)
    await asyncio.sleep(299)
    assert await again.said() == []
    await asyncio.sleep(2)
    assert await again.said("for") == [timedelta(minutes=10)]
    assert again.kept == {"0": {}}
    again.detach()


@pytest.mark.parametrize("written", [STATE, NUMERIC, TEMPLATE, INTEGRATION], ids=lambda one: one["trigger"])
async def test_what_became_due_meanwhile_fires_at_once(bench: Bench, tmp_path: Path, written: dict[str, Any]) -> None:
    kept = await begun(bench, written)
    again = await started_again(bench, tmp_path, kept, written, after=3600)
    await asyncio.sleep(0.01)
    assert len(await again.said()) == 1
    again.detach()


@pytest.mark.parametrize("written", [STATE, NUMERIC, TEMPLATE, INTEGRATION], ids=lambda one: one["trigger"])
async def test_what_is_no_longer_so_is_forgotten(bench: Bench, tmp_path: Path, written: dict[str, Any]) -> None:
    kept = await begun(bench, written)
    again = await started_again(bench, tmp_path, kept, written, after=60, door="off", n="9", telegram="loaded")
    assert again.kept == {"0": {}}
    await asyncio.sleep(3600)
    assert await again.said() == []
    again.detach()


async def test_the_states_of_then_are_told(bench: Bench, tmp_path: Path) -> None:
    kept = await begun(bench, STATE)
    cause = bench.hub.states.get(DOOR)
    assert cause is not None
    again = await started_again(bench, tmp_path, kept, STATE, after=3600)
    await asyncio.sleep(0.01)
    await again.said()
    [trigger] = again.fired
    assert trigger["from_state"].state == "off"
    assert trigger["from_state"].attributes == {"battery": 5}
    assert trigger["to_state"].last_changed == pytest.approx(cause.last_changed, abs=0.001)
    assert again.contexts == [cause.context]
    again.detach()


async def test_it_still_ends_when_it_is_no_longer_so(bench: Bench, tmp_path: Path) -> None:
    kept = await begun(bench, STATE, NUMERIC, TEMPLATE, INTEGRATION)
    again = await started_again(bench, tmp_path, kept, STATE, NUMERIC, TEMPLATE, INTEGRATION, after=60)
    again.set(DOOR, "off")
    again.set("sensor.n", "9")
    again.set("integration.telegram_work", "loaded")
    await asyncio.sleep(3600)
    assert await again.said() == []
    assert all(not notes for notes in again.kept.values())
    again.detach()


@pytest.mark.parametrize(
    "notes",
    [
        {"x": {}},
        {f"{DOOR} 1": {"due": "soon", "entity_id": DOOR}},
        {f"{DOOR} 1": {"due": 1, "for": 1, "entity_id": DOOR}},
    ],
)
async def test_notes_that_cannot_be_read_are_dropped(bench: Bench, notes: dict[str, Any]) -> None:
    bench.set(DOOR, "on")
    bench.set("sensor.n", "12")
    bench.kept = {"0": dict(notes), "1": dict(notes), "2": dict(notes), "3": dict(notes)}
    await bench.attach(STATE, NUMERIC, TEMPLATE, INTEGRATION)
    assert bench.failed == []
    assert all(not kept for kept in bench.kept.values())


async def test_detached_while_nanobot_runs_it_forgets(bench: Bench) -> None:
    bench.set(DOOR, "off")
    await bench.attach(STATE)
    bench.set(DOOR, "on")
    assert bench.kept["0"]
    bench.detach()
    assert bench.kept == {"0": {}}


async def started_without(before: Bench, folder: Path, kept: dict[str, Any], *written: Mapping[str, Any]) -> Bench:
    """Another hub, a minute later, in which no entity is there yet."""
    bench = Bench(folder)
    bench._offset = before._offset
    await asyncio.sleep(60)
    bench.kept = copy.deepcopy(kept)
    await bench.attach(*written)
    return bench


LATE = pytest.mark.parametrize("written", [STATE, NUMERIC, TEMPLATE], ids=lambda one: one["trigger"])


@LATE
async def test_what_is_there_later_than_the_trigger_goes_on_with_the_rest(
    bench: Bench, tmp_path: Path, written: dict[str, Any]
) -> None:
    kept = await begun(bench, written)
    again = await started_without(bench, tmp_path, kept, written)
    await asyncio.sleep(30)
    again.set(DOOR, "unavailable")
    again.set("sensor.n", "unknown")
    await asyncio.sleep(30)
    again.set(DOOR, "on")
    again.set("sensor.n", "12")
    await asyncio.sleep(239)
    assert await again.said() == []
    await asyncio.sleep(2)
    assert await again.said("for") == [timedelta(minutes=10)], "once, and not anew from its appearance on"
    await asyncio.sleep(3600)
    assert len(again.fired) == 1
    assert again.kept == {"0": {}}
    again.detach()


@LATE
async def test_what_is_no_longer_so_when_it_is_there_is_forgotten(
    bench: Bench, tmp_path: Path, written: dict[str, Any]
) -> None:
    kept = await begun(bench, written)
    again = await started_without(bench, tmp_path, kept, written)
    again.set(DOOR, "off")
    again.set("sensor.n", "3")
    assert again.kept == {"0": {}}
    again.set(DOOR, "on")
    again.set("sensor.n", "12")
    await asyncio.sleep(599)
    assert await again.said() == []
    await asyncio.sleep(2)
    assert len(await again.said()) == 1
    again.detach()


@LATE
async def test_what_never_comes_is_given_up(bench: Bench, tmp_path: Path, written: dict[str, Any]) -> None:
    kept = await begun(bench, written)
    again = await started_without(bench, tmp_path, kept, written)
    await asyncio.sleep(601)
    assert again.kept == {"0": {}}
    again.set(DOOR, "on")
    again.set("sensor.n", "12")
    await asyncio.sleep(1)
    assert await again.said() == []
    again.detach()


async def test_a_second_stop_before_it_is_there_keeps_it(bench: Bench, tmp_path: Path) -> None:
    kept = await begun(bench, STATE)
    again = await started_without(bench, tmp_path, kept, STATE)
    assert await stopped(again) == kept
