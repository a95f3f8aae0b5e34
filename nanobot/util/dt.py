"""Time: one clock that a test may hold still, and the formats that clients expect."""

from __future__ import annotations

import time as _time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
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


def iso(timestamp: float) -> str:
    """ISO 8601 in UTC with microseconds and offset: clients parse exactly that."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="microseconds")
