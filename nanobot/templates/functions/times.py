"""Dates and times in templates, by the clock and in the time zone of the hub."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from nanobot.templates.functions.arguments import REQUIRED, Functions, no_default, text_of
from nanobot.templates.functions.moments import in_words, parse_datetime, parse_duration, parse_time
from nanobot.templates.operators import MAX_FORMAT
from nanobot.util.dt import Clock

_UNREADABLE = (ValueError, TypeError, OverflowError, OSError)
_LONGEST_PARSED = 200  # characters
_LONGEST_PARSE_FORMAT = 100  # characters


def _or_default(name: str, value: object, default: Any) -> Any:
    if default is REQUIRED:
        raise no_default(name, value) from None
    return default


def _from_timestamp(value: float) -> datetime:
    return datetime.fromtimestamp(value, UTC)


def as_datetime(value: Any, default: Any = REQUIRED) -> Any:
    """From a date, seconds since the epoch, or text in ISO 8601; None for other text without a default."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return _from_timestamp(float(value))
    except _UNREADABLE:
        pass
    if isinstance(value, str):
        try:
            found = parse_datetime(value)
        except ValueError:
            found = None
        if found is not None or default is REQUIRED:
            return found
    return _or_default("as_datetime", value, default)


def as_timedelta(value: Any) -> timedelta | None:
    """From text such as ``1:30:00``; None for other text."""
    return parse_duration(value if isinstance(value, str) else str(value))


def strptime(string: Any, fmt: str, default: Any = REQUIRED) -> Any:
    """From text in a format of Python's; without a time zone when the format has none."""
    try:
        text_of("strptime", string, _LONGEST_PARSED)
        text_of("strptime", fmt, _LONGEST_PARSE_FORMAT)
        return datetime.strptime(string, fmt)  # noqa: DTZ007 - as Home Assistant 2025.4
    except (*_UNREADABLE, re.error):
        return _or_default("strptime", string, default)


def timestamp_utc(value: Any, default: Any = REQUIRED) -> Any:
    """Seconds since the epoch as ISO 8601 in UTC."""
    try:
        return _from_timestamp(value).isoformat()
    except _UNREADABLE:
        return _or_default("timestamp_utc", value, default)


class _Times:
    """The functions that ask the clock. Differences are taken in UTC, so that they are right across DST."""

    def __init__(self, clock: Clock, on_time: Callable[[], None]) -> None:
        self._clock = clock
        self._on_time = on_time

    def now(self) -> datetime:
        self._on_time()
        return self._clock.now()

    def utcnow(self) -> datetime:
        self._on_time()
        return self._clock.utc()

    def as_local(self, value: Any) -> datetime:
        """In the zone of the hub, which is also that of a time without one."""
        if not isinstance(value, datetime):
            raise TypeError(f"as_local takes a date and time, got {type(value).__name__}; as_datetime makes one")
        zone = self._clock.zone
        return value.replace(tzinfo=zone) if value.tzinfo is None else value.astimezone(zone)

    def as_timestamp(self, value: Any, default: Any = REQUIRED) -> Any:
        """Seconds since the epoch, from a time or from text in ISO 8601."""
        try:
            when = value if isinstance(value, datetime) else parse_datetime(str(value))
            return self._timestamp(when) if when else _or_default("as_timestamp", value, default)
        except _UNREADABLE:
            return _or_default("as_timestamp", value, default)

    def _timestamp(self, when: datetime) -> float:
        return (when if when.tzinfo else self.as_local(when)).timestamp()

    def today_at(self, time_str: str = "") -> datetime:
        """Today at a time of day, in the zone of the hub; at midnight when none is given."""
        today = self.now().date()
        at = parse_time(text_of("today_at", time_str, _LONGEST_PARSED)) if time_str else time()
        if at is None:
            raise ValueError(f"could not convert {type(time_str).__name__} to datetime: '{time_str}'")
        return datetime.combine(today, at, self._clock.zone)

    def relative_time(self, value: Any) -> Any:
        """How long ago it was, in one unit; what is no time in the past comes back as it is."""
        return self.time_since(value)

    def time_since(self, value: Any, precision: int = 1) -> Any:
        """How long ago it was, in ``precision`` units (0: all of them)."""
        self._on_time()
        if not isinstance(value, datetime) or (span := self._clock.time() - self._timestamp(value)) < 0:
            return value
        return in_words(span, precision)

    def time_until(self, value: Any, precision: int = 1) -> Any:
        """How long it is until then; what is no time to come comes back as it is."""
        self._on_time()
        if not isinstance(value, datetime) or (span := self._timestamp(value) - self._clock.time()) < 0:
            return value
        return in_words(span, precision)

    def timestamp_custom(
        self, value: Any, date_format: str = "%Y-%m-%d %H:%M:%S", local: Any = True, default: Any = REQUIRED
    ) -> Any:
        """Seconds since the epoch in a format of Python's, in the zone of the hub or in UTC."""
        try:
            when = datetime.fromtimestamp(value, self._clock.zone if local else UTC)
            return when.strftime(text_of("timestamp_custom", date_format, MAX_FORMAT))
        except _UNREADABLE:
            return _or_default("timestamp_custom", value, default)

    def timestamp_local(self, value: Any, default: Any = REQUIRED) -> Any:
        """Seconds since the epoch as ISO 8601 in the zone of the hub."""
        try:
            return datetime.fromtimestamp(value, self._clock.zone).isoformat()
        except _UNREADABLE:
            return _or_default("timestamp_local", value, default)


def make(clock: Clock, on_time: Callable[[], None]) -> tuple[Functions, Functions, Functions]:
    """Globals, filters and tests of this clock; ``on_time`` is called when a result depends on what time it is."""
    times = _Times(clock, on_time)
    both: Functions = {
        "as_datetime": as_datetime,
        "as_local": times.as_local,
        "as_timedelta": as_timedelta,
        "as_timestamp": times.as_timestamp,
        "relative_time": times.relative_time,
        "time_since": times.time_since,
        "time_until": times.time_until,
        "today_at": times.today_at,
    }
    names: Functions = {
        **both,
        "now": times.now,
        "strptime": strptime,
        "timedelta": timedelta,
        "utcnow": times.utcnow,
    }
    filters: Functions = {
        **both,
        "timestamp_custom": times.timestamp_custom,
        "timestamp_local": times.timestamp_local,
        "timestamp_utc": timestamp_utc,
    }
    return names, filters, {}
