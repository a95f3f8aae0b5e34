"""When a schedule runs: the moments of a plan, one after the other. Pure computation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from math import floor

from nanobot.automation import cron
from nanobot.automation.wall_clock import (
    INSTANT,
    NextShown,
    at_time,
    earliest,
    moment_of,
    next_moment,
    next_moment_once,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
EVERY_DAY = frozenset(range(7))
MOST_TRIES = 1000  # times of an interval that are looked at, from one stretch in which it may run to the next
MOST_MISSED = 100  # runs that are made up for, or counted
TOO_MANY = 250  # moments of one look into the past; with more, a shorter stretch is looked at
FIRST_LOOK = 6000.0  # s
LOOKS = 60

NextMoment = Callable[[float, tzinfo], float | None]
"""The first moment later than one, by the clock of a zone; seconds since the epoch. None when there is none."""


@dataclass(frozen=True, slots=True)
class Between:
    """The part of a day in which an interval counts, ends included. ``start`` after ``end``: over midnight."""

    start: time = time()
    end: time = time.max

    def has(self, clock: time) -> bool:
        """Whether a time of day is in it."""
        if self.start <= self.end:
            return self.start <= clock <= self.end
        return clock >= self.start or clock <= self.end


@dataclass(frozen=True, slots=True)
class Plan:
    """``parts``: each gives moments; all of them count."""

    parts: tuple[NextMoment, ...]

    def next(self, after: float, zone: tzinfo) -> float | None:
        """The first moment later than ``after``."""
        return min((found for part in self.parts if (found := part(after, zone)) is not None), default=None)

    def latest(self, after: float, until: float, zone: tzinfo) -> list[float]:
        """The last moments in (after, until], in order, at most ``MOST_MISSED``; quick however long that time is."""
        found: list[float] = []
        late_enough, too_early, width = until, None, FIRST_LOOK
        for _ in range(LOOKS):
            begin = max(after, until - width) if too_early is None else (too_early + late_enough) / 2
            some = self._up_to(begin, until, zone)
            if len(some) > TOO_MANY:
                too_early = begin
                continue
            late_enough, found = begin, some
            if len(found) >= MOST_MISSED or begin == after:
                break
            width *= 4
        return found[-MOST_MISSED:]

    def _up_to(self, after: float, until: float, zone: tzinfo) -> list[float]:
        found: list[float] = []
        moment = self.next(after, zone)
        while moment is not None and moment <= until and len(found) <= TOO_MANY:
            found.append(moment)
            moment = self.next(moment, zone)
        return found


def by_cron(expression: str) -> NextMoment:
    """One that asks for every hour goes through an hour that the clock shows twice a second time as well."""
    next_shown = cron.shown(expression)
    return _twice(next_shown) if cron.is_hourly(expression) else _once(next_shown)


def at(clock: Collection[time], weekdays: Collection[int] = EVERY_DAY) -> NextMoment:
    """Times of day."""
    return _once(earliest([at_time(one, weekdays) for one in clock]))


def on(moments: Collection[datetime]) -> NextMoment:
    """Dates with a time; one without a zone is in that of the schedule."""

    def next_one(after: float, zone: tzinfo) -> float | None:
        return min((found for one in moments if (found := _moment(one, zone)) > after), default=None)

    return next_one


def every(
    interval: timedelta,
    start: time | datetime = time(),
    between: Between | None = None,
    weekdays: Collection[int] = EVERY_DAY,
) -> NextMoment:
    """With a time of day as ``start``, the interval (of a day at most) is counted from it anew each day.

    With a date, it is counted from there on for ever: whole days by the clock on the wall, all else by the time that
    passes.
    """
    stretch = _Stretch(between, weekdays)
    if isinstance(start, time):
        shown = stretch.within(_daily(interval, start))
        return _twice(shown) if interval <= HOUR else _once(shown)
    if interval % DAY:
        return _elapsed(interval, start, stretch)
    return _whole_days(interval, start, stretch)


# -- inside -------------------------------------------------------------------------------------


def _once(next_shown: NextShown) -> NextMoment:
    return lambda after, zone: next_moment_once(after, zone, next_shown)


def _twice(next_shown: NextShown) -> NextMoment:
    return lambda after, zone: next_moment(after, zone, next_shown)


def _moment(when: datetime, zone: tzinfo) -> float:
    return moment_of(when, zone) if when.tzinfo is None else when.timestamp()


def _daily(interval: timedelta, start: time) -> NextShown:
    def next_shown(after: datetime) -> datetime:
        begin = datetime.combine(after.date(), start)
        if begin > after:
            begin -= DAY
        return min(begin + ((after - begin) // interval + 1) * interval, begin + DAY)

    return next_shown


def _whole_days(interval: timedelta, start: datetime, stretch: _Stretch) -> NextMoment:
    def next_one(after: float, zone: tzinfo) -> float | None:
        first = start if start.tzinfo is None else datetime.fromtimestamp(start.timestamp(), zone).replace(tzinfo=None)

        def next_shown(shown: datetime) -> datetime:
            return first if shown < first else first + ((shown - first) // interval + 1) * interval

        return next_moment_once(after, zone, stretch.within(next_shown))

    return next_one


def _elapsed(interval: timedelta, start: datetime, stretch: _Stretch) -> NextMoment:
    step = interval.total_seconds()

    def next_one(after: float, zone: tzinfo) -> float | None:
        first = _moment(start, zone)
        for _ in range(MOST_TRIES):
            moment = first if after < first else first + (floor((after - first) / step) + 1) * step
            if moment <= after:  # seconds with a fraction are not exact
                moment += step
            shown = datetime.fromtimestamp(moment, zone).replace(tzinfo=None)
            if stretch.has(shown):
                return moment
            after = max(moment, moment_of(stretch.begins(shown), zone) - 1e-3)
        return None

    return next_one


class _Stretch:
    """When an interval may run: by the clock on the wall, and the day of the week."""

    def __init__(self, between: Between | None, weekdays: Collection[int]) -> None:
        self._between = between or Between()
        self._weekdays = weekdays
        begins = {self._between.start}
        if self._between.start > self._between.end:
            begins.add(time())
        self.begins: Callable[[datetime], datetime] = _certain(earliest([at_time(one, weekdays) for one in begins]))

    def has(self, shown: datetime) -> bool:
        return shown.weekday() in self._weekdays and self._between.has(shown.time())

    def within(self, next_shown: NextShown) -> NextShown:
        """Those times of an interval that are in it; None when there are none for long."""

        def next_within(after: datetime) -> datetime | None:
            found = next_shown(after)
            for _ in range(MOST_TRIES):
                if found is None or self.has(found):
                    return found
                found = next_shown(max(found, self.begins(found) - INSTANT))
            return None

        return next_within


def _certain(next_shown: NextShown) -> Callable[[datetime], datetime]:
    def certain(after: datetime) -> datetime:
        found = next_shown(after)
        assert found is not None  # a time of day comes again
        return found

    return certain
