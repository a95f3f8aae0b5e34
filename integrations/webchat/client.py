"""One open page: its socket and what is still to be written to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import WSCloseCode, web

from nanobot.hub.context import Context
from nanobot.storage.credentials import Identity

QUEUE = 512  # messages; a page that is further behind is cut off and catches up when it comes back
MAX_BEHIND = 16 * 1024 * 1024  # bytes, for the same
WRITE_LIMIT = 30.0  # s for one message to leave


class Client:
    """``chat`` is what the page looks at; empty before it has said so."""

    def __init__(self, socket: web.WebSocketResponse, identity: Identity, context: Context, language: str) -> None:
        self.socket = socket
        self.identity = identity
        self.context = context
        self.language = language
        self.chat = ""
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self._behind = 0
        self.cut = False
        """It did not read what it was told, and is about to be closed."""

    def tell(self, message: Mapping[str, Any]) -> None:
        """Have a message written. Never waits; a page that does not read is cut off."""
        if self.cut:
            return
        data = orjson.dumps(message)
        if self._queue.full() or (self._behind and self._behind + len(data) > MAX_BEHIND):
            self.cut = True
            return
        self._behind += len(data)
        self._queue.put_nowait(data)

    async def write(self) -> None:
        """Write what there is, until the socket is closed."""
        while not self.cut:
            data = await self._queue.get()
            if self.socket.closed:
                break
            try:
                async with asyncio.timeout(WRITE_LIMIT):
                    await self.socket.send_str(data.decode())
            except (ConnectionError, TimeoutError, RuntimeError):
                break
            self._behind -= len(data)
        await self.close(WSCloseCode.TRY_AGAIN_LATER, "too far behind")

    async def close(self, code: int = WSCloseCode.GOING_AWAY, reason: str = "") -> None:
        """Close the socket."""
        if self.socket.closed:
            return
        try:
            async with asyncio.timeout(1.0):
                await self.socket.close(code=code, message=reason.encode())
        except (ConnectionError, TimeoutError, RuntimeError):
            pass  # it was gone already
