"""Runs that were missed: while nanobot was down, while the machine slept, and when somebody sets the clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.hub.hub import Phase
from tests.integrations.schedule.conftest import OUT, Bench

pytestmark = pytest.mark.looptime

SLOW = [OUT, {"delay": {"minutes": 10}}]


def daily(**more: Any) -> dict[str, Any]:
    return {"x": {"at": "07:30", "actions": OUT, **more}}


async def down(bench: Bench, schedules: Any, wall: str = "2026-06-04T12:00") -> list[str]:
    """Down from Monday 8:00 until then; what ran then at once."""
    await bench.start(schedules)
    await bench.until("2026-06-01T08:00")
    bench.said.clear()
    await bench.restart(wall)
    return bench.said


async def test_once_is_the_default(bench: Bench) -> None:
    assert await down(bench, daily()) == ["Thu 12:00:00 <Thu 07:30 3"]
    assert bench.state().attributes["missed"] == 3
    assert bench.shown("last_planned") == "Thu 07:30:00"
    assert bench.shown("next_run") == "Fri 07:30:00"
    await bench.until("2026-06-05T07:30")
    assert bench.said[1:] == ["Fri 07:30:00 <Fri 07:30 0"]
    assert bench.state().attributes["missed"] == 0


async def test_what_was_made_up_for_is_not_made_up_for_again(bench: Bench) -> None:
    await down(bench, daily())
    await bench.restart("2026-06-04T12:10")
    assert len(bench.said) == 1


async def test_all_run_one_after_the_other(bench: Bench) -> None:
    await down(bench, daily(missed="all", actions=SLOW))
    await bench.until("2026-06-04T13:00")
    assert bench.said == [
        "Thu 12:00:00 <Tue 07:30 1",
        "Thu 12:10:00 <Wed 07:30 1",
        "Thu 12:20:00 <Thu 07:30 1",
    ]
    assert bench.state().attributes["missed"] == 3


async def test_those_that_are_still_owed_are_made_up_for_after_another_restart(bench: Bench) -> None:
    await down(bench, daily(missed="all", actions=SLOW))
    await bench.until("2026-06-04T12:05")
    await bench.restart("2026-06-04T12:06")
    await bench.until("2026-06-04T13:00")
    assert bench.said == [
        "Thu 12:00:00 <Tue 07:30 1",
        "Thu 12:10:00 <Wed 07:30 1",
        "Thu 12:20:00 <Thu 07:30 1",
    ]


async def test_an_edit_of_the_actions_leaves_what_is_owed(bench: Bench) -> None:
    await down(bench, daily(missed="all", actions=SLOW))
    await bench.edit(daily(missed="all", actions=[OUT]))
    await bench.settle()
    assert [one[14:] for one in bench.said] == ["Tue 07:30 1", "Wed 07:30 1", "Thu 07:30 1"]


async def test_a_pause_forgets_what_is_owed(bench: Bench) -> None:
    await down(bench, daily(missed="all", actions=SLOW))
    await bench.call("pause")
    await bench.call("resume")
    await bench.until("2026-06-04T13:00")
    assert len(bench.said) == 1


async def test_all_are_a_hundred_at_most(bench: Bench) -> None:
    said = await down(bench, {"x": {"every": "1h", "missed": "all", "actions": OUT}}, "2026-06-11T12:30")
    await asyncio.sleep(0.1)
    assert len(said) == 100
    assert said[-1] == "Thu 12:30:00 <Thu 12:00 1"
    assert bench.state().attributes["missed"] == 100


async def test_skip_runs_none(bench: Bench) -> None:
    assert await down(bench, daily(missed="skip")) == []
    assert bench.state().attributes["missed"] == 3
    assert bench.shown("next_run") == "Fri 07:30:00"


@pytest.mark.parametrize(
    ("missed", "ran"), [("once", ["<Thu 07:30 2"]), ("all", ["<Tue 07:30 1", "<Wed 07:30 1", "<Thu 07:30 0"]),
                        ("skip", ["<Thu 07:30 0"])]
)  # fmt: skip
async def test_one_that_is_hardly_late_is_in_time(bench: Bench, missed: str, ran: list[str]) -> None:
    said = await down(bench, daily(missed=missed), "2026-06-04T07:30:40")
    assert [one[13:] for one in said] == ran


async def test_a_date_is_made_up_for(bench: Bench) -> None:
    said = await down(bench, daily(at="2026-06-03 10:00"))
    assert said == ["Thu 12:00:00 <Wed 10:00 1"]
    assert bench.shown("next_run") is None
    assert bench.state().state == "on"


async def test_within_the_jitter_none_is_missed(bench: Bench) -> None:
    said = await down(bench, daily(jitter="1h", missed="skip"), "2026-06-02T07:50")
    await bench.until("2026-06-02T08:31")
    assert [one[13:] for one in said] == ["<Tue 07:30 0"]


async def test_conditions_are_asked_when_it_is_made_up_for(bench: Bench) -> None:
    assert await down(bench, daily(conditions="{{ now().hour < 9 }}")) == []


async def test_they_wait_until_the_hub_has_started(bench: Bench) -> None:
    await bench.start(daily())
    await bench.house.close()
    bench.shows("2026-06-04T12:00")
    bench.house = type(bench.house)(bench.house.config_dir)
    await bench.house.open()
    bench.hub.phase = Phase.STARTING
    bench._follow()
    await bench.house.start()
    await asyncio.sleep(5)
    assert bench.said == []
    bench.hub.phase = Phase.RUNNING
    bench.hub.bus.fire("homeassistant_started")
    await bench.settle()
    assert bench.said == ["Thu 12:00:05 <Thu 07:30 4"]


async def test_a_run_that_waits_when_nanobot_stops_goes_on_and_is_no_missed_one(bench: Bench) -> None:
    end = {"event": "out", "event_data": {"planned": "end", "missed": "{{ trigger.planned.hour }}"}}
    await bench.start(daily(actions=[OUT, {"delay": {"hours": 1}}, end]))
    await bench.until("2026-06-01T07:40")
    await bench.restart("2026-06-01T08:00")
    assert bench.state().attributes["current"] == 1
    await bench.until("2026-06-01T09:00")
    assert bench.said == ["Mon 07:30:00 <Mon 07:30 0", "Mon 08:30:00 <end 7"]


async def test_other_times_written_while_it_was_down_were_not_missed(bench: Bench) -> None:
    await bench.start(daily())
    await bench.restart("2026-06-04T12:00", daily(at="06:00"))
    assert bench.said == []
    assert bench.shown("next_run") == "Fri 06:00:00"


async def test_one_that_was_taken_out_meanwhile_missed_nothing(bench: Bench) -> None:
    await bench.start(daily())
    await bench.edit({})
    bench.shows("2026-06-04T12:00")
    await bench.edit(daily())
    await bench.restart("2026-06-04T13:00", {})
    await bench.restart("2026-06-05T13:00", daily())
    assert bench.said == []


# -- the clock ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missed", "ran"),
    [("once", ["<Thu 07:30 4"]), ("all", ["<Mon 07:30 1", "<Tue 07:30 1", "<Wed 07:30 1", "<Thu 07:30 1"]),
     ("skip", [])],
)  # fmt: skip
async def test_a_machine_that_slept_missed_them_as_well(bench: Bench, missed: str, ran: list[str]) -> None:
    await bench.start(daily(missed=missed))
    await asyncio.sleep(10)
    bench.shows("2026-06-04T12:00")
    await asyncio.sleep(70)
    assert [one[13:] for one in bench.said] == ran
    assert bench.shown("next_run") == "Fri 07:30:00"
    assert bench.state().attributes["missed"] == 4


async def test_a_clock_that_is_set_back_by_an_hour_runs_nothing_twice(bench: Bench) -> None:
    await bench.start(daily())
    await bench.until("2026-06-01T07:40")
    bench.shows("2026-06-01T06:40")
    await bench.until("2026-06-02T08:00")
    assert bench.said == ["Mon 07:30:00 <Mon 07:30 0", "Tue 07:30:00 <Tue 07:30 0"]


async def test_a_clock_that_was_years_ahead_silences_nothing(bench: Bench) -> None:
    await bench.start(daily(), "2031-06-02T07:00")
    await bench.until("2031-06-02T08:00")
    bench.shows("2026-06-01T07:00")
    await asyncio.sleep(61)
    assert bench.shown("next_run") == "Mon 07:30:00"
    await bench.until("2026-06-02T08:00")
    assert bench.said[1:] == ["Mon 07:30:00 <Mon 07:30 0", "Tue 07:30:00 <Tue 07:30 0"]
    bench.said.clear()
    await bench.restart("2026-06-02T09:00")
    assert bench.said == []


async def test_a_machine_that_starts_with_a_clock_at_zero_remembers_what_ran_last(bench: Bench) -> None:
    await bench.start(daily())
    await bench.until("2026-06-01T07:40")
    bench.said.clear()
    await bench.restart("1970-01-02T06:00")
    await asyncio.sleep(10)
    bench.shows("2026-06-02T06:00")
    await bench.until("2026-06-02T08:00")
    assert bench.said == ["Tue 07:30:00 <Tue 07:30 0"]
