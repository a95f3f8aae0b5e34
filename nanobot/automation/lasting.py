"""What has to stay as it is for some time before a trigger fires: ``for``. It outlives a restart of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from nanobot.contracts.trigger import Watch
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.states import State

RETURN = 600.0  # s that may pass after a start until an entity is there whose ``for`` was pending
NO_VALUE = ("unavailable", "unknown")
MOST = 1000  # at a time for one trigger: an entity that changes without end must not fill the memory

Ring = Callable[[], None]
StillTrue = Callable[[str, Mapping[str, Any]], Ring | None]


def later() -> None:
    """What ``still_true`` gives where the entity is not there yet, so that nobody can say."""


def is_away(state: State | None) -> bool:
    """Whether an entity is not there yet after a start: missing, or without a value."""
    return state is None or state.state in NO_VALUE


class Lasting:
    """The waits of one trigger, by keys of its own choosing.

    What is told to ``begin`` is found again by ``resume`` after a restart. A trigger that is detached for any other
    reason forgets.
    """

    def __init__(self, hub: Hub, watch: Watch) -> None:
        self._hub = hub
        self._watch = watch
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._still_true: StillTrue | None = None
        self._given_up: asyncio.TimerHandle | None = None
        self.later: set[str] = set()
        """What waits for an entity that is not there yet; see ``again``."""

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

    def resume(self, still_true: StillTrue) -> None:
        """Go on with what was waiting when nanobot stopped. ``still_true`` is asked about each, and gives what is to be
        called when its time is over, at once if it is already; None when it is to be forgotten; ``later`` when it is to
        be asked by ``again``."""
        self._still_true = still_true
        if keys := list(self._watch.kept):
            self._ask(keys)
        if self.later:
            self._given_up = asyncio.get_running_loop().call_later(RETURN, self._give_up)

    def again(self, keys: Iterable[str]) -> bool:
        """Something changed: ask once more about those of these that wait for an entity. Whether one goes on now."""
        return self._ask([key for key in keys if key in self.later])

    def _ask(self, keys: Iterable[str]) -> bool:
        kept, goes_on = self._watch.kept, False
        for key in keys:
            self.later.discard(key)
            true = kept[key]
            try:
                ring = None if self._still_true is None else self._still_true(key, true)
                left = max(0.0, float(true["due"]) - self._hub.clock.time())
            except (KeyError, TypeError, ValueError):  # written by another version of this trigger
                ring = None
            if ring is later:
                self.later.add(key)
            elif ring is None:
                del kept[key]
            else:
                self._set(key, min(left, float(true["for"])), ring)
                goes_on = True
        return goes_on

    def _give_up(self) -> None:
        for key in list(self.later):
            self.end(key)

    def end(self, key: str) -> None:
        """It is no longer so. Nothing happens when nothing was waiting."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if timer is not None or key in self.later:
            self.later.discard(key)
            self._watch.kept.pop(key, None)

    def close(self) -> None:
        """The trigger is detached."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._given_up is not None:
            self._given_up.cancel()
        self.later.clear()
        if self._hub.phase not in (Phase.STOPPING, Phase.STOPPED):
            self._watch.kept.clear()

    def _set(self, key: str, seconds: float, ring: Ring) -> None:
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, partial(self._over, key, ring))

    def _over(self, key: str, ring: Ring) -> None:
        del self._timers[key]
        self._watch.kept.pop(key, None)
        ring()
