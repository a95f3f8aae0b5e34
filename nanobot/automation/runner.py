"""How many runs of one sequence there may be at a time, and what becomes of one that is too many."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from typing import Any

from nanobot.automation.sequence import Doing, Ended, Log, Sequence
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.util.aio import Tasks

STOP_LIMIT = 10.0  # s that a run may take to end when it is told to

CHAIN: ContextVar[tuple[Runner, ...]] = ContextVar("chain", default=())
"""The runners whose runs wait for the running task: A calls B, which calls C. None of them can be waited for."""


class Run(Doing):
    """One run, under way or waiting for its turn."""

    __slots__ = ("chain", "over", "started", "task", "waiting")

    def __init__(
        self,
        hub: Hub,
        variables: dict[str, Any],
        context: Context,
        started: Callable[[Run], None],
        chain: tuple[Runner, ...],
    ) -> None:
        super().__init__(hub, variables, context)
        self.started = started
        self.chain = chain
        self.task: asyncio.Task[None] | None = None
        self.over = False
        self.waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Until it is over."""
        if not self.over:
            future = asyncio.get_running_loop().create_future()
            self.waiting.append(future)
            await future


class Runner:
    """Runs one sequence. ``mode``: single, restart, queued, parallel; ``limit`` bounds the last two.

    ``changed(context)`` is called whenever ``current`` is another than before, and after each run that was over at
    once. Its owner calls ``stop`` before it lets go of ``tasks``.
    """

    def __init__(
        self,
        hub: Hub,
        sequence: Sequence,
        tasks: Tasks,
        log: Log,
        changed: Callable[[Context | None], None],
        *,
        mode: str = "single",
        limit: int = 10,
        exceeded: str = "warning",
    ) -> None:
        self._hub = hub
        self._sequence = sequence
        self._tasks = tasks
        self._log = log
        self._changed = changed
        self.mode = mode
        self.limit = limit if mode in ("queued", "parallel") else 1
        self._exceeded = exceeded
        self._runs: dict[Run, None] = {}
        self._queue: deque[Run] = deque()

    @property
    def current(self) -> int:
        """Runs under way and waiting for their turn."""
        return len(self._runs) + len(self._queue)

    def start(
        self,
        variables: dict[str, Any],
        context: Context,
        started: Callable[[Run], None],
        *,
        chain: tuple[Runner, ...] = (),
    ) -> Run | None:
        """Begin a run, or have it wait for its turn; None when there are too many already.

        ``started(run)`` is called before its first action, and not at all for one that is refused or stopped before.
        Without anything to wait for, the run is over when this returns.
        """
        before: list[Run] = []
        if self._runs and self.mode == "restart":
            before = self._cancel_all()
        elif self.current >= self.limit:
            self._refuse()
            return None
        run = Run(self._hub, variables, context, started, (*chain, self))
        if self._runs and self.mode == "queued":
            self._queue.append(run)
            self._changed(context)
        else:
            self._runs[run] = None
            self._begin(run, before)
        return run

    async def stop(self) -> None:
        """End all runs and wait until they have. One that calls this itself ends with its present action."""
        runs = self._cancel_all()
        this = asyncio.current_task()
        tasks = [run.task for run in runs if run.task is not None and run.task is not this]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_LIMIT)

    def _begin(self, run: Run, before: Iterable[Run] = ()) -> None:
        if run.stopped:
            self._end(run)
            return
        this = asyncio.current_task()
        waits = [old.task for old in before if old.task is not None and old.task is not this]
        if waits:
            self._spawn(run, self._after(waits, run))
            return
        rest = self._do(run)
        if rest is None:
            self._end(run)
        else:
            self._spawn(run, self._finish(run, rest), rest)

    def _do(self, run: Run) -> Coroutine[Any, Any, None] | None:
        """Do what needs no task; gives what is left."""
        run.started(run)
        try:
            return self._sequence.begin(run)
        except Ended:
            return None

    def _spawn(self, run: Run, work: Coroutine[Any, Any, None], rest: Coroutine[Any, Any, None] | None = None) -> None:
        self._changed(run.context)
        run.task = self._tasks.spawn(work, f"{self._tasks.name} run")

        def done(task: asyncio.Task[None]) -> None:
            if rest is not None:
                rest.close()  # where the task was cancelled before its first step
            self._end(run)

        if not run.over:
            run.task.add_done_callback(done)

    async def _after(self, tasks: list[asyncio.Task[None]], run: Run) -> None:
        await asyncio.wait(tasks, timeout=STOP_LIMIT)
        rest = None if run.stopped else self._do(run)
        if rest is None:
            self._end(run)
        else:
            await self._finish(run, rest)

    async def _finish(self, run: Run, rest: Coroutine[Any, Any, None]) -> None:
        CHAIN.set(run.chain)
        try:
            await rest
        except Ended:
            pass
        finally:
            self._end(run)

    def _end(self, run: Run) -> None:
        if run.over:
            return
        self._runs.pop(run, None)
        run.over = True
        for future in run.waiting:
            if not future.done():
                future.set_result(None)
        if self._queue and not self._runs:
            following = self._queue.popleft()
            self._runs[following] = None
            asyncio.get_running_loop().call_soon(self._begin, following)
        self._changed(run.context)

    def _cancel_all(self) -> list[Run]:
        """Tell all runs to end; gives those that were under way."""
        queued, self._queue = self._queue, deque()
        for run in queued:
            run.stopped = True
            self._end(run)
        runs = list(self._runs)
        this = asyncio.current_task()
        for run in runs:
            run.stopped = True
            if run.task is not None and run.task is not this:
                run.task.cancel()
        return runs

    def _refuse(self) -> None:
        if self._exceeded == "silent":
            return
        level = logging.getLevelNamesMapping()[self._exceeded.upper()]
        if self.limit == 1:
            self._log.log(level, "is running already, so this trigger is ignored")
        else:
            self._log.log(level, "has %d runs already (max), so this trigger is ignored", self.current)
