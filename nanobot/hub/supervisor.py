"""Keeps a coroutine alive: restarts it when it fails, returns, or falls silent, later and later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from nanobot.errors import AuthFailed, NanobotError, NotReady
from nanobot.util.backoff import Backoff

HEALTHY_AFTER = 60.0  # s without failure, and the next failure counts as the first again
RUNNING_AFTER = 5.0  # s without failure, and work that need not beat counts as running again
CANCEL_LIMIT = 10.0  # s that work may take to end when it is told to
MOST_LINES = 5  # log lines about the same failure in a row

Log = logging.Logger | logging.LoggerAdapter[Any]


class Health(StrEnum):
    """What the owner of a supervised coroutine is told."""

    RUNNING = "running"
    RETRYING = "retrying"
    FAILED = "failed"
    """Credentials were refused: it is not tried again until the configuration changes."""


class Silent(NanobotError):
    """No sign of life for longer than allowed."""


class Supervised:
    """One coroutine that should always run. ``work`` is called anew for each attempt."""

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        name: str,
        log: Log,
        told: Callable[[Supervised, Health, BaseException | None], None],
        backoff: Backoff | None = None,
        silent_for: float | None = None,
    ) -> None:
        self.work = work
        self.name = name
        self.log = log
        self.told = told
        self.backoff = backoff or Backoff()
        self.silent_for = silent_for
        self.failures = 0
        self.restarts = 0
        self.next_try: float | None = None
        """Loop time of the next attempt, while one is waited for."""
        self._last_beat = 0.0
        self._last_kind = ""
        self._lines = 0
        self._health = Health.RUNNING

    @property
    def is_failing(self) -> bool:
        """Whether it failed, and has not run again since."""
        return self._health is not Health.RUNNING

    def beat(self) -> None:
        """The work is alive."""
        self._last_beat = asyncio.get_running_loop().time()
        if self._health is Health.RETRYING and self.next_try is None:
            self._recovered()

    async def run(self) -> None:
        """Until cancelled, which is a clean stop."""
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            error = await self._attempt()
            if loop.time() - started >= HEALTHY_AFTER:
                self.failures = 0
                self._last_kind = ""
            self.failures += 1
            self.restarts += 1
            if isinstance(error, AuthFailed):
                self.log.error("%s: %s", self.name, error)
                self._say(Health.FAILED, error)
                return
            asked = error.retry_after if isinstance(error, NotReady) else None
            delay = max(self.backoff.delay(self.failures), asked or 0.0)
            self._log_failure(error, delay)
            self.next_try = loop.time() + delay
            self._say(Health.RETRYING, error)
            await asyncio.sleep(delay)
            self.next_try = None

    async def _attempt(self) -> BaseException:
        """Run the work once; the reason why it ended."""
        loop = asyncio.get_running_loop()
        self._last_beat = started = loop.time()
        task = loop.create_task(self._call(), name=self.name)
        try:
            while True:
                now = loop.time()
                limits = []
                if self.silent_for is not None:
                    limits.append(self._last_beat + self.silent_for - now)
                elif self._health is Health.RETRYING:
                    limits.append(started + RUNNING_AFTER - now)
                await asyncio.wait([task], timeout=max(0.0, min(limits)) if limits else None)
                if task.done():
                    return self._end_of(task)
                now = loop.time()
                if self.silent_for is not None and now - self._last_beat >= self.silent_for:
                    await self._end(task)
                    return Silent(f"no sign of life for {self.silent_for:g} s")
                if self.silent_for is None and self._health is Health.RETRYING and now - started >= RUNNING_AFTER:
                    self._recovered()
        except asyncio.CancelledError:
            await self._end(task)
            raise

    async def _call(self) -> None:
        await self.work()

    def _end_of(self, task: asyncio.Task[None]) -> BaseException:
        if task.cancelled():
            return NanobotError("it was cancelled from within")
        return task.exception() or NanobotError("it ended without being told to")

    async def _end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        _, pending = await asyncio.wait([task], timeout=CANCEL_LIMIT)
        if pending:
            self.log.error("%s does not end although it was told to; it is left behind", self.name)
        elif not task.cancelled() and (error := task.exception()) is not None:
            self.log.warning("%s failed while it was ending: %s", self.name, error)

    def _recovered(self) -> None:
        self._lines = 0
        self.log.info("%s runs again", self.name)
        self._say(Health.RUNNING, None)

    def _say(self, health: Health, error: BaseException | None) -> None:
        self._health = health
        self.told(self, health, error)

    def _log_failure(self, error: BaseException, delay: float) -> None:
        kind = f"{type(error).__name__}: {error}"
        ours = not isinstance(error, (NanobotError, OSError))
        trace = error if ours and kind != self._last_kind else None
        self._lines = self._lines + 1 if kind == self._last_kind else 1
        self._last_kind = kind
        text = str(error) or type(error).__name__
        level = logging.WARNING if self._lines <= MOST_LINES else logging.DEBUG
        more = " and so on" if self._lines == MOST_LINES else ""
        self.log.log(level, "%s: %s; trying again in %.0f s%s", self.name, text, delay, more, exc_info=trace)
