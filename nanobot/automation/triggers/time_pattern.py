"""``trigger: time_pattern``: the hours, minutes and seconds of the wall clock fit a pattern."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import voluptuous as vol

from nanobot.automation.wall_clock import matching, next_moment
from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.hub.hub import Hub
from nanobot.util.text import shorten

HIGHEST = {"hours": 23, "minutes": 59, "seconds": 59}


def _pattern(unit: str) -> Callable[[Any], range]:
    """The values of a unit that fit: all for ``*``, those divisible by n for ``/n``, one for a number."""
    highest = HIGHEST[unit]

    def fitting(value: Any) -> range:
        every = isinstance(value, str) and value.startswith("/")
        if value == "*":
            return range(highest + 1)
        try:
            number = int(value[1:] if every else value)
            if isinstance(value, (bool, float)):
                raise ValueError
        except (TypeError, ValueError):
            raise vol.Invalid(
                f"{shorten(value)} is no pattern; write a number, '*', or '/5' for all divisible by 5"
            ) from None
        if not every and not 0 <= number <= highest:
            raise vol.Invalid(f"is from 0 to {highest}, not {number}")
        if every and not 1 <= number <= highest:
            raise vol.Invalid(f"'/n' takes an n from 1 to {highest}, not {number}")
        return range(0, highest + 1, number) if every else range(number, number + 1)

    return fitting


SCHEMA = vol.Schema(
    vol.All(
        {vol.Optional(unit): _pattern(unit) for unit in HIGHEST},
        cv.has_at_least_one_key(*HIGHEST),
    )
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``now``. Units smaller than one that is given are 0, larger ones may be anything.

    Where the clocks are set forward, what they skip is skipped; where they are set back, it comes twice.
    """
    next_shown = matching(*_units(config))

    def tell(now: datetime) -> None:
        watch.fire({"platform": "time_pattern", "now": now, "description": "time pattern"})

    return hub.alarms.set(lambda after: next_moment(after, hub.clock.zone, next_shown), tell)


def _units(config: Mapping[str, Any]) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    hours: Sequence[int] | None = config.get("hours")
    minutes: Sequence[int] | None = config.get("minutes")
    seconds: Sequence[int] | None = config.get("seconds")
    if minutes is None:
        minutes = range(60) if hours is None else range(1)
    if seconds is None:
        seconds = range(1)
    return range(24) if hours is None else hours, minutes, seconds
