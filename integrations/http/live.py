"""The requests that stay open (WebSockets, streams), by the credential that opened them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import WSCloseCode, web

from nanobot.hub.web import ABOUT, WebError

CLOSE_LIMIT = 0.5  # s for a client to answer the goodbye
MAX_OF_ONE = 250  # of one credential at a time; the other connections are for others
REVOKED = 4401
"""WebSocket close code: sign in again."""


class Live:
    """Closes what a revoked credential has opened."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Task[object], tuple[str, web.Request]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def check(self, identity_id: str) -> None:
        """Raises ``WebError`` 429 for a credential that has too many open to have one more."""
        if len(self._open) >= MAX_OF_ONE and sum(key == identity_id for key, _ in self._open.values()) >= MAX_OF_ONE:
            raise WebError(429, f"{MAX_OF_ONE} connections are at work with this token already; try again")

    def keep(self, request: web.Request, identity_id: str) -> None:
        """Until ``forget`` the handler of ``request``, which runs now, can be closed.

        Outside of a task it runs to its end before anybody could.
        """
        task = asyncio.current_task()
        if task is not None:
            self._open[task] = (identity_id, request)

    def forget(self) -> None:
        """The handler that runs now is at its end."""
        self._open.pop(asyncio.current_task(), None)  # type: ignore[arg-type]  # there is one

    async def close(self, ids: Iterable[str] | None = None) -> None:
        """Close those of these credentials because they are no longer good, or all because the server ends."""
        wanted = None if ids is None else frozenset(ids)
        found = [(task, request) for task, (key, request) in self._open.items() if wanted is None or key in wanted]
        if ids is None:
            code, text = int(WSCloseCode.SERVICE_RESTART), b"the server is restarting"
        else:
            code, text = REVOKED, b"sign in again"
        if found:
            await asyncio.gather(*(_close(task, request, code, text) for task, request in found))


async def _close(task: asyncio.Task[object], request: web.Request, code: int, text: bytes) -> None:
    response = request[ABOUT].response
    try:
        if isinstance(response, web.WebSocketResponse):
            async with asyncio.timeout(CLOSE_LIMIT):
                await response.close(code=code, message=text)
        else:
            task.cancel()
    except (TimeoutError, RuntimeError, ConnectionError):
        pass  # the client does not answer; the connection is cut below
    finally:
        if request.transport is not None:
            request.transport.close()
