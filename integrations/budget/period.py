"""Days, weeks and months as the configured time zone has them."""

from __future__ import annotations

from datetime import datetime, time, timedelta

PERIODS = ("day", "week", "month")


def end_of(period: str, now: datetime) -> float:
    """When the period that ``now`` lies in ends, in seconds since the epoch: at a midnight of the zone of ``now``.

    A week begins on Monday. A midnight that summer time leaves out is the moment at which it does so.
    """
    day = now.date()
    if period == "day":
        day += timedelta(days=1)
    elif period == "week":
        day += timedelta(days=7 - day.weekday())
    else:
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime.combine(day, time(), now.tzinfo).timestamp()
