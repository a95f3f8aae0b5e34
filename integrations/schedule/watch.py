"""Waits for the moments of a plan: in time, or late because nanobot was down or the clock was set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from nanobot.hub.hub import Hub
from nanobot.util.dt import zone

from .plan import Plan

IN_TIME = 60.0  # s; a run that comes later than that was missed
TRUSTED = 3 * 3600.0  # s that the clock may be set back, without what it shows again being planned again


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is due. ``planned`` is None for one that somebody asked for; ``missed`` is how many planned runs did
    not take place, for which this one is."""

    planned: float | None
    missed: int


class Watch:
    """``since``: up to which moment everything planned is accounted for, as having run, as owed or as left out.

    ``due(late, in_time)`` is called each time it begins to wait, with what is to be run: one after the other, and now.
    ``changed()`` is called when ``planned`` is another without that.
    ``choose(low, high)`` gives the delay within the jitter.
    """

    def __init__(
        self,
        hub: Hub,
        due: Callable[[list[Due], Due | None], None],
        changed: Callable[[], None],
        choose: Callable[[float, float], float],
    ) -> None:
        self._hub = hub
        self._tell = due
        self._changed = changed
        self._choose = choose
        self._plan = Plan(())
        self._named_zone: str | None = None
        self._jitter = 0.0
        self._policy = "once"
        self._cancel: Callable[[], None] | None = None
        self._rings: float | None = None
        self._fresh = False
        self.planned: float | None = None
        """The next moment. It is run then, or a little later where there is jitter."""
        self.since: float | None = None
        self.missed = 0
        """How many planned runs were missed last; 0 again when one came in time."""

    @property
    def running(self) -> bool:
        """Whether it waits."""
        return self._cancel is not None

    def follow(self, plan: Plan, named_zone: str | None, jitter: float, policy: str) -> None:
        """Take over how it is configured. To be called while it does not wait."""
        if jitter != self._jitter:
            self._rings = None
        self._plan, self._named_zone, self._jitter, self._policy = plan, named_zone, jitter, policy

    def start(self) -> None:
        """Wait, and say first what was missed since it last did."""
        now = self._hub.clock.time()
        if self.since is None:
            self.since = now
        late, in_time = self._account(now)
        self._arm(now)
        self._tell(late, in_time)

    def stop(self) -> None:
        """Wait no more. What comes now and until it waits again was missed."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def forget(self) -> None:
        """Nothing of what came until now was missed."""
        self.since = self.planned = self._rings = None
        self.missed = 0

    def skip(self) -> bool:
        """Leave out the next moment; false when there is none."""
        if not self.running or self.planned is None:
            return False
        self.stop()
        self.since = self.planned
        self._arm(self._hub.clock.time())
        return True

    def after(self, moment: float) -> float | None:
        """The moment that is planned after that one."""
        return self._plan.next(moment, self._zone)

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _zone(self) -> tzinfo:
        return zone(self._named_zone) if self._named_zone else self._hub.clock.zone

    def _arm(self, now: float) -> None:
        self._find(now)
        self._fresh = True
        self._cancel = None if self._rings is None else self._hub.alarms.set(self._next_ring, self._ring)

    def _find(self, now: float) -> None:
        """Set ``planned`` and when that rings; the same as before when it is planned for the same moment."""
        assert self.since is not None
        planned = self._plan.next(self.since if self.since <= now + TRUSTED else now, self._zone)
        if planned is None or planned != self.planned or self._rings is None:
            delay = self._choose(0.0, self._jitter) if self._jitter else 0.0
            self._rings = None if planned is None else planned + delay
        self.planned = planned

    def _next_ring(self, after: float) -> float | None:
        """Asked when it is set, before each ring, and anew when the clock was set back."""
        if self._fresh:
            self._fresh = False
            return self._rings
        if self._rings is not None and after > self._rings:
            return self._plan.next(after, self._zone)  # it rings now, and is set anew then
        before = self.planned
        self._find(after)
        if self.planned != before:
            asyncio.get_running_loop().call_soon(self._changed)  # the other alarms are being set right now
        return self._rings

    def _ring(self, when: datetime) -> None:
        self.stop()
        self.start()

    def _account(self, now: float) -> tuple[list[Due], Due | None]:
        """Of what was planned until now: what has to be made up for, and what is in time."""
        assert self.since is not None
        rings = self.planned is not None and self._rings is not None and self._rings <= now
        if self.since > now + TRUSTED:
            if self.planned is None or not rings:
                return [], None
            self.since = self.planned - 1e-3
        over = now - self._jitter
        missed = self._plan.latest(self.since, over, self._zone) if self.since < over else []
        in_time = missed.pop() if missed and missed[-1] >= over - IN_TIME else None
        self.since = in_time or (missed[-1] if missed else self.since)
        if self.planned is not None and rings and self.planned > self.since:
            in_time = self.since = self.planned  # chosen to be before its latest time
        if missed or in_time is not None:
            self.missed = len(missed)
        return self._by_policy(missed, in_time)

    def _by_policy(self, missed: list[float], in_time: float | None) -> tuple[list[Due], Due | None]:
        if not missed or self._policy == "skip":
            return [], None if in_time is None else Due(in_time, 0)
        if self._policy == "once":
            if in_time is not None:
                return [], Due(in_time, len(missed))
            return [Due(missed[-1], len(missed))], None
        late = [Due(moment, 1) for moment in missed]
        return late if in_time is None else [*late, Due(in_time, 0)], None
