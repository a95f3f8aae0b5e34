"""How many runs of one sequence there may be at a time, and what becomes of one that is too many."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextvars import ContextVar
from typing import Any, ClassVar

from nanobot.automation.flow import Abort, Ended, Stop
from nanobot.automation.run import Log, Run, Turn
from nanobot.automation.sequence import Sequence
from nanobot.automation.trace import End, Trace
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.util.aio import Tasks

STOP_LIMIT = 10.0  # s that a run may take to end when it is told to
DEEPEST = 40  # runs that begin within one another; each is several calls deep
BURST = 1.0  # s in which refused triggers are gathered into one line of the log
MOST_AT_ONCE = 200  # runs that begin because of themselves before anybody else has a turn

CHAIN: ContextVar[tuple[Runner, ...]] = ContextVar("chain", default=())
"""The runners whose runs wait for what runs now: A calls B, which calls C. What an event starts nobody waits for."""


class Runner:
    """Runs one sequence. ``mode``: single, restart, queued, parallel; ``limit`` bounds the last two.

    ``changed(context)`` is called whenever ``current`` is another than before, and after each run that was over at
    once. Its owner calls ``stop`` before it lets go of ``tasks``. As in Home Assistant, a run of restart or
    queued cannot call the same again, since it would wait for its own end; it may start it by an event.
    """

    beginning: ClassVar[list[Runner]] = []
    """Those of the runs that are beginning right now, one within the other."""
    again = 0
    """How many have begun because of themselves since the outermost of these."""
    is_refusing = False
    """Whether one was refused since then: that is said once."""

    def __init__(
        self,
        hub: Hub,
        sequence: Sequence,
        tasks: Tasks,
        log: Log,
        changed: Callable[[Context | None], None],
        *,
        path: str = "action",
        mode: str = "single",
        limit: int = 10,
        exceeded: str = "warning",
        noted: Callable[[Run], Awaitable[None] | None] | None = None,
    ) -> None:
        self._hub = hub
        self._sequence = sequence
        self._tasks = tasks
        self._log = log
        self._changed = changed
        self._path = path
        self._noted = noted
        self.mode = mode
        self.limit = limit if mode in ("queued", "parallel") else 1
        self._exceeded = exceeded
        self._runs: dict[Run, None] = {}
        self._queue: deque[Run] = deque()
        self._burst: asyncio.TimerHandle | None = None
        self._ignored = 0
        """Triggers refused since the last line about them."""

    @property
    def current(self) -> int:
        """Runs under way and waiting for their turn."""
        return len(self._runs) + len(self._queue)

    @property
    def runs(self) -> list[Run]:
        """Those under way, then those waiting for their turn."""
        return [*self._runs, *self._queue]

    def start(
        self,
        variables: dict[str, Any],
        context: Context,
        started: Callable[[Run], None],
        *,
        trace: Trace | None = None,
        prepare: Callable[[Run], None] | None = None,
    ) -> Run | None:
        """Begin a run, or have it wait for its turn; None when there may be none now, which the trace then says.

        ``started(run)`` is called when it is accepted, before its first action. Without anything to wait for, the run
        is over when this returns. ``prepare(run)`` may set what it is to go on from.
        """
        chain = CHAIN.get()
        before: list[Run] = []
        refused = self._refusal(chain)
        if refused is not None:
            if trace is not None:
                trace.finish(refused)
            return None
        if self._runs and self.mode == "restart":
            before = self._cancel_all()
        run = Run(self._hub, variables, context, self._log, trace, chain if self in chain else (*chain, self))
        run.noted = self._noted
        if prepare is not None:
            prepare(run)
        if self._runs and self.mode == "queued":
            self._queue.append(run)
            run.queued = True
            started(run)
            if run.noted is not None:
                run.noted(run)
            self._changed(context)
        else:
            self._runs[run] = None
            started(run)
            self._begin(run, before)
        return run

    async def stop(self) -> None:
        """End all runs and wait until they have. One that calls this itself ends with its present action."""
        if self._burst is not None:
            self._burst.cancel()
            self._tell_burst()
        runs = self._cancel_all()
        this = asyncio.current_task()
        tasks = [run.task for run in runs if run.task is not None and run.task is not this]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_LIMIT)

    # -- inside ---------------------------------------------------------------------------------

    def _refusal(self, chain: tuple[Runner, ...]) -> End | None:
        if self.mode != "restart" and len(self._runs) + len(self._queue) >= self.limit:
            self._exceed()
            return End.SINGLE if self.mode == "single" else End.MAX
        begin = Runner.beginning
        if self in begin:
            Runner.again += 1
        if (
            (self.mode in ("restart", "queued") and self in chain)
            or len(begin) >= DEEPEST
            or (Runner.again > MOST_AT_ONCE and self in begin)
        ):
            if not (begin and Runner.is_refusing):
                self._log.warning("runs because of itself, over and over; this run is refused")
            Runner.is_refusing = bool(begin)
            return End.RECURSION
        return None

    def _begin(self, run: Run, before: Collection[Run] = ()) -> None:
        if run.stopped:
            self._end(run)
            return
        run.queued = False
        if before:
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

    def _do(self, run: Run) -> Awaitable[None] | None:
        """Do what needs no task; gives what is left."""
        token = CHAIN.set(run.chain)
        beginning = Runner.beginning
        if not beginning:
            Runner.again, Runner.is_refusing = 0, False
            if len(run.chain) == 1 and Turn.is_past():
                Turn.begins()
        beginning.append(self)
        try:
            return self._sequence.run(run, run.scope, self._path)
        except Exception as error:
            _ended(run, error)
            return None
        finally:
            beginning.pop()
            CHAIN.reset(token)

    def _spawn(self, run: Run, work: Coroutine[Any, Any, None], rest: Awaitable[None] | None = None) -> None:
        self._changed(run.context)
        run.task = self._tasks.spawn(work, f"{self._tasks.name} run")

        def done(task: asyncio.Task[None]) -> None:
            if rest is not None and hasattr(rest, "close"):
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

    async def _finish(self, run: Run, rest: Awaitable[None]) -> None:
        CHAIN.set(run.chain)
        try:
            await rest
        except Exception as error:
            _ended(run, error)
        finally:
            self._end(run)

    def _end(self, run: Run) -> None:
        if run.over:
            return
        cancelled = run.stopped or (run.task is not None and run.task.cancelled())
        run.finish(End.CANCELLED if cancelled else End.FINISHED)
        self._runs.pop(run, None)
        run.over = True
        if run.noted is not None:
            run.noted(run)
        if self._queue and not self._runs:
            following = self._queue.popleft()
            self._runs[following] = None
            asyncio.get_running_loop().call_soon(self._begin, following)
        for future in run.waiters:
            if not future.done():
                future.set_result(None)
        self._changed(run.context)

    def _cancel_all(self) -> list[Run]:
        """Tell all runs to end; gives those that were under way."""
        queued, self._queue = self._queue, deque()
        for run in queued:
            run.stopped = True
            self._end(run)
        runs = list(self._runs)
        for run in runs:
            run.stop()
        return runs

    def _exceed(self) -> None:
        """The first is told at once, those right after it together: a flood must not fill the log."""
        if self._exceeded == "silent":
            return
        if self._burst is not None:
            self._ignored += 1
            return
        if self.limit == 1:
            self._log.log(self._level, "is running already, so this trigger is ignored")
        else:
            self._log.log(self._level, "has %d runs already (max), so this trigger is ignored", self.current)
        self._burst = asyncio.get_running_loop().call_later(BURST, self._burst_over)

    def _burst_over(self) -> None:
        if self._tell_burst():
            self._burst = asyncio.get_running_loop().call_later(BURST, self._burst_over)

    def _tell_burst(self) -> bool:
        """Whether there was anything to tell."""
        count, self._ignored, self._burst = self._ignored, 0, None
        if count:
            self._log.log(self._level, "%d more triggers were ignored within %g s", count, BURST)
        return count > 0

    @property
    def _level(self) -> int:
        return logging.getLevelNamesMapping()[self._exceeded.upper()]


def alone(begin: Callable[[], Run | None]) -> Run | None:
    """Begin a run for which nobody waits, so that it may be one of those that led to it."""
    token = CHAIN.set(())
    try:
        return begin()
    finally:
        CHAIN.reset(token)


def _ended(run: Run, error: Exception) -> None:
    """Note why a run ended before its last action. What failed has been logged where it failed."""
    if isinstance(error, Stop):
        run.response = error.response
        if error.error:
            run.finish(End.STOPPED, error)
            run.log.warning("stopped: %s", error.text)
        else:
            run.finish(End.FINISHED)
    elif isinstance(error, Abort):
        run.finish(End.STOPPED, error)
    elif isinstance(error, Ended):
        run.finish(error.end)
    else:
        run.finish(End.ERROR, error)
