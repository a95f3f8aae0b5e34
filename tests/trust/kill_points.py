"""The places at which ``kill_child`` may kill itself, wrapped from outside: the product knows nothing of it.

A point is the name of a place with "before" or "after" it. A trap waits for the n-th time that a point is passed.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from nanobot.agent.asking import Asking
from nanobot.agent.toolbox import Outcome, Toolbox
from nanobot.contracts.model import ToolCall
from nanobot.conversations import delivery
from nanobot.storage import sql

PLACES = {
    "commit": 40,  # a transaction of hub.db, in the writer's thread
    "model": 10,  # a request to the model, from the first byte asked to the last one answered
    "delta": 20,  # a piece of the model's answer
    "tool": 8,  # a call of a tool
    "send": 8,  # what the delivery calls a send; "after": the platform has it, nobody has noted it
    "request": 25,  # one request to the platform
    "poll": 6,  # getUpdates; its offset confirms what came before
    "file": 3,  # a file gets its name when it is whole
}
"""How often each is passed in a life of one to three seconds, roughly: beyond that no trap is laid."""
POINTS = [f"{when} {place}" for place in PLACES for when in ("before", "after")]

SLOW_DISK = 0.02  # s that a commit may take on a slow card; it widens the gaps that a kill must not find

CALL: ContextVar[str] = ContextVar("call", default="none")
"""The id of the tool call that is being carried out."""


class Trap:
    """Kills the process, as the system would, when ``point`` is passed for the n-th time."""

    def __init__(self, point: str, times: int) -> None:
        self.point = point
        self.left = times

    def passes(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def lay(trap: Trap) -> None:
    """Wrap all the places. To be called before anything of them is in use."""
    around(trap, "commit", sql, "_transact", delay=SLOW_DISK)
    around(trap, "send", delivery, "_attempt", waits=True)
    for owner, name in ((Path, "replace"), (os, "rename")):
        around(trap, "file", owner, name)
    _around_models(trap)
    _around_tools(trap)
    _around_telegram(trap)


def around(trap: Trap, place: str, owner: Any, name: str, *, waits: bool = False, delay: float = 0) -> None:
    """Wrap one function, or one method of a class; ``delay``: seconds that it may take longer."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def plain(*args: Any, **kwargs: Any) -> Any:
        time.sleep(random.random() * delay)
        trap.passes(f"before {place}")
        result = inner(*args, **kwargs)
        trap.passes(f"after {place}")
        return result

    @functools.wraps(inner)
    async def waiting(*args: Any, **kwargs: Any) -> Any:
        trap.passes(f"before {place}")
        result = await inner(*args, **kwargs)
        trap.passes(f"after {place}")
        return result

    setattr(owner, name, waiting if waits else plain)


def _around_models(trap: Trap) -> None:
    inner: Callable[..., AsyncGenerator[Any]] = Asking._once

    async def once(self: Asking, *args: Any) -> AsyncGenerator[Any]:
        trap.passes("before model")
        async with aclosing(inner(self, *args)) as deltas:
            async for delta in deltas:
                trap.passes("before delta")
                yield delta
                trap.passes("after delta")
        trap.passes("after model")

    Asking._once = once  # type: ignore[method-assign, assignment]


def _around_tools(trap: Trap) -> None:
    inner: Callable[..., Awaitable[Outcome]] = Toolbox.call

    async def call(self: Toolbox, call: ToolCall, *args: Any, **kwargs: Any) -> Outcome:
        CALL.set(call.id)
        trap.passes("before tool")
        outcome = await inner(self, call, *args, **kwargs)
        trap.passes("after tool")
        return outcome

    Toolbox.call = call  # type: ignore[method-assign]


def _around_telegram(trap: Trap) -> None:
    from telegram.request import HTTPXRequest

    inner: Callable[..., Awaitable[tuple[int, bytes]]] = HTTPXRequest.do_request

    async def do_request(self: HTTPXRequest, url: str, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        place = "poll" if url.endswith("/getUpdates") else "request"
        trap.passes(f"before {place}")
        result = await inner(self, url, *args, **kwargs)
        trap.passes(f"after {place}")
        return result

    HTTPXRequest.do_request = do_request  # type: ignore[method-assign]
