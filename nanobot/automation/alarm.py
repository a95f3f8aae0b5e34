"""Alarms by the wall clock: over changes of summer time, of the zone, and of the clock itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, time, timedelta, tzinfo

from nanobot.util.dt import Clock

NAP = 60.0  # s between two looks at the wall clock: it may be set, and a suspended machine counts no loop time
SET_BACK = 60.0  # s that the clock may be slewed back without being taken for another time

Next = Callable[[float], float | None]


class Alarm:
    """Calls ``ring(when)`` at the moments that ``next_after`` gives, one after the other; None ends it."""

    def __init__(self, clock: Clock, next_after: Next, ring: Callable[[datetime], None]) -> None:
        self._clock = clock
        self._next_after = next_after
        self._ring = ring
        self._due: float | None = None
        self._looked = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Begin, or begin anew because what ``next_after`` depends on has changed."""
        self.cancel()
        now = self._clock.time()
        self._due = self._next_after(now)
        self._sleep(now)

    def cancel(self) -> None:
        """End it."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sleep(self, now: float) -> None:
        self._looked = now
        if self._due is not None:
            delay = max(0.0, min(self._due - now, NAP))
            self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        now = self._clock.time()
        if now < self._looked - SET_BACK:
            self._due = self._next_after(now)
        due = self._due
        if due is not None and now >= due:
            # before ringing: whoever is rung may set or cancel the alarm
            self._due = self._next_after(max(now, due) + 1e-6)
            self._sleep(now)
            self._ring(datetime.fromtimestamp(due, self._clock.zone))
        else:
            self._sleep(now)


def next_time(after: float, at: time, zone: tzinfo) -> float:
    """The first moment later than ``after`` at which the wall clock in ``zone`` shows ``at``.

    A day on which it does not show it is left out; a day on which it shows it twice counts twice.
    """
    day = datetime.fromtimestamp(after, zone).date()
    for ahead in range(400):
        wanted = datetime.combine(day + timedelta(days=ahead), at.replace(tzinfo=None))
        for fold in (0, 1):
            moment = wanted.replace(tzinfo=zone, fold=fold).timestamp()
            shown = datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)
            if moment > after and shown == wanted:
                return moment
    raise ValueError(f"the clock in {zone} never shows {at}")
