"""How long a request is worked on: until its time is over, its client has left, or the integration is unloaded."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from aiohttp import web

from nanobot.errors import Busy, NotReady

from .errors import NO_RETRY, ApiError

LOOK_EVERY = 0.5  # s; aiohttp tells a handler nothing of a client that has left, so its connection is looked at


class Patience:
    """``async with``: what is inside is cancelled when there is a reason.

    Raises ``ConnectionResetError`` when the client has left, ``ApiError`` when the time is over, and ``NotReady`` when
    the API is unloaded.
    """

    def __init__(self, request: web.Request, limit: float, opened: set[Patience]) -> None:
        self._transport = request.transport
        self._limit = limit
        self._opened = opened
        self._why: Exception = ApiError(
            504, f"there was no answer within {limit:g} s", code="timeout", headers=NO_RETRY
        )
        self._scope = asyncio.timeout(limit)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        await self._scope.__aenter__()
        self._opened.add(self)
        self._look()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._opened.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._scope.__aexit__(kind, error, traceback)
        except TimeoutError as end:
            raise self._why from end

    def leave(self) -> None:
        """The API is unloaded."""
        self._end(NotReady("the API is being reloaded; ask again"))

    def _look(self) -> None:
        if self._transport is None or self._transport.is_closing():
            self._end(ConnectionResetError("the client has left"))
        else:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def _end(self, why: Exception) -> None:
        self._why = why
        if not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())


class Slots:
    """How much one credential may have going on."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> Callable[[], None]:
        """Take a place; the function returned gives it back. Raises ``Busy``."""
        if self._taken[who] >= self.most:
            raise Busy(f"this token has {self._taken[who]} requests going on, and more are not taken; try again")
        self._taken[who] += 1
        is_given_back = False

        def give_back() -> None:
            nonlocal is_given_back
            if not is_given_back:
                is_given_back = True
                self._taken[who] -= 1
                if not self._taken[who]:
                    del self._taken[who]

        return give_back
