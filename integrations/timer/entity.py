"""One timer: idle, active or paused; states, attributes and events are Home Assistant's (2025.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nanobot.errors import ServiceError
from nanobot.hub.collection import Helper
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry

IDLE = "idle"
ACTIVE = "active"
PAUSED = "paused"

LONGEST_WAIT = 60.0  # s; then the clock is looked at again, in case it was set or the machine slept


class Timer(Helper):
    """Counts down in the hub's clock. Times are seconds since the epoch, lengths are seconds."""

    may_grow = False
    """Whether it may be changed to run longer than its duration."""

    def __init__(self, entry: Entry, key: str, config: Mapping[str, Any]) -> None:
        self._entry = entry
        self._clock = entry.hub.clock
        self._bus = entry.hub.bus
        self._disarm: Callable[[], None] | None = None
        super().__init__("timer", key, config)

    def begin(self) -> None:
        self._state = IDLE
        self.duration = self.configured
        self.left: float | None = None
        """What was left when it was started, changed or paused; None when it is idle."""
        self.ends: float | None = None

    @property
    def configured(self) -> float:
        """The length that the configuration gives it."""
        length: timedelta = self.config.get("duration", timedelta())
        return length.total_seconds()

    def fit(self) -> None:
        if self._state == IDLE:
            self.duration = self.configured

    @property
    def state(self) -> str:
        return self._state

    @property
    def attributes(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"duration": as_clock(self.duration), "editable": False}
        if self.ends is not None:
            shown["finishes_at"] = as_time(self.ends)
        if self.left is not None:
            shown["remaining"] = as_clock(self.left)
        if self.config.get("restore"):
            shown["restore"] = True
        return shown

    # -- what can be done to it -----------------------------------------------------------------

    def start(self, duration: timedelta | None = None, context: Context | None = None) -> None:
        """Start, go on after a pause, or start again."""
        event = "timer.started" if self._state == IDLE else "timer.restarted"
        if duration:
            self.left = self.duration = duration.total_seconds()
        elif self.left is None:
            self.left = self.duration
        self._state = ACTIVE
        self.ends = self._clock.time() + self.left
        self._arm()
        self._tell(event, context)

    def change(self, duration: timedelta, context: Context | None = None) -> None:
        """Move the end of a running timer."""
        if self._state != ACTIVE or self.ends is None:
            raise ServiceError(f"{self.entity_id} is not running; only a running timer can be changed")
        left = self.ends + duration.total_seconds() - self._clock.time()
        if left > self.duration and not self.may_grow:
            raise ServiceError(f"{self.entity_id} cannot be changed beyond its duration of {as_clock(self.duration)}")
        if left < 0:
            raise ServiceError(f"{self.entity_id} has less than that left")
        self.left = left
        self.ends += duration.total_seconds()
        self._arm()
        self._tell("timer.changed", context)

    def pause(self, context: Context | None = None) -> None:
        """Hold; ``start`` goes on."""
        if self._state != ACTIVE or self.ends is None:
            return
        self.left = max(self.ends - self._clock.time(), 0.0)
        self._state = PAUSED
        self.ends = None
        self._stop_waiting()
        self._tell("timer.paused", context)

    def cancel(self, context: Context | None = None) -> None:
        """Back to idle without finishing."""
        if self._state != IDLE:
            self._become_idle()
            self._tell("timer.cancelled", context)

    def finish(self, context: Context | None = None) -> None:
        """Over now, or over since it should have been."""
        if self._state == IDLE:
            return
        finished = self.ends if self.ends is not None else self._clock.time()
        self._become_idle()
        self._tell("timer.finished", context, finished_at=as_time(min(finished, self._clock.time())))

    # -- over a restart -------------------------------------------------------------------------

    def keep(self) -> dict[str, Any] | None:
        if not self.config.get("restore"):
            return {"state": IDLE}
        return {"state": self._state, "duration": self.duration, "left": self.left, "ends": self.ends}

    def restore(self, last: Mapping[str, Any]) -> None:
        """Go on as if nothing had been; one that is over by now finishes at once."""
        if not self.config.get("restore") or last.get("state") not in (ACTIVE, PAUSED):
            return
        self._state = last["state"]
        self.duration = float(last["duration"])
        self.left = float(last["left"])
        self.ends = last["ends"]
        if self.ends is not None:
            self.left = max(self.ends - self._clock.time(), 0.0)
            self._arm()

    # -- inside ---------------------------------------------------------------------------------

    def _become_idle(self) -> None:
        self._stop_waiting()
        self._state = IDLE
        self.ends = self.left = None
        self.duration = self.configured

    def _arm(self) -> None:
        self._stop_waiting()
        assert self.ends is not None
        wait = min(max(self.ends - self._clock.time(), 0.0), LONGEST_WAIT)
        self._disarm = self._entry.call_later(wait, self._due)

    def _stop_waiting(self) -> None:
        disarm, self._disarm = self._disarm, None
        if disarm is not None:
            disarm()

    def _due(self) -> None:
        self._disarm = None
        if self._write is None or self.ends is None:
            return  # it was taken out of the configuration meanwhile
        if self.ends - self._clock.time() > 0.01:
            self._arm()
        else:
            self.finish()

    def _tell(self, event: str, context: Context | None, **more: str) -> None:
        self.changed(context)
        self._bus.fire(event, {"entity_id": self.entity_id, **more}, context)


def as_clock(seconds: float) -> str:
    """``0:05:00``, as Home Assistant shows lengths."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def as_time(timestamp: float) -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(round(timestamp), UTC).isoformat()
