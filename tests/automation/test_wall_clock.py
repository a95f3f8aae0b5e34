"""When the clock on the wall shows something."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from nanobot.automation.cron import next_time
from nanobot.automation.wall_clock import (
    NextShown,
    at_time,
    earliest,
    matching,
    moment_of,
    next_moment,
    next_moment_once,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
SAO_PAULO = ZoneInfo("America/Sao_Paulo")  # changed at midnight
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # changes by half an hour


def shown(after: str, zone: ZoneInfo, count: int, next_shown: NextShown) -> list[str]:
    moment, found = datetime.fromisoformat(after).replace(tzinfo=zone).timestamp(), []
    for _ in range(count):
        following = next_moment(moment, zone, next_shown)
        assert following is not None
        moment = following
        found.append(datetime.fromtimestamp(moment, zone).isoformat())
    return found


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
def test_a_time_of_day(after: str, at: time, zone: ZoneInfo, then: list[str]) -> None:
    assert shown(after, zone, len(then), at_time(at)) == then


@pytest.mark.parametrize(
    ("after", "zone", "units", "then"),
    [
        ("2026-06-01T07:29:59.5", AMSTERDAM, (range(24), range(60), range(0, 60, 30)), ["07:30:00", "07:30:30"]),
        ("2026-06-01T22:50:00", AMSTERDAM, (range(0, 24, 5), range(1), range(1)), ["00:00:00", "05:00:00"]),
        ("2026-06-01T10:17:59", AMSTERDAM, (range(24), range(17, 18), range(5, 6)), ["11:17:05", "12:17:05"]),
        ("2026-03-29T01:40:00", AMSTERDAM, (range(24), range(0, 60, 30), range(1)), ["03:00:00", "03:30:00"]),
        (
            "2026-10-25T02:20:00",
            AMSTERDAM,
            (range(2, 3), range(0, 60, 30), range(1)),
            ["02:30:00", "02:00:00", "02:30:00", "02:00:00"],
        ),
        (
            "2026-04-05T01:20:00",
            LORD_HOWE,
            (range(24), range(0, 60, 20), range(1)),
            ["01:40:00", "01:40:00", "02:00:00"],
        ),
    ],
    ids=["seconds", "hours over midnight", "each hour", "over a gap", "over a fold", "half an hour"],
)
def test_a_pattern(after: str, zone: ZoneInfo, units: tuple[range, range, range], then: list[str]) -> None:
    assert [one[11:19] for one in shown(after, zone, len(then), matching(*units))] == then


def test_only_some_days_of_the_week() -> None:
    saturday_and_monday = at_time(time(7, 0), {5, 0})
    then = ["2026-06-06T07:00:00+02:00", "2026-06-08T07:00:00+02:00", "2026-06-13T07:00:00+02:00"]
    assert shown("2026-06-02T12:00:00", AMSTERDAM, 3, saturday_and_monday) == then


@pytest.mark.parametrize(
    ("expression", "after", "then"),
    [
        ("0 7 * * mon-fri", "2026-10-23T08:00", ["2026-10-26T07:00+01:00", "2026-10-27T07:00+01:00"]),
        ("30 2 * * *", "2026-03-28T12:00", ["2026-03-30T02:30+02:00"]),
        (
            "30 2 * * *",
            "2026-10-24T12:00",
            ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"],
        ),
        ("*/30 * * * *", "2026-10-25T02:45", ["2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"]),
        ("30 2 25 10 *", "2026-10-25T02:30", ["2026-10-25T02:30+01:00", "2027-10-25T02:30+02:00"]),
        ("0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00+01:00", "2032-02-29T00:00+01:00"]),
        ("@daily", "2026-06-01T10:00", ["2026-06-02T00:00+02:00"]),
    ],
    ids=["weekdays", "skipped", "twice", "from within the hour that comes twice", "once a year", "leap", "word"],
)
def test_a_cron_expression(expression: str, after: str, then: list[str]) -> None:
    moment, found = datetime.fromisoformat(after).replace(tzinfo=AMSTERDAM).timestamp(), []
    for _ in then:
        following = next_time(expression, moment, AMSTERDAM)
        assert following is not None
        moment = following
        found.append(datetime.fromtimestamp(moment, AMSTERDAM).isoformat(timespec="minutes"))
    assert found == then


def test_what_never_comes_has_no_next_moment() -> None:
    assert next_time("0 0 30 2 *", 0.0, UTC) is None


@pytest.mark.parametrize(
    ("after", "at", "zone", "then"),
    [
        ("2026-03-28T12:00", time(2, 30), AMSTERDAM, ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("2026-10-24T12:00", time(2, 30), AMSTERDAM, ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        ("2026-10-24T12:00", time(3, 0), AMSTERDAM, ["2026-10-25T03:00:00+01:00"]),
        ("2011-12-29T12:00", time(9, 0), APIA, ["2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"]),
        ("2018-11-03T12:00", time(0, 30), SAO_PAULO, ["2018-11-04T01:00:00-02:00", "2018-11-05T00:30:00-02:00"]),
        ("2018-02-17T22:00", time(23, 30), SAO_PAULO, ["2018-02-17T23:30:00-02:00", "2018-02-18T23:30:00-03:00"]),
        ("2026-10-03T12:00", time(2, 10), LORD_HOWE, ["2026-10-04T02:30:00+11:00", "2026-10-05T02:10:00+11:00"]),
        ("2026-04-04T12:00", time(1, 45), LORD_HOWE, ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
    ],
    ids=["gap", "fold", "after the fold", "no such day", "midnight", "late", "half an hour", "half an hour twice"],
)
def test_each_time_once(after: str, at: time, zone: ZoneInfo, then: list[str]) -> None:
    moment, found = datetime.fromisoformat(after).replace(tzinfo=zone).timestamp(), list[str]()
    for _ in then:
        following = next_moment_once(moment, zone, at_time(at))
        assert following is not None
        assert following == moment_of(datetime.fromisoformat(then[len(found)]).replace(tzinfo=None), zone)
        moment = following
        found.append(datetime.fromtimestamp(moment, zone).isoformat())
    assert found == then


def test_once_from_within_the_hour_that_comes_twice() -> None:
    second = datetime(2026, 10, 25, 2, 10, tzinfo=AMSTERDAM, fold=1).timestamp()
    found = next_moment_once(second, AMSTERDAM, earliest([at_time(time(2, 30)), at_time(time(2, 50))]))
    assert found == datetime(2026, 10, 26, 2, 30, tzinfo=AMSTERDAM).timestamp()
