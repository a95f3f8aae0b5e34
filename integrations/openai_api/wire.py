"""What the two APIs have in common on the wire: JSON, server-sent events, and how much was used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import orjson
from aiohttp import web

from nanobot.agent.prompt import CHARACTERS_PER_TOKEN

from .errors import ApiError
from .pieces import Piece

PING_EVERY = 15.0  # s of silence after which a stream says that it is alive
WRITE_LIMIT = 30.0  # s that a client may leave what it was sent unread

Event = Mapping[str, Any]


class Shape(Protocol):
    """One answer in the words of one API. Its events are written in the order in which they are made."""

    done: bytes
    """What ends a stream."""

    def whole(self, text: str, tools: list[str] | None) -> Event: ...
    def opening(self) -> Iterable[Event]: ...
    def delta(self, text: str) -> Event: ...
    def progress(self, piece: Piece) -> Event | str:
        """An event, or a comment where clients of the API would stumble over an event that they do not know."""
        ...

    def closing(self, text: str) -> Iterable[Event]: ...
    def failed(self, error: ApiError, text: str) -> Iterable[Event]: ...


def tokens(characters: int) -> int:
    """Roughly. What the models of an agent really used is theirs to say."""
    return -(-characters // CHARACTERS_PER_TOKEN)


class Stream:
    """Server-sent events to one client. Waits for a slow reader, but not for ever."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        self._writing = asyncio.Lock()
        self._last = 0.0
        self.begun = False

    async def begin(self) -> None:
        """Send the headers."""
        self.begun = True
        await self._response.prepare(self._request)

    async def tell(self, events: Iterable[Event]) -> None:
        """Write events, each under its own name where it has a type. Raises ``ConnectionError``."""
        lines = []
        for event in events:
            name = event.get("type")
            lines.append(b"event: %b\n" % name.encode() if isinstance(name, str) else b"")
            lines.append(b"data: %b\n\n" % orjson.dumps(event))
        await self._write(b"".join(lines))

    async def comment(self, text: str) -> None:
        """Write what every client passes over."""
        await self._write(b": %b\n\n" % " ".join(text.split()).encode())

    async def end(self, last: bytes = b"") -> web.StreamResponse:
        """Nothing more comes."""
        if last:
            await self._write(last)
        async with asyncio.timeout(WRITE_LIMIT):
            await self._response.write_eof()
        return self._response

    async def keep_alive(self) -> None:
        """Write something now and then, until cancelled or the client has left."""
        clock = asyncio.get_running_loop().time
        try:
            while True:
                await asyncio.sleep(max(1.0, self._last + PING_EVERY - clock()))
                if clock() - self._last >= PING_EVERY:
                    await self.comment("waiting")
        except ConnectionError:
            pass  # whoever writes the answer finds out as well

    async def _write(self, data: bytes) -> None:
        async with self._writing:
            try:
                async with asyncio.timeout(WRITE_LIMIT):
                    await self._response.write(data)
            except TimeoutError as error:
                if isinstance(self._request.transport, asyncio.WriteTransport):
                    self._request.transport.abort()
                raise ConnectionResetError("the client does not read what it is sent") from error
            self._last = asyncio.get_running_loop().time()
