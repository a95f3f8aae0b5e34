"""What all waits of the language have in common: a time limit, what happens at its end, and ``wait``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.duration import duration
from nanobot.automation.flow import Ended
from nanobot.automation.sequence import RunStep
from nanobot.automation.trace import End
from nanobot.config import validators as cv

LIMITS: Mapping[Any, Any] = {
    vol.Optional("timeout"): duration,
    vol.Optional("continue_on_timeout", default=True): cv.boolean,
}


class Limit:
    """The time limit of one wait. Over a restart the rest of it counts."""

    def __init__(self, step: RunStep) -> None:
        self._step = step
        kept = step.resumed()
        self.resumed: Mapping[str, Any] = kept or {}
        """What was kept of this wait when the process ended."""
        self.keeps: dict[str, Any] = {}
        """What is to be kept of it besides, packable."""
        clock = step.hub.clock
        self.until: float | None = None
        self._whole: float | None = None
        if kept is not None:
            self.until = kept.get("until")
        elif "timeout" in step.config:
            self._whole = step.seconds(step.config["timeout"])
            self.until = clock.time() + self._whole

    @property
    def remaining(self) -> float | None:
        """Seconds left; None without a limit."""
        return None if self.until is None else max(0.0, self.until - self._step.hub.clock.time())

    async def wait(self, done: asyncio.Future[Any]) -> bool:
        """Until ``done`` is, which gives True, or the time is over."""
        if done.done():
            return True
        self._whole = None
        async with self._step.waiting(until=self.until, **self.keeps):
            await asyncio.wait([done], timeout=self.remaining)
        return done.done()

    def leave(self, completed: bool, **more: Any) -> None:
        """Set ``wait``. Raises ``Ended`` when the time is over and the run is not to go on then."""
        left = self.remaining if completed else (None if self.until is None else 0.0)
        wait = {"completed": completed, "remaining": left if self._whole is None else self._whole, **more}
        self._step.assign("wait", wait)
        self._step.tell(wait=wait, timeout=not completed)
        if not completed and not self._step.config["continue_on_timeout"]:
            raise Ended(End.STOPPED)
