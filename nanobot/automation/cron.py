"""Crontab expressions, by the wall clock of a zone. Their library takes a MiB: it is loaded by the first of them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

import voluptuous as vol

from nanobot.automation.wall_clock import NextShown, next_moment
from nanobot.config import validators as cv
from nanobot.util.text import shorten

LONGEST = 200  # characters


def expression(value: Any) -> str:
    """For schemas: five fields (minute, hour, day, month, weekday), or a word such as ``@daily``."""
    from croniter import CroniterBadCronError, CroniterBadDateError, croniter

    text = " ".join(cv.string(value).split())
    fields = text.split(" ")
    if len(text) > LONGEST or not (text.startswith("@") or len(fields) == 5):
        raise vol.Invalid(
            f"{shorten(value)} is no cron expression; it has five fields: minute, hour, day, month, weekday, "
            "such as '0 7 * * mon-fri'"
        )
    if any(part[:1] in "RrHh" for part in fields):
        raise vol.Invalid(f"{shorten(value)}: fields with R or H, which choose by chance, are not taken")
    try:
        croniter(text, datetime(2026, 1, 1)).get_next(datetime)  # noqa: DTZ001 - what the wall shows has no zone
    except CroniterBadDateError:
        raise vol.Invalid(f"{shorten(value)} never comes: there is no such day") from None
    except (CroniterBadCronError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise vol.Invalid(f"{shorten(value)} is no cron expression: {str(error) or type(error).__name__}") from None
    return text


def is_hourly(expression: str) -> bool:
    """Whether it asks for something in every hour, whichever that is."""
    from croniter import croniter

    return bool(croniter.expand(expression)[0][1] == ["*"])


def shown(expression: str) -> NextShown:
    """What the clock shows at the times that the expression asks for.

    croniter is only asked about what the clock shows, without a zone: its own arithmetic leaves out or doubles moments
    around changes of summer time.
    """
    from croniter import CroniterBadDateError, croniter

    known = croniter(expression, datetime(2026, 1, 1))  # noqa: DTZ001 - what the wall shows has no zone

    def next_shown(after: datetime) -> datetime | None:
        try:
            found: datetime = known.get_next(datetime, start_time=after)
        except CroniterBadDateError:
            return None
        return found

    return next_shown


def next_time(expression: str, after: float, zone: tzinfo) -> float | None:
    """The first moment later than ``after`` at which the clock in ``zone`` shows what the expression asks for."""
    return next_moment(after, zone, shown(expression))
