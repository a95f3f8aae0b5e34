"""Events as they happen, as server-sent events: for clients that only listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from nanobot.errors import Busy
from nanobot.hub.bus import ALL, Event
from nanobot.hub.entry import Entry
from nanobot.hub.shapes import event_json
from nanobot.hub.web import identity_of
from nanobot.storage.credentials import Identity

PING_EVERY = 50.0  # s
MAX_BEHIND = 4096  # events that a client may be behind before it is dropped,
MAX_BYTES = 8 * 1024 * 1024  # or bytes of them
MAX_STREAMS = 100
MAX_OF_ONE = 50  # of one credential; the others are for others
END = b""
PING = b"ping"


class Streams:
    """All that are open; they end when the entry does."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._open: set[_Stream] = set()
        entry.on_unload(self._close)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``?restrict=type,type`` gives only these."""
        if len(self._open) >= MAX_STREAMS:
            raise Busy(f"{MAX_STREAMS} streams are open already; close one of them")
        identity = identity_of(request)
        assert identity is not None
        if sum(stream.who == identity.id for stream in self._open) >= MAX_OF_ONE:
            raise Busy(f"this token has {MAX_OF_ONE} streams open already; close one of them")
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        if request.method == "HEAD":
            return web.Response(headers=headers)
        types = [one.strip() for one in request.query.get("restrict", "").split(",") if one.strip()]
        stream = _Stream(request.transport, identity)
        self._open.add(stream)
        ends = [self._entry.listen(one, stream.heard) for one in dict.fromkeys(types) or [ALL]]
        ends.append(self._entry.listen("homeassistant_stop", stream.end))
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(request)
            async for message in stream.messages():
                await response.write(b"data: " + message + b"\n\n")
        except ConnectionError:
            pass
        finally:
            self._open.discard(stream)
            for end in ends:
                end()
        return response

    def _close(self) -> None:
        for stream in self._open:
            stream.end()


class _Stream:
    """What one client has not been sent yet."""

    def __init__(self, transport: asyncio.BaseTransport | None, identity: Identity) -> None:
        self.who = identity.id
        self._rights = identity.rights if identity.rights.is_narrow else None
        self._transport = transport
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_BEHIND)
        self._waiting = 0
        self._ended = False
        self._queue.put_nowait(PING)

    def heard(self, event: Event) -> None:
        if self._ended or (self._rights and not self._rights.may_hear_event(event.type, event.data)):
            return
        message = event_json(event)
        if self._is_behind():
            self.end()
        else:
            self._waiting += len(message)
            self._queue.put_nowait(message)

    def end(self, event: Event | None = None) -> None:
        """Send nothing more after what waits; somebody who does not read is cut off."""
        if self._ended:
            return
        self._ended = True
        if not self._is_behind():
            self._queue.put_nowait(END)
        elif isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    async def messages(self) -> AsyncIterator[bytes]:
        """Until the end; a ping now and then tells whether the client is still there."""
        while True:
            try:
                async with asyncio.timeout(PING_EVERY):
                    message = await self._queue.get()
            except TimeoutError:
                message = PING
            if message == END:
                return
            if message is not PING:
                self._waiting -= len(message)
            yield message

    def _is_behind(self) -> bool:
        return self._queue.full() or self._waiting > MAX_BYTES
