"""When the clock on the wall shows something, over changes of summer time and of the zone itself.

``next_moment``: a time that the clock skips is skipped; one that it shows twice comes twice.
``next_moment_once``: a time that the clock skips comes when it has skipped it; one that it shows twice comes once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, time, timedelta, tzinfo
from math import ceil, floor

PROBE = 7 * 24 * 3600  # s; no zone changes its offset and back within that time
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what the wall shows has no zone
INSTANT = timedelta(microseconds=1)
CHANGES = 1000  # of a zone's offset that are looked at before giving up

NextShown = Callable[[datetime], datetime | None]
"""The first time later than the given one, both without a zone; None when there is none."""


def next_moment(after: float, zone: tzinfo, next_shown: NextShown) -> float | None:
    """The first moment later than ``after``, in seconds since the epoch, at which the clock in ``zone`` shows what is
    wanted; None when it never does."""
    moment, shown = after, _shown(after, zone)
    for _ in range(CHANGES):
        wanted = next_shown(shown)
        if wanted is None:
            return None
        candidate = (wanted - EPOCH).total_seconds() - _offset(moment, zone)
        change = _first_change(moment, candidate, zone)
        if change is None:
            return candidate
        moment, shown = change, _shown(change, zone) - INSTANT
    return None


def next_moment_once(after: float, zone: tzinfo, next_shown: NextShown) -> float | None:
    """As ``next_moment``, but each time that is wanted comes once: see ``moment_of``."""
    shown = _shown(after, zone)
    while (wanted := next_shown(shown)) is not None:
        moment = moment_of(wanted, zone)
        if moment > after:
            return moment
        shown = wanted  # the clock was set back, and shows for the second time what has come already
    return None


def moment_of(shown: datetime, zone: tzinfo) -> float:
    """The first moment at which the clock in ``zone`` shows this (without a zone) or has skipped it."""
    moment = shown.replace(tzinfo=zone, fold=0).timestamp()
    if _shown(moment, zone) == shown:
        return moment
    before = shown.replace(tzinfo=zone, fold=1).timestamp()
    change = _first_change(before, moment, zone)
    return moment if change is None else change


def earliest(wanted: Sequence[NextShown]) -> NextShown:
    """Whichever of several comes first."""
    if len(wanted) == 1:
        return wanted[0]

    def next_shown(after: datetime) -> datetime | None:
        return min((found for one in wanted if (found := one(after)) is not None), default=None)

    return next_shown


def at_time(at: time, weekdays: Collection[int] = range(7)) -> NextShown:
    """A time of day on some days of the week, 0 for Monday."""
    return matching([at.hour], [at.minute], [at.second], weekdays)


def matching(
    hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int], weekdays: Collection[int] = range(7)
) -> NextShown:
    """Each second whose hour, minute and second are among these, which are in order and not empty."""

    def next_shown(after: datetime) -> datetime | None:
        start = after.replace(microsecond=0) + timedelta(seconds=1)
        found = _first_from(start.time(), hours, minutes, seconds)
        day = start.date()
        if found is None or day.weekday() not in weekdays:
            found = time(hours[0], minutes[0], seconds[0])
            day += timedelta(days=1)
            while day.weekday() not in weekdays:
                day += timedelta(days=1)
        return datetime.combine(day, found)

    return next_shown


def _first_from(start: time, hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int]) -> time | None:
    """The first match of a day at ``start`` or later."""
    hour, minute, second = start.hour, start.minute, start.second
    place = bisect_left(seconds, second)
    if place == len(seconds):
        place, minute = 0, minute + 1
    second = seconds[place]
    place = bisect_left(minutes, minute)
    if place == len(minutes):
        place, hour = 0, hour + 1
    if minutes[place] != minute:
        minute, second = minutes[place], seconds[0]
    place = bisect_left(hours, hour)
    if place == len(hours):
        return None
    if hours[place] != hour:
        hour, minute, second = hours[place], minutes[0], seconds[0]
    return time(hour, minute, second)


def _shown(moment: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)


def _offset(moment: float, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return offset.total_seconds() if offset else 0.0


def _first_change(start: float, end: float, zone: tzinfo) -> float | None:
    """The first moment after ``start``, and at ``end`` at the latest, from which the zone has another offset."""
    before, probe = _offset(start, zone), start
    while probe < end:
        last, probe = probe, min(probe + PROBE, end)
        if _offset(probe, zone) != before:
            same, other = floor(last), ceil(probe)
            while other - same > 1:
                middle = (same + other) // 2
                if _offset(middle, zone) == before:
                    same = middle
                else:
                    other = middle
            return float(other)
    return None
