"""The sockets: signing in, reading, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

import voluptuous as vol
from aiohttp import WSCloseCode, WSMsgType, web

from nanobot.contracts.socket_command import SocketCommand
from nanobot.contracts.view import Access, Operation, View
from nanobot.errors import Busy
from nanobot.hub.entry import Entry
from nanobot.hub.web import ABOUT, WebError
from nanobot.storage.credentials import Identity

from .connection import Connection, Known, parse
from .frames import Frames
from .outbox import Outbox, Rounds

VERSION = "2025.4.4"
"""The release of Home Assistant whose dialect is spoken: clients decide by it what they may ask."""
MAX_FRAME = 4 * 1024 * 1024  # bytes
MAX_FIRST_FRAME = 16 * 1024  # bytes, from somebody who has not signed in
MAX_FIRST_BYTES = 256 * 1024  # of all that such a client sends, who may have its first commands on the way
MAX_SOCKETS = 300
MAX_OF_ONE = 200  # of one credential: the others are for others
MAX_STRANGERS = 50  # sockets of people who have not signed in yet
SIGN_IN_WITHIN = 10.0  # s
HEARTBEAT = 55.0  # s

_OPERATION = Operation(
    summary="Open a WebSocket",
    description="For commands and events. The first message is `{type: auth, access_token}`.",
)

_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
_log = logging.getLogger("nanobot.websocket_api")
_AUTH = vol.Schema({vol.Required("type"): "auth", vol.Exclusive("api_password", "auth"): str,
                    vol.Exclusive("access_token", "auth"): str})  # fmt: skip


class Sockets:
    """All sockets of this integration."""

    def __init__(self, entry: Entry, stand_ins: Iterable[SocketCommand] = ()) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._rounds = Rounds()
        self._known = Known(entry.hub, stand_ins)
        self._open: dict[web.WebSocketResponse, Connection | None] = {}
        entry.on_unload(self._hub.socket_commands.watch(self._commands_changed))

    def __len__(self) -> int:
        return len(self._open)

    def view(self) -> View:
        """Public, because clients sign in with the first message."""
        return View("GET", "/api/websocket", Access.PUBLIC, self.serve, websocket=True, operation=_OPERATION)

    async def close(self) -> None:
        """Say goodbye to all."""
        leaving = [_say_goodbye(socket, WSCloseCode.GOING_AWAY, b"the API is leaving") for socket in self._open]
        if leaving:
            await asyncio.gather(*leaving)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it leaves."""
        if len(self._open) >= MAX_SOCKETS:
            raise Busy(f"{MAX_SOCKETS} connections are open already")
        if sum(1 for connection in self._open.values() if connection is None) >= MAX_STRANGERS:
            raise Busy("too many connections wait for somebody to sign in; try again in some seconds")
        # no compression: what goes to many clients is made once
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_FRAME, compress=False)
        frames = Frames(self._rounds)
        if (tap := request[ABOUT].tap) is not None:
            tap(_Stranger(request, frames).feed)
        writer = await socket.prepare(request)
        assert writer is not None
        line = _Line(socket, request, writer)
        self._open[socket] = None
        connection: Connection | None = None
        try:
            await socket.send_json({"type": "auth_required", "ha_version": VERSION})
            identity = await self._sign_in(request, socket)
            if identity is not None:
                if tap is not None:
                    tap(frames.feed)
                outbox = Outbox(line, self._rounds, partial(self._cut, request, identity), self._entry.spawn)
                connection = self._open[socket] = Connection(self._entry, identity, outbox, self._known)
                frames.take = connection.take_now
                await self._read(socket, connection, frames)
        except (ConnectionError, RuntimeError) as error:
            if not socket.closed and request.transport is not None and not request.transport.is_closing():
                raise
            _log.debug("a client left: %s", error)
        finally:
            del self._open[socket]
            if connection is not None:
                connection.close()
        return socket

    async def _sign_in(self, request: web.Request, socket: web.WebSocketResponse) -> Identity | None:
        """Who it is, once told so; None for nobody, who was told that as well."""
        try:
            frame = await socket.receive(SIGN_IN_WITHIN)
        except TimeoutError:
            await socket.close(message=b"nobody signed in")
            return None
        if frame.type is not WSMsgType.TEXT or len(frame.data) > MAX_FIRST_FRAME:
            await socket.close(message=b"nobody signed in")
            return None
        try:
            data = _AUTH(parse(frame.data))
        except ValueError:
            await socket.close(message=b"this is not JSON")
            return None
        except vol.Invalid:
            await _invalid(socket, "Auth message incorrectly formatted")
            return None
        try:
            identity = request[ABOUT].sign_in(data.get("access_token", ""))
        except WebError as error:
            await _invalid(socket, str(error))
            return None
        if identity is None:
            await _invalid(socket, "Invalid access token or password")
            return None
        own = sum(1 for one in self._open.values() if one is not None and one.identity.id == identity.id)
        if own >= MAX_OF_ONE:
            await _invalid(socket, f"this token has {own} connections already, and more are not taken")
            return None
        await socket.send_json({"type": "auth_ok", "ha_version": VERSION})
        return identity  # type: ignore[no-any-return]

    async def _read(self, socket: web.WebSocketResponse, connection: Connection, frames: Frames) -> None:
        while True:
            frames.is_ready = True
            try:
                frame = await socket.receive()
            finally:
                frames.is_ready = False
            if frame.type in _ENDS:
                return
            if frame.type is WSMsgType.TEXT:
                try:
                    message = parse(frame.data)
                except ValueError:
                    await socket.close(message=b"this is not JSON")
                    return
                await connection.handle(message)
            elif frame.type is not WSMsgType.BINARY or not frame.data:  # nothing here takes binary messages
                await socket.close(message=b"not understood")
                return

    def _cut(self, request: web.Request, identity: Identity, reason: str) -> None:
        _log.warning("%s (%s) was cut off: %s", identity.name, request.remote, reason)
        if request.transport is not None:
            request.transport.abort()

    def _commands_changed(self) -> None:
        self._known.forget()
        for connection in list(self._open.values()):
            if connection is not None:
                connection.commands_changed()


class _Stranger:
    """Lets through the first bytes of a client, and cuts it off when there are too many before it has signed in."""

    def __init__(self, request: web.Request, frames: Frames) -> None:
        self._request = request
        self._frames = frames
        self._left = MAX_FIRST_BYTES

    def feed(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left >= 0:
            return self._frames.feed(data)
        if self._request.transport is not None:
            self._request.transport.abort()
        return b""


class _Line:
    """The way out of one socket: whole frames, straight to the transport."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, writer: Any) -> None:
        self._socket = socket
        self._writer = writer
        transport = request.transport
        assert transport is not None
        self._transport = transport
        self._protocol = request.protocol

    def write(self, data: bytes) -> None:
        if not self._socket.closed and not self._transport.is_closing():
            self._transport.write(data)

    def is_full(self) -> bool:
        return self._protocol.writing_paused

    async def emptied(self) -> None:
        await self._writer.drain()


async def _invalid(socket: web.WebSocketResponse, message: str) -> None:
    await socket.send_json({"type": "auth_invalid", "message": message})
    await socket.close()


async def _say_goodbye(socket: web.WebSocketResponse, code: int, text: bytes) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
        async with asyncio.timeout(1.0):
            await socket.close(code=code, message=text)
