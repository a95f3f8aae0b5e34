"""From the parts of a sentence to a length or a moment: "tomorrow at half past nine". Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

MORNING = time(9)
"""When no time of day is given."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def seconds(slots: Mapping[str, Any], prefix: str = "") -> float | None:
    """The length that ``hours``, ``minutes`` and ``seconds`` give together; None when none of them is there."""
    given = [float(slots[prefix + unit]) * size for unit, size in _UNITS.items() if prefix + unit in slots]
    return sum(given) if given else None


def due(slots: Mapping[str, Any], now: datetime) -> datetime | None:
    """The moment that is meant, in the zone of ``now``; None when the slots say nothing of time or are impossible.

    Slots: a length; or ``moment`` ("<days> <HH:MM>"); or ``day`` (days from now, or a weekday) or ``monthday`` with
    ``month``, each with or without ``clock`` or ``hour``, ``minute``, ``half`` ("am", "pm") and ``shift`` (minutes).
    """
    length = seconds(slots)
    if length is not None:
        return datetime.fromtimestamp(now.timestamp() + length, now.tzinfo)
    if "moment" in slots:
        days, _, clock = str(slots["moment"]).partition(" ")
        return _at(now, now.date() + timedelta(days=int(days)), _clock(clock), roll=days == "0")
    day = _day(slots, now)
    try:
        clock_time = _time(slots)
    except ValueError:
        return None
    if day is None and clock_time is None:
        return None
    if day is None:
        return _at(now, now.date(), clock_time or (0, MORNING), roll=True)
    found = _at(now, day, clock_time or (0, MORNING), roll=False)
    if found <= now and slots.get("day") in WEEKDAYS:
        return _at(now, day + timedelta(days=7), clock_time or (0, MORNING), roll=False)
    return found


def _day(slots: Mapping[str, Any], now: datetime) -> date | None:
    today = now.date()
    day = slots.get("day")
    if day in WEEKDAYS:
        return today + timedelta(days=(WEEKDAYS.index(day) - today.weekday()) % 7)
    if day is not None:
        return today + timedelta(days=int(day))
    if "monthday" not in slots:
        return None
    wanted = int(slots["monthday"])
    month, year = int(slots.get("month", today.month)), today.year
    for _ in range(48):  # until there is such a day, be it 29 February
        try:
            found = date(year, month, wanted)
        except ValueError:
            found = date.min
        if found >= today:
            return found
        if "month" in slots:
            year += 1
        else:
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return None


def _time(slots: Mapping[str, Any]) -> tuple[int, time] | None:
    """Days to add, and the time of day."""
    if "clock" in slots:
        return _clock(str(slots["clock"]))
    if "hour" not in slots:
        return None
    hour, half = int(slots["hour"]), slots.get("half")
    if half == "pm" and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    minutes = hour * 60 + int(slots.get("minute", 0)) + int(slots.get("shift", 0))
    days, minutes = divmod(minutes, 24 * 60)
    return days, time(minutes // 60, minutes % 60)


def _clock(text: str) -> tuple[int, time]:
    hour, _, minute = text.partition(":")
    return (1, time(0)) if hour == "24" else (0, time(int(hour), int(minute)))


def _at(now: datetime, day: date, clock: tuple[int, time], *, roll: bool) -> datetime:
    """``roll``: tomorrow when it is over for today."""
    found = datetime.combine(day + timedelta(days=max(clock[0], 0)), clock[1], now.tzinfo)
    if roll and found <= now:
        found = datetime.combine(found.date() + timedelta(days=1), clock[1], now.tzinfo)
    # a time that a change to summer time leaves out becomes the one an hour later
    return datetime.fromtimestamp(found.timestamp(), now.tzinfo)
