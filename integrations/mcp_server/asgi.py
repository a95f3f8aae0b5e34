"""From a request of the web server to the SDK, which speaks ASGI, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from .caller import SCOPE_KEY, Caller

WRITE_LIMIT = 30.0  # s that a client may leave what it was sent unread
_NOT_PASSED_ON = frozenset({b"authorization", b"cookie"})

Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


async def through(
    app: App,
    request: web.Request,
    body: bytes,
    caller: Caller,
    *,
    streams: Callable[[], None] = lambda: None,
    method: str | None = None,
) -> web.StreamResponse:
    """Have an ASGI application answer a request whose body is here already. The token is not shown to it.

    ``streams`` is called when the answer turns out to be a stream. ``method``: instead of that of the request.
    """
    exchange = _Exchange(request, body, streams)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method or request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": request.query_string.encode(),
        "headers": [(name.lower(), value) for name, value in request.raw_headers if name.lower() not in _NOT_PASSED_ON],
        "client": None,
        "server": None,
        SCOPE_KEY: caller,
    }
    await app(scope, exchange.receive, exchange.send)
    return exchange.response()


class Stream:
    """Server-sent events to one client. Waits for a slow reader, but not for ever."""

    def __init__(self, request: web.Request, headers: CIMultiDict[str]) -> None:
        self.response = web.StreamResponse(headers={**headers, "X-Accel-Buffering": "no"})
        self._request = request

    async def begin(self) -> None:
        """Send the headers."""
        await self.response.prepare(self._request)

    async def write(self, data: bytes) -> bool:
        """Whether the client is still there."""
        try:
            async with asyncio.timeout(WRITE_LIMIT):
                await self.response.write(data)
        except TimeoutError:
            if isinstance(self._request.transport, asyncio.WriteTransport):
                self._request.transport.abort()
            return False
        except ConnectionError:
            return False
        return True


class _Exchange:
    def __init__(self, request: web.Request, body: bytes, streams: Callable[[], None]) -> None:
        self._request = request
        self._body: bytes | None = body
        self._streams = streams
        self._left = asyncio.get_running_loop().create_future()
        self._status = 500
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._parts: list[bytes] = []
        self._stream: Stream | None = None

    async def receive(self) -> Message:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.shield(self._left)  # nothing more comes, until the client leaves
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = CIMultiDict(
                (name.decode("latin-1"), one.decode("latin-1")) for name, one in message["headers"]
            )
            if self._headers.get("Content-Type", "").startswith("text/event-stream"):
                self._streams()
                self._stream = Stream(self._request, self._headers)
                await self._stream.begin()
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            if self._stream is None:
                self._parts.append(body)
            elif body and not self._left.done() and not await self._stream.write(body):
                self._left.set_result(None)

    def response(self) -> web.StreamResponse:
        if self._stream is not None:
            return self._stream.response
        self._headers.popall("Content-Length", None)  # of the body, and made again
        return web.Response(status=self._status, headers=self._headers, body=b"".join(self._parts))
