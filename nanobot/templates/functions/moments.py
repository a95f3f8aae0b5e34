"""Times as people write them: dates, times of day and durations read from text, and spans of time in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone

_LONGEST = 64  # characters
_DATE_TIME = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})[T ]"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,12}))?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_CLOCK = re.compile(
    r"(?:(?P<days>-?\d{1,9}) (?:days?,? ?)?(?=[-+\d]))?(?P<sign>[-+]?)"
    r"(?:(?:(?P<hours>\d{1,9}):)?(?P<minutes>\d{1,9}):)?(?P<seconds>\d{1,12})(?:[.,](?P<fraction>\d{1,12}))?",
    re.ASCII,
)
_DAYS = re.compile(r"(?P<days>-?\d{1,9}) days?", re.ASCII)
_ISO = re.compile(
    r"(?P<sign>[-+]?)P(?:(?P<days>\d{1,9}(?:[.,]\d{1,9})?)D)?"
    r"(?:T(?:(?P<hours>\d{1,9}(?:[.,]\d{1,9})?)H)?(?:(?P<minutes>\d{1,9}(?:[.,]\d{1,9})?)M)?"
    r"(?:(?P<seconds>\d{1,12}(?:[.,]\d{1,9})?)S)?)?",
    re.ASCII,
)

_UNITS = (
    ("year", 365 * 24 * 3600),
    ("month", 30 * 24 * 3600),
    ("day", 24 * 3600),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)


def parse_datetime(text: str) -> datetime | None:
    """A date and time in ISO 8601, or a date, which is midnight. The result has a time zone when the text has one.

    Raises ValueError for a month 13 and the like.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if text[10:11] in ("", "T", "t", " ") or len(text) < 10 or "W" in text:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    if not (found := _DATE_TIME.fullmatch(text)):
        return None
    year, month, day, hour, minute = (int(found[part]) for part in ("year", "month", "day", "hour", "minute"))
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    return datetime(year, month, day, hour, minute, int(found["second"] or 0), int(fraction), _zone(found["zone"]))


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text in "Zz":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:].lstrip(":") or 0))
    return timezone(-offset if text[0] == "-" else offset)


def parse_time(text: str) -> time | None:
    """A time of day: ``7:30`` or ``07:30:15``."""
    parts = text.split(":")
    if not 2 <= len(parts) <= 3 or len(text) > _LONGEST:
        return None
    try:
        hour, minute, second = (int(part) for part in (*parts, "0")[:3])
        return time(hour, minute, second)
    except ValueError:
        return None


def parse_duration(text: str) -> timedelta | None:
    """``1:30:00``, ``2 days, 3:00:00``, ``90`` (seconds) or ISO 8601 (``P1DT2H``)."""
    if len(text) > _LONGEST:
        return None
    if found := _DAYS.fullmatch(text):
        return timedelta(days=int(found["days"]))
    if found := _CLOCK.fullmatch(text):
        span = timedelta(
            hours=int(found["hours"] or 0),
            minutes=int(found["minutes"] or 0),
            seconds=int(found["seconds"]),
            microseconds=int((found["fraction"] or "")[:6].ljust(6, "0")),
        )
        return timedelta(days=int(found["days"] or 0)) + (-span if found["sign"] == "-" else span)
    if (found := _ISO.fullmatch(text)) and text[-1] not in "PT":
        amounts = {
            name: float((found[name] or "0").replace(",", ".")) for name in ("days", "hours", "minutes", "seconds")
        }
        return timedelta(**amounts) * (-1 if found["sign"] == "-" else 1)
    return None


def in_words(seconds: float, precision: int = 1) -> str:
    """A span of time in its ``precision`` biggest units, 0 for all of them; the last one is rounded."""
    left = round(seconds)
    if left == 0:
        return "0 seconds"
    words: list[str] = []
    for unit, length in _UNITS:
        if left < length:
            continue
        if len(words) + 1 == precision:
            words.append(_counted(round(left / length), unit))
            break
        words.append(_counted(left // length, unit))
        left %= length
    return " ".join(words)


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
