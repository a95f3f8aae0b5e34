"""The address ``/mcp``: from a request of the web server to the SDK, which speaks ASGI, and back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from nanobot.contracts.view import Access, View
from nanobot.errors import Busy
from nanobot.hub.entry import Entry
from nanobot.hub.web import BODY_LIMIT, WebError, context_of, identity_of

from .caller import SCOPE_KEY, Caller
from .server import build
from .sessions import Sessions

PATH = "/mcp"
MAX_BODY = 1024 * 1024  # bytes
SERVER_ERROR = -32000  # the first of JSON-RPC's codes for what is about the server
_NOT_PASSED_ON = frozenset({b"authorization", b"cookie"})

Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class Endpoint:
    """Streamable HTTP without streams: each POST is answered by one JSON body, and there is no GET."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._concurrent: int = entry.config["concurrent"]
        self._at_work: Counter[str] = Counter()
        self._sessions = Sessions(entry, build(entry), max_body=MAX_BODY)

    def views(self) -> list[View]:
        """What a token may is looked at by each tool and resource."""
        return [
            View(method, PATH, Access.READ, self.serve, scoped=True, failed=_failed) for method in ("POST", "DELETE")
        ]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One message of a client, or the end of its session."""
        identity = identity_of(request)
        assert identity is not None
        if self._at_work[identity.id] >= self._concurrent:
            raise Busy(f"this token has {self._concurrent} requests going on, and more are not taken; try again")
        self._at_work[identity.id] += 1
        try:
            body = await _body(request)
            async with self._sessions.of(identity) as manager:
                return await _through(manager.handle_request, request, body, Caller(identity, context_of(request)))
        finally:
            self._at_work[identity.id] -= 1
            if not self._at_work[identity.id]:
                del self._at_work[identity.id]


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


async def _through(app: App, request: web.Request, body: bytes, caller: Caller) -> web.Response:
    """Have an ASGI application answer a request whose body is here already. The token is not shown to it."""
    parts: list[bytes] = []
    start: Message = {"status": 500, "headers": []}
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.get_running_loop().create_future()  # nothing more comes
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
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
    await app(scope, receive, send)
    headers = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
    headers.pop("Content-Length", None)  # of the body, and made again
    return web.Response(status=start["status"], headers=headers, body=b"".join(parts))


def _failed(status: int, text: str) -> Mapping[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": SERVER_ERROR, "message": text}}
