"""Alarms by the wall clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nanobot.automation.wall_clock import at_time, next_moment
from nanobot.hub.alarms import AT_ONCE, Alarms
from nanobot.util.dt import Clock

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


class Wall:
    """A wall clock that can be set, over a loop whose time is virtual."""

    def __init__(self, shows: str) -> None:
        self.offset = datetime.fromisoformat(shows).replace(tzinfo=AMSTERDAM).timestamp()
        self.offset -= asyncio.get_running_loop().time()
        self.clock = Clock(lambda: self.offset + asyncio.get_running_loop().time(), AMSTERDAM)
        self.alarms = Alarms(self.clock)

    def daily(self, at: time) -> tuple[Callable[[], None], list[str]]:
        rung: list[str] = []
        cancel = self.alarms.set(
            lambda after: next_moment(after, self.clock.zone, at_time(at)),
            lambda when: rung.append(when.isoformat()),
        )
        return cancel, rung


@pytest.mark.looptime
async def test_it_rings_every_day() -> None:
    cancel, rung = Wall("2026-06-01T07:00:00").daily(time(7, 30))
    await asyncio.sleep(48 * 3600)
    cancel()
    await asyncio.sleep(48 * 3600)
    assert rung == ["2026-06-01T07:30:00+02:00", "2026-06-02T07:30:00+02:00"]


@pytest.mark.looptime
async def test_summer_time_moves_it_by_the_wall_clock() -> None:
    cancel, rung = Wall("2026-03-28T07:00:00").daily(time(7, 30))
    await asyncio.sleep(25 * 3600)
    cancel()
    assert rung == ["2026-03-28T07:30:00+01:00", "2026-03-29T07:30:00+02:00"]


@pytest.mark.looptime
async def test_a_clock_that_is_set_forward_rings_within_a_minute() -> None:
    wall = Wall("2026-06-01T05:00:00")
    cancel, rung = wall.daily(time(7, 30))
    await asyncio.sleep(10)
    wall.offset += 3 * 3600
    await asyncio.sleep(60)
    cancel()
    assert rung == ["2026-06-01T07:30:00+02:00"]


@pytest.mark.looptime
async def test_a_clock_that_is_set_back_for_years_does_not_silence_it() -> None:
    wall = Wall("2031-06-01T05:00:00")
    cancel, rung = wall.daily(time(7, 30))
    wall.offset -= 5 * 365 * 24 * 3600
    await asyncio.sleep(24 * 3600)
    cancel()
    assert len(rung) == 1


@pytest.mark.looptime
async def test_a_clock_that_is_slewed_back_over_the_moment_rings_once() -> None:
    wall = Wall("2026-06-01T07:29:50")
    cancel, rung = wall.daily(time(7, 30))
    await asyncio.sleep(10.5)
    wall.offset -= 5
    await asyncio.sleep(600)
    cancel()
    assert rung == ["2026-06-01T07:30:00+02:00"]


@pytest.mark.looptime
async def test_a_thousand_ring_with_one_timer_and_leave_nothing() -> None:
    wall = Wall("2026-06-01T07:00:00")
    rung: list[list[str]] = []
    cancels = []
    for minute in range(1000):
        cancel, heard = wall.daily((datetime(2026, 6, 1, 7) + timedelta(minutes=minute % 20)).time())
        cancels.append(cancel)
        rung.append(heard)
    timers = len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]
    await asyncio.sleep(24 * 3600)
    assert {len(heard) for heard in rung} == {1}
    assert timers <= 1100  # those that were put off are let go of by the loop when it likes
    for cancel in cancels:
        cancel()
    assert len(wall.alarms) == 0
    assert wall.alarms._timer is None


@pytest.mark.looptime
async def test_others_have_a_turn_while_many_ring() -> None:
    wall = Wall("2026-06-01T07:00:00")
    order: list[str] = []
    loop = asyncio.get_running_loop()
    due = wall.clock.time() + 5
    for _ in range(3 * AT_ONCE):
        wall.alarms.set(lambda after: due if after <= due else None, lambda when: order.append("alarm"))
    loop.call_later(5, lambda: loop.call_soon(order.append, "other"))
    await asyncio.sleep(10)
    assert order.index("other") <= AT_ONCE
    assert order.count("alarm") == 3 * AT_ONCE


@pytest.mark.looptime
async def test_one_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    wall = Wall("2026-06-01T07:00:00")

    def fail(when: object) -> Any:
        raise RuntimeError("broken")

    wall.alarms.set(lambda after: next_moment(after, AMSTERDAM, at_time(time(7, 30))), fail)
    wall.alarms.set(fail, fail)
    _, rung = wall.daily(time(7, 30))
    await asyncio.sleep(3600)
    assert len(rung) == 1
    assert "broken" in caplog.text


@pytest.mark.looptime
async def test_another_zone_counts_at_once() -> None:
    wall = Wall("2026-06-01T07:00:00")
    _, rung = wall.daily(time(7, 30))
    wall.clock.zone = ZoneInfo("Europe/London")
    wall.alarms.reset()
    await asyncio.sleep(2 * 3600)
    assert rung == ["2026-06-01T07:30:00+01:00"]
