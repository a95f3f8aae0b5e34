"""What has to stay as it is for some time before a trigger fires: ``for``. It outlives a restart of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from nanobot.contracts.trigger import Watch
from nanobot.hub.hub import Hub, Phase

MOST = 1000  # at a time for one trigger: an entity that changes without end must not fill the memory

Ring = Callable[[], None]


class Lasting:
    """The waits of one trigger, by keys of its own choosing.

    What is told to ``begin`` is found again by ``resume`` after a restart. A trigger that is detached for any other
    reason forgets.
    """

    def __init__(self, hub: Hub, watch: Watch) -> None:
        self._hub = hub
        self._watch = watch
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def __contains__(self, key: str) -> bool:
        return key in self._timers

    def begin(self, key: str, period: timedelta, ring: Ring, true: Mapping[str, Any]) -> bool:
        """Call ``ring`` when ``period`` is over, unless it is ended before. ``true``: what is so now, JSON-able.

        False: too many are waiting already.
        """
        self.end(key)
        if len(self._timers) >= MOST:
            self._watch.log.warning("more than %d things wait for the 'for' of one trigger; this one is left out", MOST)
            return False
        seconds = period.total_seconds()
        self._set(key, seconds, ring)
        self._watch.kept[key] = {**true, "due": self._hub.clock.time() + seconds, "for": seconds}
        return True

    def resume(self, still_true: Callable[[str, Mapping[str, Any]], Ring | None]) -> None:
        """Go on with what was waiting when nanobot stopped. ``still_true`` is asked about each, and gives what is to be
        called when its time is over, at once if it is already; None when it is to be forgotten."""
        kept = self._watch.kept
        for key, true in list(kept.items()):
            try:
                ring = still_true(key, true)
                left = max(0.0, float(true["due"]) - self._hub.clock.time())
            except (KeyError, TypeError, ValueError):  # written by another version of this trigger
                ring = None
            if ring is None:
                del kept[key]
            else:
                self._set(key, min(left, float(true["for"])), ring)

    def end(self, key: str) -> None:
        """It is no longer so. Nothing happens when nothing was waiting."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
            self._watch.kept.pop(key, None)

    def close(self) -> None:
        """The trigger is detached."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._hub.phase not in (Phase.STOPPING, Phase.STOPPED):
            self._watch.kept.clear()

    def _set(self, key: str, seconds: float, ring: Ring) -> None:
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, partial(self._over, key, ring))

    def _over(self, key: str, ring: Ring) -> None:
        del self._timers[key]
        self._watch.kept.pop(key, None)
        ring()
