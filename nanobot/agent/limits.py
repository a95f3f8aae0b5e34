"""The limits of a turn: when one is reached, the model has to answer with what it has, and the person is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from nanobot.contracts.agent import Bounds
from nanobot.conversations.traces import TurnTrace

ROUNDS = 20
TIME = 600.0  # s
LAST_WORD = 30.0  # s beyond the time in which the model may answer with what it has
SAME_CALLS = 3  # times that a call with the same result is made before the model is told to stop it
TOO_MANY_SAME = 6  # times after which it gets no more tools

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """``time`` in seconds, ``cost`` in US dollars; None: none. ``tokens`` are those that it is told and those that it
    says, of all its answers."""

    rounds: int = ROUNDS
    time: float | None = TIME
    tokens: int | None = None
    cost: float | None = None

    def within(self, bounds: Bounds | None) -> Limits:
        """The same, with fewer rounds where a program began the turn."""
        if bounds is None or bounds.rounds is None or bounds.rounds >= self.rounds:
            return self
        return replace(self, rounds=bounds.rounds)


class Budget:
    """What is left of the limits of one turn."""

    def __init__(self, limits: Limits, trace: TurnTrace) -> None:
        self.limits = limits
        self._trace = trace
        self._until = None if limits.time is None else asyncio.get_running_loop().time() + limits.time
        self._made: Counter[tuple[str, str, str]] = Counter()
        self._same = 0

    @property
    def deadline(self) -> float | None:
        """By the loop's clock; None: there is none."""
        return self._until

    def used_up(self, round_: int) -> str | None:
        """The limit that is reached before this round (they count from 0), by its name in the configuration; None:
        none. ``calls``: the same ones were made over and over."""
        limits, trace = self.limits, self._trace
        if self._same >= TOO_MANY_SAME:
            return "calls"
        if round_ >= limits.rounds:
            return "rounds"
        if self._until is not None and asyncio.get_running_loop().time() >= self._until:
            return "time"
        if limits.tokens is not None and trace.tokens >= limits.tokens:
            return "tokens"
        if limits.cost is not None and trace.cost >= limits.cost:
            return "cost"
        return None

    def same(self, name: str, arguments: str, result: str) -> bool:
        """Note the result of a call. True: it has been made so often, with this result, that it leads nowhere."""
        key = (name, arguments, result)
        self._made[key] += 1
        self._same = max(self._same, self._made[key])
        return self._made[key] >= SAME_CALLS


class TimeIsUp(Exception):
    """The turn has taken as long as it may."""


async def until(deadline: float | None, pieces: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same pieces; raises ``TimeIsUp`` when the next one does not come before ``deadline``, by the loop's clock.

    Only the waiting for a piece is cut off, never what is done with one.
    """
    expired = asyncio.Event()
    waiting: asyncio.Task[Any] | None = None

    def expire() -> None:
        expired.set()
        if waiting is not None:
            waiting.cancel()

    # one timer for all pieces: there may be thousands of them
    timer = None if deadline is None else asyncio.get_running_loop().call_at(deadline, expire)
    try:
        async with aclosing(pieces):
            while True:
                if expired.is_set():
                    raise TimeIsUp
                waiting = task = asyncio.current_task()
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except asyncio.CancelledError:
                    if expired.is_set() and task is not None and not task.uncancel():
                        raise TimeIsUp from None
                    raise
                finally:
                    waiting = None
                yield piece
    finally:
        if timer is not None:
            timer.cancel()
