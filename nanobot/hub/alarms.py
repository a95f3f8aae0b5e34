"""Alarms by the wall clock: over changes of summer time, of the zone, and of the clock itself."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable
from datetime import datetime
from itertools import count

from nanobot.util.dt import Clock

NAP = 60.0  # s between two looks at the wall clock: it may be set, and a suspended machine counts no loop time
SET_BACK = 60.0  # s that the clock may be slewed back without being taken for another time
AT_ONCE = 50  # alarms that ring before others have a turn
GRAIN = 0.001  # s; the shortest sleep, for the clock of the loop and that on the wall differ by less than either shows

Next = Callable[[float], float | None]
Ring = Callable[[datetime], None]

_log = logging.getLogger(__name__)


class Alarms:
    """All that ring by the wall clock. There is one timer, for the next of them, however many are set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alarms: dict[int, tuple[Next, Ring]] = {}
        self._due: list[tuple[float, int]] = []
        self._ids = count()
        self._looked = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._alarms)

    def set(self, next_after: Next, ring: Ring) -> Callable[[], None]:
        """Call ``ring(when)`` at the moments that ``next_after`` gives, one after the other; None ends it.

        Moments are seconds since the epoch, ``when`` is in the configured zone. The function returned ends it earlier.
        """
        alarm = next(self._ids)
        now = self._clock.time()
        self._alarms[alarm] = (next_after, ring)
        self._plan(alarm, now)
        self._sleep(now)

        def cancel() -> None:
            if self._alarms.pop(alarm, None) is not None:
                self._tidy()

        return cancel

    def reset(self) -> None:
        """What the moments depend on has changed, such as the zone: ask for all of them anew."""
        now = self._clock.time()
        self._due.clear()
        for alarm in list(self._alarms):
            self._plan(alarm, now)
        self._sleep(now)

    def _plan(self, alarm: int, after: float) -> None:
        try:
            due = self._alarms[alarm][0](after)
        except Exception:  # of one alarm; the others are to ring
            _log.exception("an alarm does not know when to ring")
            due = None
        if due is None:
            del self._alarms[alarm]
        else:
            heapq.heappush(self._due, (due, alarm))

    def _tidy(self) -> None:
        """Let go of what was cancelled, before it is more than what is left."""
        if len(self._due) > 2 * len(self._alarms):
            self._due = [due for due in self._due if due[1] in self._alarms]
            heapq.heapify(self._due)
            self._sleep(self._clock.time())

    def _sleep(self, now: float) -> None:
        looked, self._looked = self._looked, now
        if now < looked - SET_BACK:
            self.reset()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due:
            left = self._due[0][0] - now
            delay = min(max(left, GRAIN), NAP) if left > 0 else 0.0
            self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        now = self._clock.time()
        for _ in range(AT_ONCE):
            if not self._due or self._due[0][0] > now:
                break
            due, alarm = heapq.heappop(self._due)
            if alarm in self._alarms:
                self._ring(alarm, due, now)
        self._sleep(now)

    def _ring(self, alarm: int, due: float, now: float) -> None:
        ring = self._alarms[alarm][1]
        # before ringing: whoever is rung may cancel the alarm
        self._plan(alarm, max(now, due) + 1e-6)
        try:
            ring(datetime.fromtimestamp(due, self._clock.zone))
        except Exception:
            _log.exception("whoever an alarm was for failed")
