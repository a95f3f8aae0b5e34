"""Alarms by the wall clock."""

from __future__ import annotations

import asyncio
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from nanobot.automation.alarm import Alarm, next_time
from nanobot.util.dt import Clock

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
SAO_PAULO = ZoneInfo("America/Sao_Paulo")  # changed at midnight


@pytest.mark.parametrize(
    ("after", "at", "zone", "then"),
    [
        ("2026-06-01T07:29:59", time(7, 30), AMSTERDAM, ["2026-06-01T07:30:00+02:00", "2026-06-02T07:30:00+02:00"]),
        ("2026-06-01T07:30:00", time(7, 30), AMSTERDAM, ["2026-06-02T07:30:00+02:00"]),
        ("2026-03-28T12:00:00", time(2, 30), AMSTERDAM, ["2026-03-30T02:30:00+02:00"]),
        ("2026-03-29T01:00:00", time(3, 0), AMSTERDAM, ["2026-03-29T03:00:00+02:00"]),
        (
            "2026-10-24T12:00:00",
            time(2, 30),
            AMSTERDAM,
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"],
        ),
        ("2026-10-24T23:00:00", time(3, 0), AMSTERDAM, ["2026-10-25T03:00:00+01:00", "2026-10-26T03:00:00+01:00"]),
        ("2011-12-29T12:00:00", time(9, 0), APIA, ["2011-12-31T09:00:00+14:00"]),
        ("2018-11-03T12:00:00", time(0, 30), SAO_PAULO, ["2018-11-05T00:30:00-02:00"]),
        ("2018-02-17T22:00:00", time(23, 30), SAO_PAULO, ["2018-02-17T23:30:00-02:00", "2018-02-17T23:30:00-03:00"]),
    ],
    ids=[
        "soon",
        "now is over",
        "skipped",
        "after the gap",
        "twice",
        "after the fold",
        "no such day",
        "midnight",
        "late",
    ],
)
def test_next_time(after: str, at: time, zone: ZoneInfo, then: list[str]) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=zone).timestamp()
    found = []
    for _ in then:
        moment = next_time(moment, at, zone)
        found.append(datetime.fromtimestamp(moment, zone).isoformat())
    assert found == then


class Wall:
    """A wall clock that can be set, over a loop whose time is virtual."""

    def __init__(self, shows: str) -> None:
        self.offset = datetime.fromisoformat(shows).replace(tzinfo=AMSTERDAM).timestamp()
        self.offset -= asyncio.get_running_loop().time()
        self.clock = Clock(lambda: self.offset + asyncio.get_running_loop().time(), AMSTERDAM)

    def daily(self, at: time) -> tuple[Alarm, list[str]]:
        rung: list[str] = []
        alarm = Alarm(
            self.clock,
            lambda after: next_time(after, at, AMSTERDAM),
            lambda when: rung.append(when.isoformat()),
        )
        alarm.set()
        return alarm, rung


@pytest.mark.looptime
async def test_it_rings_every_day() -> None:
    alarm, rung = Wall("2026-06-01T07:00:00").daily(time(7, 30))
    await asyncio.sleep(48 * 3600)
    alarm.cancel()
    await asyncio.sleep(48 * 3600)
    assert rung == ["2026-06-01T07:30:00+02:00", "2026-06-02T07:30:00+02:00"]


@pytest.mark.looptime
async def test_summer_time_moves_it_by_the_wall_clock() -> None:
    alarm, rung = Wall("2026-03-28T07:00:00").daily(time(7, 30))
    await asyncio.sleep(25 * 3600)
    alarm.cancel()
    assert rung == ["2026-03-28T07:30:00+01:00", "2026-03-29T07:30:00+02:00"]


@pytest.mark.looptime
async def test_a_clock_that_is_set_forward_rings_within_a_minute() -> None:
    wall = Wall("2026-06-01T05:00:00")
    alarm, rung = wall.daily(time(7, 30))
    await asyncio.sleep(10)
    wall.offset += 3 * 3600
    await asyncio.sleep(60)
    alarm.cancel()
    assert rung == ["2026-06-01T07:30:00+02:00"]


@pytest.mark.looptime
async def test_a_clock_that_is_set_back_for_years_does_not_silence_it() -> None:
    wall = Wall("2031-06-01T05:00:00")
    alarm, rung = wall.daily(time(7, 30))
    wall.offset -= 5 * 365 * 24 * 3600
    await asyncio.sleep(24 * 3600)
    alarm.cancel()
    assert len(rung) == 1


@pytest.mark.looptime
async def test_a_clock_that_is_slewed_back_over_the_moment_rings_once() -> None:
    wall = Wall("2026-06-01T07:29:50")
    alarm, rung = wall.daily(time(7, 30))
    await asyncio.sleep(10.5)
    wall.offset -= 5
    await asyncio.sleep(600)
    alarm.cancel()
    assert rung == ["2026-06-01T07:30:00+02:00"]
