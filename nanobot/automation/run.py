"""One run of a sequence: its variables, where it waits, how it ended, and how it goes on after a restart."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from time import perf_counter, thread_time
from typing import Any, cast

from nanobot.automation.scope import Scope
from nanobot.automation.trace import End, Trace
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.util.ids import ulid

Log = logging.Logger | logging.LoggerAdapter[Any]

BREATHE = 0.005  # s that a loop may keep the loop for itself
LONGEST_TURN = 0.01  # s after which the next action has to wait; one with a template may take three times that


class Turn:
    """The turn that runs have on the loop right now. Whatever is done in it without waiting is done by one of them."""

    since = 0.0
    used = 0.0
    """Processor time of the thread when it began: on a busy machine time passes without anything being done."""

    @classmethod
    def begins(cls) -> None:
        """A run goes on after somebody else had a turn."""
        cls.since, cls.used = perf_counter(), thread_time()

    @classmethod
    def is_past(cls) -> bool:
        """Whether it must have been an earlier one: nothing takes that long."""
        return perf_counter() - cls.since > 10 * LONGEST_TURN

    @classmethod
    def is_over(cls) -> bool:
        """Whether it has been long enough for others to have theirs."""
        return perf_counter() - cls.since > LONGEST_TURN and thread_time() - cls.used > LONGEST_TURN


class Run:
    """Under way, or waiting for its turn.

    ``waits``: for each step that is waiting, by path, what it needs to go on after a restart. ``frames``: the same for
    steps that have others within them, such as the rounds of a ``repeat``. ``noted(run)`` is called when either
    changed; what it gives is waited for before the run goes on. ``queued``: it has not begun.
    ``resume``: what ``waits`` was when the process ended; taken out as the steps are reached again.
    """

    __slots__ = ("_since", "chain", "context", "conversation_response", "end", "error", "frames", "hub", "id", "log",
                 "noted", "over", "queued", "response", "resume", "resumed_frames", "scope", "started",
                 "stopped", "task", "told", "trace",
                 "waiters", "waits", "waits_for")  # fmt: skip

    def __init__(
        self,
        hub: Hub,
        variables: dict[str, Any],
        context: Context,
        log: Log,
        trace: Trace | None = None,
        chain: tuple[Any, ...] = (),
    ) -> None:
        self.hub = hub
        self.id = ulid() if trace is None else trace.run_id
        self.scope = Scope(variables)
        self.context = context
        self.log = log
        self.trace = trace
        self.chain = chain
        self.stopped = False
        self.over = False
        self.end: End | None = None
        self.error: BaseException | None = None
        self.told: BaseException | None = None
        """The error that has been logged already: those above it say nothing more."""
        self.response: Mapping[str, Any] | None = None
        self.conversation_response: Any = None
        self.task: asyncio.Task[None] | None = None
        self.waiters: list[asyncio.Future[None]] = []
        self.waits: dict[str, Mapping[str, Any]] = {}
        self.frames: dict[str, Mapping[str, Any]] = {}
        self.noted: Callable[[Run], Awaitable[None] | None] | None = None
        self.queued = False
        self.waits_for: str | None = None
        """What waited last, for people."""
        self.started = hub.clock.time()
        self.resume: dict[str, Mapping[str, Any]] = {}
        self.resumed_frames: dict[str, Mapping[str, Any]] = {}
        self._since = 0.0

    async def wait(self) -> None:
        """Until it is over."""
        if not self.over:
            future = asyncio.get_running_loop().create_future()
            self.waiters.append(future)
            await future

    async def wait_for_caller(self) -> None:
        """As ``wait``; when the run that called this one is ended, this one is as well."""
        try:
            await self.wait()
        except asyncio.CancelledError:
            self.stop()
            raise

    def stop(self) -> None:
        """Tell it to end. One that calls this itself ends with its present action."""
        self.stopped = True
        task = self.task
        if task is None or task is asyncio.current_task():
            return
        if inspect.getcoroutinestate(cast(Coroutine[Any, Any, None], task.get_coro())) == inspect.CORO_CREATED:
            asyncio.get_running_loop().call_soon(
                task.cancel
            )  # so that what it was given to wait for is begun, and ends
        else:
            task.cancel()

    def finish(self, end: End, error: BaseException | None = None) -> None:
        """Note how it ended; the first time counts."""
        if self.end is None:
            self.end = end
            self.error = error
            if self.trace is not None:
                self.trace.finish(end, None if error is None else str(error) or type(error).__name__)

    def first(self, path: str) -> int:
        """The index in the sequence at ``path`` at which to begin: 0, or where it was when the process ended."""
        for leaf in self.resume:
            if leaf.startswith(path) and leaf[len(path) : len(path) + 1] == "/":
                return int(leaf[len(path) + 1 :].partition("/")[0])
        return 0

    @asynccontextmanager
    async def waiting(self, path: str, data: Mapping[str, Any]) -> AsyncIterator[None]:
        """While a step waits. What is on disk of it is gone from there before the run goes on."""
        self.waits[path] = data
        self._note()
        try:
            yield
        except BaseException:
            del self.waits[path]
            raise
        del self.waits[path]
        written = self._note()
        if written is not None:
            await written

    def _note(self) -> Awaitable[None] | None:
        return None if self.noted is None else self.noted(self)

    async def breathe(self) -> None:
        """Let others have their turn, if this run has kept the loop for a while. For loops."""
        now = perf_counter()
        if now - self._since > BREATHE:
            await asyncio.sleep(0)
            Turn.begins()
            self._since = Turn.since
