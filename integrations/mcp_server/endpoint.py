"""The address ``/mcp``: requests are answered by the SDK, and what changes is told over a stream."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from aiohttp import web
from mcp.shared.subscriptions import event_to_notification
from multidict import CIMultiDict

from nanobot.contracts.view import Access, View
from nanobot.errors import Busy
from nanobot.hub.entry import Entry
from nanobot.hub.web import BODY_LIMIT, WebError, context_of, identity_of
from nanobot.storage.credentials import Identity

from .asgi import Stream, through
from .caller import Caller
from .changes import Changes
from .channels import Channel, Channels
from .prompts import Prompts
from .resources import Resources
from .server import build
from .sessions import Sessions
from .tools import Tools

PATH = "/mcp"
MAX_BODY = 1024 * 1024  # bytes
PING_EVERY = 15.0  # s of silence after which a stream says that it is alive
SERVER_ERROR = -32000  # the first of JSON-RPC's codes for what is about the server
_SESSION = "Mcp-Session-Id"


class Endpoint:
    """Streamable HTTP: each POST is answered by one JSON body, and GET opens the stream of a session. Where there are
    no sessions, a POST that asks to be told of changes is answered by a stream."""

    def __init__(self, entry: Entry) -> None:
        self._concurrent: int = entry.config["concurrent"]
        self._at_work: Counter[str] = Counter()
        self._alive_within: float = min(PING_EVERY, entry.config["session_timeout"].total_seconds() / 3)
        tools, resources, prompts = Tools(entry), Resources(entry.hub), Prompts(entry.hub)
        self._channels = Channels(entry, Changes(entry, tools, resources, prompts), resources)
        server = build(tools, resources, prompts, self._channels)
        self._sessions = Sessions(entry, server, max_body=MAX_BODY)

    def views(self) -> list[View]:
        """What a token may is looked at by each tool and resource."""
        served = (("POST", self.serve), ("DELETE", self.serve), ("GET", self.tell))
        return [View(method, PATH, Access.READ, handler, scoped=True, failed=_failed) for method, handler in served]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One message of a client, or the end of its session."""
        caller = _caller_of(request)
        with self._work(caller.identity) as work:
            body = await _body(request)
            async with self._sessions.of(caller.identity) as manager:
                return await through(manager.handle_request, request, body, caller, streams=work.end)

    async def tell(self, request: web.Request) -> web.StreamResponse:
        """The stream of a session: what it is told without having asked."""
        caller, session = _caller_of(request), request.headers.get(_SESSION)
        if not session or request.method == "HEAD":
            raise WebError(405, "there is no stream without a session", headers={"Allow": "POST, DELETE"})
        found = await self._touch(request, caller)
        if found.status != 405:  # there is no such session
            return found
        if not any(kind in request.headers.get("Accept", "") for kind in ("text/event-stream", "text/*", "*/*")):
            raise WebError(406, "this is a stream: send the header Accept: text/event-stream")
        channel = self._channels.of(caller.identity, session)
        if channel is None:
            raise WebError(400, "send notifications/initialized first")
        if channel.is_open:
            raise WebError(409, "the stream of this session is open already")
        channel.is_open = True
        try:
            with self._channels.stream(caller.identity):
                return await self._follow(request, caller, channel, session)
        finally:
            channel.is_open = False

    async def _follow(self, request: web.Request, caller: Caller, channel: Channel, session: str) -> web.StreamResponse:
        stream = Stream(request, CIMultiDict({"Content-Type": "text/event-stream", _SESSION: session}))
        await stream.begin()
        while True:
            events = await channel.take(self._alive_within)
            if channel.ended:
                break
            told = b"".join(_sent(event_to_notification(event, {})) for event in events)
            if not told:
                await self._touch(request, caller)  # a session whose stream is open is used
            if not await stream.write(told or b": waiting\n\n"):
                break
        return stream.response

    async def _touch(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """Use a session; what the SDK says to that. 405, as nobody may ask it so, is of one that is there."""
        async with self._sessions.of(caller.identity) as manager:
            return await through(manager.handle_request, request, b"", caller, method="OPTIONS")

    @contextmanager
    def _work(self, identity: Identity) -> Iterator[_Work]:
        """Count a request while it is answered, or until that becomes a stream. Raises ``Busy``."""
        if self._at_work[identity.id] >= self._concurrent:
            raise Busy(f"this token has {self._concurrent} requests going on, and more are not taken; try again")
        work = _Work(self._at_work, identity.id)
        try:
            yield work
        finally:
            work.end()


class _Work:
    """One request that counts until its end, however often that is told."""

    def __init__(self, counted: Counter[str], key: str) -> None:
        self._counted = counted
        self._key = key
        self._is_going_on = True
        counted[key] += 1

    def end(self) -> None:
        if self._is_going_on:
            self._is_going_on = False
            self._counted[self._key] -= 1
            if not self._counted[self._key]:
                del self._counted[self._key]


def _caller_of(request: web.Request) -> Caller:
    identity = identity_of(request)
    assert identity is not None
    return Caller(identity, context_of(request))


async def _body(request: web.Request) -> bytes:
    """Raises ``WebError``: 408, 413."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT):
            async for part in request.content.iter_any():
                body += part
                if len(body) > MAX_BODY:
                    raise WebError(413, f"a message has {MAX_BODY} bytes at most")
    except TimeoutError as error:
        raise WebError(408, "the body took too long to arrive") from error
    return bytes(body)


def _sent(notification: Any) -> bytes:
    message = {"jsonrpc": "2.0", **notification.model_dump(by_alias=True, mode="json", exclude_none=True)}
    return b"event: message\ndata: " + orjson.dumps(message) + b"\n\n"


def _failed(status: int, text: str) -> Mapping[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": SERVER_ERROR, "message": text}}
