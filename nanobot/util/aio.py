"""Tasks with an owner, and blocking work off the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

EAGER = sys.version_info >= (3, 12)
TURN = 0.005  # s that the calls of a line may take of the loop in one go
_log = logging.getLogger(__name__)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work in the loop's thread pool and wait for it."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Also for partials, and for objects whose ``__call__`` is a coroutine function."""
    while isinstance(function, partial):
        function = function.func
    code = getattr(function, "__code__", None)
    if code is not None and not function.__dict__:  # a function or method without a mark of its own
        return bool(code.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - the method is what is asked for
    )


async def settle(result: Awaitable[T] | T) -> T:
    """Wait for what a callback gave back, if it is something to wait for."""
    if inspect.isawaitable(result):
        return await result
    return result


class Line:
    """Calls that are made in their order, a few milliseconds at a time: however many there are, others get their turn.

    Each is made in the context of whoever asked for it. One that fails is told to the loop, as its own callbacks are.
    """

    __slots__ = ("_calls", "_is_going")

    def __init__(self) -> None:
        self._calls: deque[tuple[contextvars.Context, Callable[..., Any], tuple[Any, ...]]] = deque()
        self._is_going = False

    def __len__(self) -> int:
        return len(self._calls)

    def soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Have ``call(*args)`` made when the loop has its next turn, or later."""
        self._calls.append((contextvars.copy_context(), call, args))
        if not self._is_going:
            self._is_going = True
            asyncio.get_running_loop().call_soon(self._go)

    def _go(self) -> None:
        calls, loop = self._calls, asyncio.get_running_loop()
        end = perf_counter() + TURN
        for _ in range(len(calls)):  # what they lead to has the next turn
            context, call, args = calls.popleft()
            try:
                context.run(call, *args)
            except Exception as error:
                loop.call_exception_handler({"message": f"Exception in {call!r}", "exception": error})
            if perf_counter() > end:
                break
        if calls:
            loop.call_soon(self._go)
        else:
            self._is_going = False


class Tasks:
    """The tasks of one owner. A failing one is logged; ``cancel`` ends those that are left.

    ``context`` is what they start with; by default each gets that of whoever spawns it.
    """

    def __init__(
        self,
        name: str,
        log: logging.Logger | logging.LoggerAdapter[Any] = _log,
        context: contextvars.Context | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._context = context
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T], name: str | None = None) -> asyncio.Task[T]:
        """Start ``work``. From Python 3.12 on it runs at once up to its first wait."""
        loop = asyncio.get_running_loop()
        context = None if self._context is None else self._context.copy()
        task: asyncio.Task[T]
        if EAGER:
            task = asyncio.Task(  # type: ignore[call-arg, unused-ignore]
                work, loop=loop, name=name or self.name, context=context, eager_start=True
            )
        else:
            task = loop.create_task(work, name=name or self.name, context=context)
        self._own(task)
        return task

    def starter(self, function: Callable[[T], Coroutine[Any, Any, Any]], name: str) -> Callable[[T], None]:
        """A plain function that spawns ``function(argument)``, with as little between the two as can be."""
        task_of, running_loop, context = asyncio.Task, asyncio.get_running_loop, self._context

        def start(argument: T) -> None:
            if not EAGER:
                self.spawn(function(argument), name)
                return
            task: asyncio.Task[Any] = task_of(  # type: ignore[call-arg, unused-ignore]
                function(argument),
                loop=running_loop(),
                name=name,
                context=None if context is None else context.copy(),
                eager_start=True,
            )
            if not task.done() or task.cancelled() or task.exception() is not None:
                self._own(task)

        return start

    def _own(self, task: asyncio.Task[Any]) -> None:
        if task.done():
            self._done(task)
        else:
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("%s failed: %s", task.get_name(), str(error) or type(error).__name__, exc_info=error)

    async def cancel(self, limit: float = 10.0) -> list[asyncio.Task[Any]]:
        """Cancel all and wait up to ``limit`` seconds; gives back those that would not end."""
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        if not tasks:
            return []
        _, pending = await asyncio.wait(tasks, timeout=limit)
        return list(pending)
