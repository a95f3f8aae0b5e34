"""When a plan runs, over changes of summer time."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import thread_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.schedule.item import schedule
from integrations.schedule.plan import MOST_MISSED, Plan

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
SPRING, AUTUMN = "2026-03-29", "2026-10-25"


def plan(**written: Any) -> Plan:
    found: Plan = schedule({**written, "actions": []})["plan"]
    return found


def moment(wall: str) -> float:
    return datetime.fromisoformat(wall).replace(tzinfo=AMSTERDAM).timestamp()


def runs(planned: Plan, after: str, count: int, form: str = "%a %H:%M") -> list[str]:
    found: list[str] = []
    now = moment(after)
    for _ in range(count):
        following = planned.next(now, AMSTERDAM)
        if following is None:
            return [*found, "never"]
        assert following > now
        now = following
        found.append(datetime.fromtimestamp(now, AMSTERDAM).strftime(form))
    return found


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ({"at": "07:30"}, ["Mon 07:30", "Tue 07:30"]),
        ({"at": ["18:00", "07:30"]}, ["Mon 07:30", "Mon 18:00", "Tue 07:30"]),
        ({"at": "07:30", "weekday": ["wed", "sun"]}, ["Wed 07:30", "Sun 07:30", "Wed 07:30"]),
        ({"at": "2026-06-03 18:00"}, ["Wed 18:00", "never"]),
        ({"at": "2026-06-03T18:00:00+00:00"}, ["Wed 20:00", "never"]),
        ({"at": ["2026-06-01 06:00", "2026-06-02 06:00", "05:00"]}, ["Mon 06:00", "Tue 05:00", "Tue 06:00"]),
        ({"at": "2025-01-01 12:00"}, ["never"]),
        ({"cron": "0 7 * * mon-fri"}, ["Mon 07:00", "Tue 07:00"]),
        ({"cron": ["0 7 * * *", "@hourly"]}, ["Mon 06:00", "Mon 07:00", "Mon 08:00"]),
        ({"every": "2h"}, ["Mon 06:00", "Mon 08:00"]),
        ({"every": "1h 30min"}, ["Mon 06:00", "Mon 07:30", "Mon 09:00"]),
        ({"every": {"hours": 7}}, ["Mon 07:00", "Mon 14:00", "Mon 21:00", "Tue 00:00", "Tue 07:00"]),
        ({"every": "00:45", "start": "05:50"}, ["Mon 05:05", "Mon 05:50", "Mon 06:35"]),
        ({"every": "1d"}, ["Tue 00:00", "Wed 00:00"]),
        ({"every": "1d", "start": "07:00", "weekday": "fri"}, ["Fri 07:00", "Fri 07:00"]),
        (
            {"every": "5h", "between": {"from": "08:00", "to": "18:00"}},
            ["Mon 08:00", "Mon 13:00", "Mon 18:00", "Tue 08:00"],
        ),
        (
            {"every": "3h", "between": {"from": "22:00", "to": "04:00"}},
            ["Mon 22:00", "Tue 01:00", "Tue 04:00", "Tue 22:00"],
        ),
        (
            {"every": "2h", "between": {"from": "22:00", "to": "01:00"}, "weekday": "wed"},
            ["Wed 00:00", "Wed 22:00", "Wed 00:00"],
        ),
        ({"every": "2h", "start": "07:00", "between": {"from": "08:00", "to": "11:00"}}, ["Mon 09:00", "Mon 11:00"]),
        ({"every": "2d", "start": "2026-05-31 07:00"}, ["Tue 07:00", "Thu 07:00"]),
        ({"every": "36h", "start": "2026-05-31 12:00"}, ["Tue 00:00", "Wed 12:00"]),
        ({"every": "36h", "start": "2026-07-05 12:00"}, ["Sun 12:00", "Tue 00:00"]),
        (
            {"every": "1h", "start": "2026-05-31 12:10", "between": {"from": "08:00", "to": "09:30"}, "weekday": "mon"},
            ["Mon 08:10", "Mon 09:10", "Mon 08:10"],
        ),
    ],
    ids=str,
)
def test_the_runs_of_a_plan(written: dict[str, Any], then: list[str]) -> None:
    assert runs(plan(**written), "2026-06-01T05:00", len(then)) == then


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ({"at": "02:30"}, ["03:00", "02:30"]),
        ({"at": ["02:15", "02:45", "03:00"]}, ["03:00", "02:15"]),
        ({"at": f"{SPRING} 02:30"}, ["03:00", "never"]),
        ({"cron": "30 2 * * *"}, ["03:00", "02:30"]),
        ({"cron": "*/20 2 * * *"}, ["03:00", "02:00", "02:20"]),
        ({"cron": "30 * * * *"}, ["00:30", "01:30", "03:30", "04:30"]),
        ({"every": "2h"}, ["00:00", "03:00", "04:00"]),
        ({"every": "30min"}, ["00:00", "00:30", "01:00", "01:30", "03:00", "03:30"]),
        ({"every": "1d", "start": "02:30"}, ["03:00", "02:30"]),
        ({"every": "1d", "start": "2026-03-01 02:30"}, ["03:00", "02:30"]),
        ({"every": "2h", "start": "2026-03-28 22:00"}, ["00:00", "03:00", "05:00", "07:00"]),
    ],
    ids=str,
)
def test_what_the_clock_skips_in_spring_runs_right_after_the_gap(written: dict[str, Any], then: list[str]) -> None:
    assert runs(plan(**written), "2026-03-28T23:45", len(then), "%H:%M") == then


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ({"at": "02:30"}, ["25 02:30 CEST", "26 02:30 CET"]),
        ({"at": f"{AUTUMN} 02:30"}, ["25 02:30 CEST", "never"]),
        ({"at": ["02:30", "03:00"]}, ["25 02:30 CEST", "25 03:00 CET", "26 02:30 CET"]),
        ({"cron": "30 2 * * *"}, ["25 02:30 CEST", "26 02:30 CET"]),
        ({"cron": "*/30 2 * * *"}, ["25 02:00 CEST", "25 02:30 CEST", "26 02:00 CET"]),
        ({"cron": "0 * * * sun"}, ["25 00:00 CEST", "25 01:00 CEST", "25 02:00 CEST", "25 02:00 CET", "25 03:00 CET"]),
        ({"every": "2h"}, ["25 00:00 CEST", "25 02:00 CEST", "25 04:00 CET"]),
        ({"every": "1h"}, ["25 00:00 CEST", "25 01:00 CEST", "25 02:00 CEST", "25 02:00 CET", "25 03:00 CET"]),
        ({"every": "2h", "start": "2026-10-24 22:00"}, ["25 00:00 CEST", "25 02:00 CEST", "25 03:00 CET"]),
    ],
    ids=str,
)
def test_what_the_clock_shows_twice_in_autumn_runs_once(written: dict[str, Any], then: list[str]) -> None:
    assert runs(plan(**written), "2026-10-24T23:00", len(then), "%d %H:%M %Z") == then


def test_the_zone_is_that_of_the_schedule() -> None:
    one = plan(at=["2026-12-24 18:00", "07:00"])
    for zone in (ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")):
        found = [one.next(datetime(2026, 12, 24, hour, tzinfo=zone).timestamp(), zone) for hour in (6, 12)]
        assert [datetime.fromtimestamp(when or 0, zone).hour for when in found] == [7, 18]


def test_the_latest_moments_are_found_quickly_however_long_it_was() -> None:
    until = moment("2026-06-01T12:00:00")
    busy = plan(cron="* * * * *")
    begin = thread_time()
    found = busy.latest(0.0, until, AMSTERDAM)
    assert thread_time() - begin < 2
    assert found == [until - 60 * before for before in reversed(range(MOST_MISSED))]


def test_the_latest_moments_of_a_plan_that_is_seldom_busy() -> None:
    busy_in_march = plan(cron="* * * 3 *")
    found = busy_in_march.latest(moment("2020-01-01T00:00"), moment("2026-06-01T12:00"), AMSTERDAM)
    assert found[-1] == moment("2026-03-31T23:59")
    assert len(found) == MOST_MISSED


def test_few_moments_are_all_found() -> None:
    daily = plan(at="07:30")
    found = daily.latest(moment("2026-06-01T07:30"), moment("2026-06-04T07:30"), AMSTERDAM)
    assert found == [moment(f"2026-06-0{day}T07:30") for day in (2, 3, 4)]
    assert daily.latest(found[-1], found[-1] + timedelta(hours=23).total_seconds(), AMSTERDAM) == []
