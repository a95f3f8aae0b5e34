"""Validators for times, dates and durations, in the notations that Home Assistant takes."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from nanobot.config.wrong import Wrong, expected, not_one_of
from nanobot.util.text import nearest, shorten

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = ("days", "hours", "minutes", "seconds", "milliseconds", "weeks")

_CLOCK = re.compile(r"([+-])?(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?")


def time(value: Any) -> dt.time:
    """``07:30`` or ``07:30:15``."""
    if isinstance(value, dt.time):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # YAML 1.1 reads 10:30 without quotes as sixty-based: 630
        raise Wrong("not_a_time_number", value=shorten(value))
    try:
        hours, minutes, seconds, fraction = _TIME.fullmatch(value.strip()).groups("0")  # type: ignore[union-attr]
        return dt.time(int(hours), int(minutes), int(seconds), int(fraction.ljust(6, "0")))
    except (AttributeError, ValueError):
        raise Wrong("not_a_time", value=shorten(value)) from None


def date(value: Any) -> dt.date:
    """``2026-11-21``."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Wrong("not_a_date", value=shorten(value)) from None


def datetime(value: Any) -> dt.datetime:
    """``2026-11-21 07:30:00``, with or without a time zone."""
    if isinstance(value, dt.datetime):
        return value
    try:
        return dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Wrong("not_a_datetime", value=shorten(value)) from None


def time_period(value: Any) -> dt.timedelta:
    """Seconds, ``HH:MM``, ``HH:MM:SS`` (a sign may stand before it), or a mapping such as ``minutes: 5``."""
    if isinstance(value, dt.timedelta):
        return value
    try:
        if isinstance(value, dict):
            return _from_mapping(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return dt.timedelta(seconds=value)
        if isinstance(value, str):
            return _from_text(value.strip())
    except (ValueError, OverflowError):
        pass
    raise Wrong("not_a_duration", value=shorten(value))


def positive_time_period(value: Any) -> dt.timedelta:
    """As ``time_period``, 0 or more."""
    found = time_period(value)
    if found < dt.timedelta():
        raise Wrong("negative_duration", value=shorten(value))
    return found


def _from_text(text: str) -> dt.timedelta:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return dt.timedelta(seconds=float(text))
    sign, hours, minutes, seconds = found.groups()
    period = dt.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds or 0))
    return -period if sign == "-" else period


def _from_mapping(value: dict[Any, Any]) -> dt.timedelta:
    if not value:
        raise Wrong("not_a_duration", value="{}")
    parts: dict[str, float] = {}
    for unit, amount in value.items():
        if unit not in UNITS:
            told = {"name": str(unit), "options": ", ".join(f"'{u}'" for u in UNITS)}
            if near := nearest(unit, UNITS):
                told["nearest"] = near
            raise Wrong("unknown_option", [unit], **told)
        if isinstance(amount, (bool, dict, list)) or amount is None:
            raise Wrong("wrong_value", [unit], expected="@float", value=shorten(amount))
        try:
            parts[unit] = float(amount)
        except (TypeError, ValueError):
            raise Wrong("wrong_value", [unit], expected="@float", value=shorten(amount)) from None
    return dt.timedelta(**parts)


def weekday(value: Any) -> str:
    """``mon`` to ``sun``."""
    if value not in WEEKDAYS:
        wrong = not_one_of(value, WEEKDAYS)
        if near := nearest(str(value)[:3], WEEKDAYS):
            wrong.placeholders["nearest"] = near
        raise wrong
    return str(value)


def weekdays(value: Any) -> list[str]:
    """One weekday or a list of them."""
    if value is None or isinstance(value, dict):
        raise expected("text,list", value)
    return [weekday(day) for day in (value if isinstance(value, list) else [value])]
