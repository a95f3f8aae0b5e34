"""Times are read and written in the zone of the hub, and differences are right across summer time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.templates.functions.conftest import NOON, Wall

Evaluate = Callable[..., Any]


def test_now_is_local_and_utcnow_is_not(evaluate: Evaluate, wall: Wall) -> None:
    assert evaluate("now().isoformat()") == "2025-03-29T12:00:00+01:00"
    assert evaluate("utcnow().isoformat()") == "2025-03-29T11:00:00+00:00"
    wall.seconds += 24 * 3600
    assert evaluate("now().isoformat()") == "2025-03-30T13:00:00+02:00"


@pytest.mark.parametrize(
    ("expression", "looks"),
    [
        ("now()", True),
        ("utcnow()", True),
        ("today_at('10:00')", True),
        ("relative_time(as_datetime(0))", True),
        ("as_datetime(0) | time_since", True),
        ("time_until('x')", True),
        ("as_datetime(0) | as_local", False),
        ("0 | timestamp_local", False),
        ("as_timestamp('2025-01-01')", False),
    ],
)
def test_who_asks_for_the_time_is_known(evaluate: Evaluate, wall: Wall, expression: str, looks: bool) -> None:
    evaluate(expression)
    assert bool(wall.looks) is looks


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("today_at()", "2025-03-29T00:00:00+01:00"),
        ("today_at('7:05')", "2025-03-29T07:05:00+01:00"),
        ("'23:59:59' | today_at", "2025-03-29T23:59:59+01:00"),
        ("as_datetime(1709249400)", "2024-02-29T23:30:00+00:00"),
        ("'1709249400' | as_datetime", "2024-02-29T23:30:00+00:00"),
        ("as_datetime('2024-02-29T23:30:00Z')", "2024-02-29T23:30:00+00:00"),
        ("as_datetime('2024-02-29 23:30:00.5+01:00')", "2024-02-29T23:30:00.500000+01:00"),
        ("as_datetime('2024-02-29 23:30')", "2024-02-29T23:30:00"),
        ("as_datetime('2024-2-9 3:30:01 -0330')", "2024-02-09T03:30:01-03:30"),
        ("as_datetime('2024-02-29')", "2024-02-29T00:00:00"),
        ("as_datetime(day)", "2024-02-29T00:00:00"),
        ("as_datetime(now())", "2025-03-29T12:00:00+01:00"),
        ("as_local(as_datetime('2025-07-01T00:00Z'))", "2025-07-01T02:00:00+02:00"),
        ("as_datetime('2025-07-01 08:00') | as_local", "2025-07-01T08:00:00+02:00"),
        ("strptime('05/11/2023 07', '%d/%m/%Y %H')", "2023-11-05T07:00:00"),
    ],
)
def test_times_come_from_numbers_and_texts(evaluate: Evaluate, expression: str, text: str) -> None:
    assert evaluate(expression, day=date(2024, 2, 29)).isoformat() == text


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("as_datetime('nonsense')", None),
        ("as_datetime('2024-13-45')", None),
        ("as_datetime('nonsense', 'none')", "none"),
        ("none | as_datetime(default=0)", 0),
        ("as_datetime(1e300, 'far')", "far"),
        ("strptime('x', '%Y', 'none')", "none"),
        ("strptime('1', '%d%d', 'none')", "none"),
        ("strptime(5, '%Y', default=none)", None),
        ("as_timestamp('2024-02-29T23:30:00+00:00')", 1709249400.0),
        ("as_timestamp('2025-07-01 02:00')", 1751328000.0),
        ("as_timestamp(now())", NOON),
        ("as_timestamp(5, 'no time')", "no time"),
        ("'nonsense' | as_timestamp(0)", 0),
        ("as_timestamp(none, default=-1)", -1),
        ("1709249400 | timestamp_custom('%d.%m.%Y %H:%M')", "01.03.2024 00:30"),
        ("1709249400 | timestamp_custom('%H:%M', false)", "23:30"),
        ("1709249400.9 | timestamp_custom", "2024-03-01 00:30:00"),
        ("'x' | timestamp_custom('%H', true, 'none')", "none"),
        ("1e300 | timestamp_custom(default='far')", "far"),
        ("1751328000 | timestamp_local", "2025-07-01T02:00:00+02:00"),
        ("none | timestamp_local('none')", "none"),
        ("1751328000 | timestamp_utc", "2025-07-01T00:00:00+00:00"),
        ("'x' | timestamp_utc(default=1)", 1),
    ],
)
def test_times_become_numbers_and_texts(evaluate: Evaluate, expression: str, value: Any) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90", timedelta(seconds=90)),
        ("1:30", timedelta(minutes=1, seconds=30)),
        ("01:02:03", timedelta(hours=1, minutes=2, seconds=3)),
        ("-0:00:05", timedelta(seconds=-5)),
        ("0:00:01.5", timedelta(seconds=1.5)),
        ("2 days, 0:00:05", timedelta(days=2, seconds=5)),
        ("1 day 10:00:00", timedelta(days=1, hours=10)),
        ("-1 day, 23:00:00", timedelta(hours=-1)),
        ("5 10:00:00", timedelta(days=5, hours=10)),
        ("3 days", timedelta(days=3)),
        ("P1DT2H30M", timedelta(days=1, hours=2, minutes=30)),
        ("-PT1.5S", timedelta(seconds=-1.5)),
        ("PT0,5H", timedelta(minutes=30)),
        ("P", None),
        ("PT", None),
        ("", None),
        ("soon", None),
        ("9" * 30, None),
    ],
)
def test_spans_of_time_are_read_from_text(evaluate: Evaluate, text: str, span: timedelta | None) -> None:
    assert evaluate("text | as_timedelta", text=text) == span
    if span is not None:
        assert evaluate("as_timedelta(text)", text=str(span)) == span


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        ({"seconds": 0}, "0 seconds"),
        ({"seconds": 1}, "1 second"),
        ({"seconds": 59.4}, "59 seconds"),
        ({"seconds": 90}, "2 minutes"),
        ({"minutes": 59, "seconds": 59}, "60 minutes"),
        ({"hours": 2, "minutes": 20}, "2 hours"),
        ({"days": 1}, "1 day"),
        ({"days": 45}, "2 months"),
        ({"days": 800}, "2 years"),
    ],
)
def test_a_past_time_is_told_in_one_unit(evaluate: Evaluate, ago: dict[str, float], words: str) -> None:
    then = datetime.fromtimestamp(NOON, UTC) - timedelta(**ago)
    assert evaluate("relative_time(then)", then=then) == words
    assert evaluate("then | time_since", then=then) == words


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        (1, "1 day"),
        (2, "1 day 2 hours"),
        (3, "1 day 2 hours 4 minutes"),
        (4, "1 day 2 hours 3 minutes 40 seconds"),
        (0, "1 day 2 hours 3 minutes 40 seconds"),
        (9, "1 day 2 hours 3 minutes 40 seconds"),
    ],
)
def test_spans_have_as_many_units_as_wanted_and_round_the_last(evaluate: Evaluate, precision: int, words: str) -> None:
    span = timedelta(days=1, hours=2, minutes=3, seconds=40)
    now = datetime.fromtimestamp(NOON, UTC)
    assert evaluate("time_since(then, precision)", then=now - span, precision=precision) == words
    assert evaluate("then | time_until(precision=precision)", then=now + span, precision=precision) == words


def test_what_is_not_in_the_past_comes_back_as_it_is(evaluate: Evaluate) -> None:
    past, future = datetime.fromtimestamp(NOON - 60, UTC), datetime.fromtimestamp(NOON + 60, UTC)
    assert evaluate("relative_time(then)", then=future) == future
    assert evaluate("time_since(then)", then=future) == future
    assert evaluate("time_until(then)", then=past) == past
    assert evaluate("relative_time('yesterday')") == "yesterday"


def test_a_span_over_the_start_of_summer_time_has_one_hour_less_than_the_wall_shows(evaluate: Evaluate) -> None:
    assert evaluate("time_until(as_local(as_datetime('2025-03-30 12:00')), 2)") == "23 hours"
    assert evaluate("as_timestamp('2025-03-30 12:00') - as_timestamp('2025-03-29 12:00')") == 23 * 3600
    assert evaluate("time_until(as_datetime('2025-03-30 12:00'))") == "23 hours"


def test_an_hour_that_comes_twice_is_told_apart_by_its_offset(evaluate: Evaluate) -> None:
    first, second = 1761438600, 1761442200
    assert evaluate("t | timestamp_local", t=first) == "2025-10-26T02:30:00+02:00"
    assert evaluate("t | timestamp_local", t=second) == "2025-10-26T02:30:00+01:00"
    assert evaluate("as_timestamp(as_local(as_datetime(t)))", t=second) == second


def test_the_zone_of_the_hub_counts_at_each_rendering(evaluate: Evaluate, wall: Wall) -> None:
    assert evaluate("0 | timestamp_local") == "1970-01-01T01:00:00+01:00"
    wall.clock.zone = UTC
    assert evaluate("0 | timestamp_local") == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("as_datetime(none)", "as_datetime got invalid input 'None' and has no default"),
        ("strptime('x', '%Y')", "strptime got invalid input 'x' and has no default"),
        ("as_timestamp('x')", "as_timestamp got invalid input 'x' and has no default"),
        ("'x' | timestamp_custom", "timestamp_custom got invalid input 'x' and has no default"),
        ("'x' | timestamp_local", "timestamp_local got invalid input 'x' and has no default"),
        ("none | timestamp_utc", "timestamp_utc got invalid input 'None' and has no default"),
        ("today_at('25:00')", "could not convert str to datetime: '25:00'"),
        ("today_at('noon')", "could not convert str to datetime: 'noon'"),
    ],
)
def test_what_is_no_time_is_told(evaluate: Evaluate, expression: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        evaluate(expression)


def test_only_times_can_be_made_local(evaluate: Evaluate) -> None:
    with pytest.raises(TypeError, match="as_local takes a date and time, got str; as_datetime makes one"):
        evaluate("as_local('2025-01-01')")
