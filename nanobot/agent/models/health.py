"""How a model does: whether it answers, and when it is better left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from nanobot.errors import AuthFailed, NanobotError, NotReady
from nanobot.util.backoff import Backoff

FAILURES = 3  # requests in a row that come to nothing, after which a model is left alone
LEFT_ALONE = Backoff(first=30.0, limit=600.0, jitter=0.0)
LONGEST = 3600.0  # s that a server may ask to be left alone
TRIAL_WITHIN = 300.0  # s after which somebody else may try, should the one who did never end


class Condition(StrEnum):
    """How it is."""

    UNKNOWN = "unknown"  # nobody has asked it yet
    OK = "ok"
    DEGRADED = "degraded"  # it answers, but not each time
    UNAVAILABLE = "unavailable"


class Health:
    """Of one model, over all who ask it. A request counts once, with all its tries.

    After ``FAILURES`` in a row, or when the server itself names a time, the model is left alone until ``retry_at``
    (seconds since the epoch); then one request goes to it, and it is left alone longer if that fails as well.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.condition = Condition.UNKNOWN
        self.last_error = ""
        self.requests = 0
        self.failures = 0
        """Requests in a row that came to nothing."""
        self.latency: float | None = None
        """Seconds until the last answer was complete."""
        self.first_piece: float | None = None
        """Seconds until its first piece came."""
        self.retry_at: float | None = None
        self.changed: Callable[[], None] = lambda: None
        """Called after each request."""
        self._clock = clock
        self._times_left_alone = 0
        self._trial: float | None = None

    def is_left_alone(self) -> bool:
        """Whether others should be asked instead. False once when the time is over: whoever asks then tries it."""
        if self.retry_at is None:
            return False
        now = self._clock()
        if now < self.retry_at <= now + LONGEST:  # else the clock was set
            return True
        if self._trial is not None and self._trial <= now < self._trial + TRIAL_WITHIN:
            return True
        self._trial = now
        return False

    def let_go(self) -> None:
        """A request was given up by whoever made it."""
        self._trial = None

    def answered(self, seconds: float, first: float, *, failed_before: bool) -> None:
        """A request was answered. ``failed_before``: not at the first try."""
        self.requests += 1
        self.failures = self._times_left_alone = 0
        self.latency, self.first_piece = seconds, first
        self.retry_at = self._trial = None
        if failed_before:
            self.condition = Condition.DEGRADED
        else:
            self.condition = Condition.OK
            self.last_error = ""
        self.changed()

    def failed(self, error: NanobotError, why: str) -> None:
        """A request came to nothing, after all its tries. One that the model refuses says nothing of the model."""
        self._trial = None
        if not isinstance(error, (AuthFailed, NotReady)):
            return
        self.requests += 1
        self.failures += 1
        self.last_error = why
        pause = min(getattr(error, "retry_after", None) or 0.0, LONGEST)
        if self.failures >= FAILURES:
            self._times_left_alone += 1
            pause = max(pause, LEFT_ALONE.delay(self._times_left_alone))
        self.retry_at = self._clock() + pause if pause else None
        self.condition = (
            Condition.UNAVAILABLE if self.retry_at is not None or isinstance(error, AuthFailed) else Condition.DEGRADED
        )
        self.changed()

    def begin_anew(self) -> None:
        """It is configured in another way now: what was before says nothing."""
        self.condition, self.last_error = Condition.UNKNOWN, ""
        self.failures = self._times_left_alone = 0
        self.retry_at = self._trial = None
        self.changed()

    def retry_time(self) -> str | None:
        """``retry_at`` for people and clients, in UTC."""
        return None if self.retry_at is None else datetime.fromtimestamp(self.retry_at, UTC).isoformat("T", "seconds")
