"""Times and periods that clients ask for. Without an offset a time is one of the configured zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from nanobot.contracts.socket_command import SocketCall, SocketError


def time_of(call: SocketCall, data: Mapping[str, Any], key: str) -> float | None:
    """In seconds since the epoch; None when it is not there. Raises ``SocketError``."""
    text = data.get(key)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=call.hub.clock.zone)).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise SocketError(f"invalid_{key}", f"Invalid {key}") from error


def span_of(call: SocketCall, data: Mapping[str, Any]) -> tuple[float, float | None]:
    """``start_time``, the beginning of all times where it is missing, and ``end_time``. Raises ``SocketError``."""
    return time_of(call, data, "start_time") or 0.0, time_of(call, data, "end_time")


def period_of(call: SocketCall, data: Mapping[str, Any]) -> tuple[float, float | None]:
    """What one of ``calendar``, ``rolling_window`` and ``fixed_period`` means now; all times without one.

    Raises ``SocketError``.
    """
    now = call.hub.clock.now()
    try:
        if (calendar := data.get("calendar")) is not None:
            begin, end = _calendar(now, calendar["period"], calendar.get("offset", 0))
            return begin.timestamp(), end.timestamp()
        if (window := data.get("rolling_window")) is not None:
            offset = window.get("offset", timedelta())
            begin = now - window["duration"] + offset
            return begin.timestamp(), (begin + window["duration"]).timestamp()
    except (OverflowError, ValueError) as error:
        raise SocketError("invalid_format", "there is no such time") from error
    return span_of(call, data.get("fixed_period") or {})


def _calendar(now: datetime, period: str, offset: int) -> tuple[datetime, datetime]:
    """The present hour, day, week, month or year, or one so many of them later."""
    if period == "hour":
        begin = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=offset)
        return begin, begin + timedelta(hours=1)
    today = now.date()
    if period in ("day", "week"):
        days = 1 if period == "day" else 7
        first = today - timedelta(days=today.weekday() if period == "week" else 0) + timedelta(days=days * offset)
        last = first + timedelta(days=days)
    else:
        months = 1 if period == "month" else 12
        number = today.year * 12 + (today.month - 1 if period == "month" else 0) + months * offset
        first, last = (today.replace(year=one // 12, month=one % 12 + 1, day=1) for one in (number, number + months))
    return datetime.combine(first, time(), now.tzinfo), datetime.combine(last, time(), now.tzinfo)
