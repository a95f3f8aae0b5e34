"""Time: one clock that a test may hold still, and the formats that clients expect."""

from __future__ import annotations

import time as _time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


class Clock:
    """Where the hub gets its time from. ``zone`` is the one of the configuration."""

    def __init__(self, source: Callable[[], float] = _time.time, zone: tzinfo = UTC) -> None:
        self.time = source
        """Seconds since the epoch."""
        self.zone = zone

    def now(self) -> datetime:
        """Now, in the configured time zone."""
        return datetime.fromtimestamp(self.time(), self.zone)

    def utc(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)


def zone(name: str) -> tzinfo:
    """Raises ``zoneinfo.ZoneInfoNotFoundError`` (a KeyError) for an unknown name."""
    return UTC if name == "UTC" else ZoneInfo(name)


@lru_cache(maxsize=64)
def _second(timestamp: int) -> str:
    """The date and time without a fraction: much happens within one second."""
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None).isoformat()


def iso(timestamp: float) -> str:
    """ISO 8601 in UTC with microseconds and offset: clients parse exactly that."""
    second = int(timestamp)
    micro = round((timestamp - second) * 1e6)
    if 0 <= micro < 1_000_000:
        return f"{_second(second)}.{micro:06d}+00:00"
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="microseconds")
