"""How many requests a model gets at a time, and in a minute. Whoever comes too early waits in line."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nanobot.errors import NotReady

MINUTE = 60.0  # s
MOST_WAITING = 200  # requests; whoever comes then is told at once
LONGEST_WAIT = 120.0  # s
GRAIN = 0.001  # s more than is left of the minute, for what floats lose


class TooMany(NotReady):
    """Our own limit, and no failure of the model: it is not asked again, another one may be."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a model may be asked in any minute; None: as much as anybody likes."""

    requests: int | None = None
    tokens: int | None = None


@dataclass(slots=True)
class Pass:
    """A request that was let in. ``tokens``: those that it is taken for; set it when more is known."""

    at: float
    tokens: int


class Throttle:
    """Of one model. The limits may be changed at any time."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.rate = RateLimit()
        self.concurrency: int | None = None
        self._running = 0
        self._past: deque[Pass] = deque()
        """Those of the last minute."""
        self._waiting: deque[tuple[asyncio.Future[Pass], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, rate: RateLimit, concurrency: int | None) -> None:
        """Have other limits from now on, also for those who wait."""
        self.rate, self.concurrency = rate, concurrency
        if self._waiting:
            self._let_in()

    @property
    def counts_tokens(self) -> bool:
        return self.rate.tokens is not None

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def admit(self, tokens: int = 0) -> AsyncIterator[Pass]:
        """Inside, the model may be asked. ``tokens``: of the request, roughly. Raises ``TooMany``."""
        admitted = await self._enter(tokens)
        try:
            yield admitted
        finally:
            self._running -= 1
            if self._waiting:
                self._let_in()

    async def _enter(self, tokens: int) -> Pass:
        if not self._waiting and self._wait(tokens) == 0:
            return self._go(tokens)
        if len(self._waiting) >= MOST_WAITING:
            raise TooMany(f"{self.model}: {MOST_WAITING} requests are waiting already for its limits to allow them")
        place: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, tokens))
        self._let_in()
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                return await place
        except TimeoutError:
            self._give_back(place)
            raise TooMany(
                f"{self.model}: its limits on requests did not allow another one within {LONGEST_WAIT:g} s"
            ) from None
        except asyncio.CancelledError:
            self._give_back(place)
            raise

    def _give_back(self, place: asyncio.Future[Pass]) -> None:
        """Whoever waited has gone. It may have been let in at that very moment."""
        if place.done() and not place.cancelled():
            self._running -= 1
            self._past = deque(one for one in self._past if one is not place.result())
        self._waiting = deque(one for one in self._waiting if one[0] is not place)
        self._let_in()

    def _let_in(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            place, tokens = self._waiting[0]
            wait = self._wait(tokens)
            if wait is None:
                return  # whoever ends calls again
            if wait > 0:
                self._timer = asyncio.get_running_loop().call_later(wait + GRAIN, self._let_in)
                return
            self._waiting.popleft()
            if not place.done():
                place.set_result(self._go(tokens))

    def _go(self, tokens: int) -> Pass:
        admitted = Pass(asyncio.get_running_loop().time(), tokens)
        self._running += 1
        if self.rate != RateLimit():
            self._past.append(admitted)
        return admitted

    def _wait(self, tokens: int) -> float | None:
        """Seconds until a request of that size may go; None: not before another one has ended."""
        if self.concurrency is not None and self._running >= self.concurrency:
            return None
        now = asyncio.get_running_loop().time()
        while self._past and self._past[0].at <= now - MINUTE:
            self._past.popleft()
        until = 0.0
        requests, most = self.rate.requests, self.rate.tokens
        if requests is not None and len(self._past) >= requests:
            until = self._past[len(self._past) - requests].at + MINUTE
        if most is not None:
            room = most - min(tokens, most)  # a request that is larger than the limit goes when nothing else does
            used = sum(one.tokens for one in self._past)
            for one in self._past:
                if used <= room:
                    break
                used -= one.tokens
                until = max(until, one.at + MINUTE)
        return max(0.0, until - now) if until else 0.0
