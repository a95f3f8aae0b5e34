"""Weekly blocks: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.errors import ServiceError
from nanobot.hub.bus import Event
from tests.integrations.schedule.conftest import Bench

pytestmark = pytest.mark.looptime

WORK = {
    "x": {
        "name": "Work",
        "icon": "mdi:briefcase",
        "monday": [
            {"from": "13:00", "to": "17:00"},
            {"from": "09:00", "to": "12:00", "data": {"target": 21, "mode": "comfort", "eco": False}},
        ],
        "tuesday": [{"from": "07:00", "to": "08:00"}, {"from": "08:00", "to": "09:00:30", "data": {"late": True}}],
        "sunday": [{"from": "22:00", "to": "24:00"}],
    }
}


def follow(bench: Bench) -> list[str]:
    """When the state changes, and to what: ``Mon 09:00:00 on``."""
    seen: list[str] = []

    def changed(event: Event) -> None:
        state = event.data["new_state"]
        if state is not None and state.state not in seen[-1:]:
            seen.append(f"{bench.hub.clock.now().strftime('%a %H:%M:%S')} {state.state}")

    bench.hub.states.track("schedule.x", changed)
    return seen


async def test_it_is_on_in_its_blocks(bench: Bench) -> None:
    await bench.start(WORK)
    seen = follow(bench)
    await bench.until("2026-06-08T00:00:01")
    assert seen == [
        "Mon 09:00:00 on",
        "Mon 12:00:00 off",
        "Mon 13:00:00 on",
        "Mon 17:00:00 off",
        "Tue 07:00:00 on",
        "Tue 08:00:00 on",
        "Tue 09:00:30 off",
        "Sun 22:00:00 on",
        "Mon 00:00:00 off",
    ]


async def test_what_it_shows(bench: Bench) -> None:
    await bench.start(WORK)
    assert bench.state().state == "off"
    assert bench.state().attributes["next_event"].isoformat() == "2026-06-01T09:00:00+02:00"
    await bench.until("2026-06-01T09:00")
    shown = dict(bench.state().attributes)
    assert shown.pop("next_event").isoformat() == "2026-06-01T12:00:00+02:00"
    assert shown == {
        "editable": False,
        "target": 21,
        "mode": "comfort",
        "eco": False,
        "friendly_name": "Work",
        "icon": "mdi:briefcase",
    }
    await bench.until("2026-06-01T12:00")
    assert set(bench.state().attributes) == {"editable", "next_event", "friendly_name", "icon"}


async def test_one_without_blocks_is_off(bench: Bench) -> None:
    await bench.start({"x": None})
    assert (bench.state().state, dict(bench.state().attributes)) == ("off", {"editable": False, "next_event": None})


async def test_a_block_of_a_whole_day_goes_over_midnight_without_being_off(bench: Bench) -> None:
    whole = [{"from": "00:00", "to": "24:00"}]
    await bench.start({"x": {"monday": whole, "tuesday": whole}}, "2026-06-01T23:00")
    assert bench.shown("next_event") == "Tue 00:00:00"
    seen = follow(bench)
    await bench.until("2026-06-03T01:00")
    assert seen == ["Tue 00:00:00 on", "Wed 00:00:00 off"]


@pytest.mark.parametrize(
    ("from_", "block", "seen"),
    [
        ("2026-03-28T23:00", ("01:00", "04:00"), ["Sun 01:00:00 on", "Sun 04:00:00 off"]),
        ("2026-03-28T23:00", ("02:15", "04:00"), ["Sun 03:00:00 on", "Sun 04:00:00 off"]),
        ("2026-03-28T23:00", ("01:00", "02:30"), ["Sun 01:00:00 on", "Sun 03:00:00 off"]),
        ("2026-03-28T23:00", ("02:10", "02:50"), []),
        ("2026-10-24T23:00", ("01:00", "04:00"), ["Sun 01:00:00 on", "Sun 04:00:00 off"]),
        ("2026-10-24T23:00", ("02:15", "02:45"), ["Sun 02:15:00 on", "Sun 02:45:00 off"]),
        ("2026-10-24T23:00", ("02:15", "03:15"), ["Sun 02:15:00 on", "Sun 03:15:00 off"]),
    ],
)
async def test_a_change_of_summer_time(bench: Bench, from_: str, block: tuple[str, str], seen: list[str]) -> None:
    await bench.start({"x": {"sunday": [dict(zip(("from", "to"), block, strict=True))]}}, from_)
    found = follow(bench)
    await asyncio.sleep(8 * 3600)
    assert found == seen


async def test_a_zone_of_its_own_and_another_one_of_the_hub(bench: Bench) -> None:
    block = {"monday": [{"from": "09:00", "to": "12:00"}]}
    await bench.start({"x": block, "y": {**block, "time_zone": "Asia/Tokyo"}}, "2026-06-01T04:00")
    assert (bench.state().state, bench.state("y").state) == ("off", "on")
    await bench.edit({"x": block, "y": {**block, "time_zone": "Asia/Tokyo"}}, nanobot={"time_zone": "Asia/Tokyo"})
    assert (bench.state().state, bench.state("y").state) == ("on", "on")


async def test_a_clock_that_is_set_counts_within_a_minute(bench: Bench) -> None:
    await bench.start(WORK)
    await asyncio.sleep(10)
    bench.shows("2026-06-01T14:00")
    await asyncio.sleep(61)
    assert (bench.state().state, bench.shown("next_event")) == ("on", "Mon 17:00:00")
    bench.shows("2026-06-01T07:00")
    await asyncio.sleep(61)
    assert (bench.state().state, bench.shown("next_event")) == ("off", "Mon 09:00:00")


async def test_it_is_right_after_a_restart(bench: Bench) -> None:
    await bench.start(WORK)
    await bench.restart("2026-06-01T10:00")
    assert (bench.state().state, bench.state().attributes["target"]) == ("on", 21)


async def test_get_schedule(bench: Bench) -> None:
    await bench.start(WORK)
    assert await bench.call("get_schedule") == {
        "schedule.x": {
            "monday": [
                {"from": "09:00:00", "to": "12:00:00", "data": {"target": 21, "mode": "comfort", "eco": False}},
                {"from": "13:00:00", "to": "17:00:00"},
            ],
            "tuesday": [
                {"from": "07:00:00", "to": "08:00:00"},
                {"from": "08:00:00", "to": "09:00:30", "data": {"late": True}},
            ],
            "wednesday": [],
            "thursday": [],
            "friday": [],
            "saturday": [],
            "sunday": [{"from": "22:00:00", "to": "24:00:00"}],
        }
    }


async def test_an_edit_counts_at_once_and_touches_no_other(bench: Bench) -> None:
    await bench.start({**WORK, "y": WORK["x"]})
    changed: list[Any] = []
    bench.hub.states.track("schedule.y", changed.append)
    await bench.edit({"x": {"monday": [{"from": "06:00", "to": "08:00"}]}, "y": WORK["x"]})
    assert (bench.state().state, bench.shown("next_event")) == ("on", "Mon 08:00:00")
    assert changed == []


async def test_a_wrong_edit_leaves_the_last_good_blocks(bench: Bench) -> None:
    await bench.start(WORK)
    await bench.edit({"x": {"monday": [{"from": "06:00", "to": "05:00"}]}})
    assert "05:00" in bench.state().attributes["error"]
    await bench.until("2026-06-01T09:00")
    assert bench.state().state == "on"
    await bench.edit(WORK)
    assert "error" not in bench.state().attributes


async def test_the_reload_service_reads_the_file(bench: Bench) -> None:
    await bench.start(WORK)
    bench.house.write('{"schedule": {"x": {"monday": [{"from": "00:00", "to": "24:00"}]}}}')
    await bench.hub.services.call("schedule", "reload", {})
    assert bench.state().state == "on"


async def test_services_of_what_runs_something_say_why_they_do_nothing(bench: Bench) -> None:
    await bench.start(WORK)
    with pytest.raises(ServiceError, match="weekly blocks and runs nothing, so schedule.pause has no effect"):
        await bench.call("pause")
