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
WRITE_LIMIT = 30.0  # s for one message to leave


class Client:
    """``chat`` is what the page looks at; empty before it has said so."""

    def __init__(self, socket: web.WebSocketResponse, identity: Identity, context: Context, language: str) -> None:
        self.socket = socket
        self.identity = identity
        self.context = context
        self.language = language
        self.chat = ""
        self._queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(QUEUE)
        self._cut = False

    def tell(self, message: Mapping[str, Any]) -> None:
        """Have a message written. Never waits; a page that does not read is cut off."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._cut = True

    async def write(self) -> None:
        """Write what there is, until the socket is closed."""
        while not self._cut:
            message = await self._queue.get()
            if message is None or self.socket.closed:
                break
            try:
                async with asyncio.timeout(WRITE_LIMIT):
                    await self.socket.send_str(orjson.dumps(message).decode())
            except (ConnectionError, TimeoutError, RuntimeError):
                break
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
