"""An event loop in which nobody waits: when nothing is left to do, its clock jumps to the next thing that is due."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nanobot.errors import NanobotError

T = TypeVar("T")

THREADS = 0.05  # s of real time between two looks at threads that are at work
PATIENCE = 20.0  # s of real time that something may take, or nothing may happen
QUIET = 5  # rounds without anything to do, after which there is nothing to do


class Stuck(NanobotError):
    """It does not come to an end."""


class _Selector(selectors.DefaultSelector):
    loop: Jumping

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        if self.loop.at_work:  # a thread takes real time, in which the other one stands still
            return super().select(THREADS)
        if timeout is None:
            found = super().select(PATIENCE)
            if not found:
                raise Stuck("something is waited for that cannot happen")
            return found
        found = super().select(0)
        if not found:
            self.loop.jump(timeout)
        return found


class Jumping(asyncio.SelectorEventLoop):
    """Runs on a clock of its own, which begins at 0."""

    def __init__(self) -> None:
        self._now = 0.0
        self.at_work = 0
        """Calls that are under way in threads."""
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        """Let so much time pass."""
        self._now += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        self.at_work += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._done)
        return future

    async def idle(self) -> None:
        """Until nothing is under way that does not wait for time or for anybody. Raises ``Stuck``."""
        quiet, since = 0, time.perf_counter()
        ready: Any = vars(self)["_ready"]  # nobody else knows what is to be done next
        while quiet < QUIET:
            quiet = 0 if self.at_work or ready else quiet + 1
            if self.at_work and not ready:
                time.sleep(0.0002)  # noqa: ASYNC251 - there is nothing else that this loop could do
            await asyncio.sleep(0)
            if time.perf_counter() - since > PATIENCE:
                raise Stuck(f"something has been busy for {PATIENCE:g} s without an end")

    def _done(self, future: asyncio.Future[Any]) -> None:
        self.at_work -= 1


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something in a time of its own, from a thread that has no event loop."""
    with asyncio.Runner(loop_factory=Jumping) as runner:
        return runner.run(work)
