"""Answers that wait for nothing are written as soon as the request is there, without a task and a turn of the loop.

aiohttp parses every request, and the dispatcher checks every request in the same way. What differs is only who runs
the handler: for views that are ``prompt`` it is run to its end at once. One that waits after all, and an answer that
is not one piece of bytes, goes on in the task of the connection, where all others are run.
"""

from __future__ import annotations

import asyncio
import re
import types
from collections.abc import Callable, Coroutine, Generator
from http import HTTPStatus
from typing import Any

from aiohttp import EMPTY_PAYLOAD, StreamReader, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_writer import StreamWriter, _serialize_headers
from multidict import CIMultiDict

from nanobot.hub.web import identity_of

from .dispatch import EVERYWHERE, Dispatcher
from .heads import Heads

MOST_READ = 64 * 1024
"""Bytes that are read at once. asyncio has 256 KiB made ready for each read, which takes longer than a small answer."""
_EMPTY = frozenset({204, 205, 304})
_HTTP_1_1 = (1, 1)
_JSON = {
    status: _serialize_headers(
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        CIMultiDict({"Content-Type": "application/json", **dict(EVERYWHERE), "Server": "nanobot"}),
    ).removesuffix(b"\r\n")
    for status in (200, 201)
}
"""How most answers begin."""
_PLAIN = re.compile(r"[\x21-\x7e]*")


class Asked(web.Request):
    """A request; the dispatcher finds its view, and dresses its answer."""

    ATTRS = web.Request.ATTRS | {"begun", "matched"}
    begun: tuple[Coroutine[Any, Any, web.StreamResponse], Any] | None = None
    """Its handler, which runs already, and what that waits for."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.matched: dict[str, str] = {}

    @property
    def match_info(self) -> dict[str, str]:  # type: ignore[override]
        """What the pattern of the view has matched."""
        return self.matched

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        self._protocol.dispatcher.dress(self, response)  # type: ignore[attr-defined]


class PromptServer(web.Server):
    """Makes the protocols and the requests, and runs what they do not run themselves."""

    def __init__(self, dispatcher: Dispatcher, max_body_bytes: int, **options: Any) -> None:
        super().__init__(self._handle, request_factory=self._request, **options)  # type: ignore[arg-type]
        self._dispatcher = dispatcher
        self._max_body_bytes = max_body_bytes
        self._heads = Heads()

    def __call__(self) -> Protocol:
        return Protocol(self._dispatcher, self._heads, self, loop=self._loop, **self._kwargs)

    def _request(self, message: Any, payload: Any, protocol: Protocol, writer: Any, task: Any) -> Asked:
        begun = protocol.take_begun()
        if begun is not None:
            begun._task = task  # noqa: SLF001 - as if it had been made now
            return begun
        return Asked(message, payload, protocol, writer, task, self._loop, client_max_size=self._max_body_bytes)

    async def _handle(self, request: Asked) -> web.StreamResponse:
        if request.begun is not None:
            return await self._rest(request, *request.begun)
        if "Content-Encoding" in request.headers:
            request.protocol.leave_unread()  # type: ignore[attr-defined]  # it is one of ours
        if "Expect" in request.headers:
            if request.headers["Expect"].lower() != "100-continue":
                raise web.HTTPExpectationFailed(text=f"Unknown Expect: {request.headers['Expect']}")
            if request.version == _HTTP_1_1:
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                request.writer.output_size = 0
        return await self._dispatcher.handle(request)

    async def _rest(
        self, request: Asked, running: Coroutine[Any, Any, web.StreamResponse], waits: Any
    ) -> web.StreamResponse:
        identity = identity_of(request)
        if identity is not None:
            self._dispatcher.live.keep(request, identity.id)
        try:
            return await go_on(running, waits)
        finally:
            self._dispatcher.live.forget()


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_begun", "_between", "_heads", "_tap", "dispatcher")

    def __init__(self, dispatcher: Dispatcher, heads: Heads, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self.dispatcher = dispatcher
        self._begun: Asked | None = None
        self._tap: Callable[[bytes], bytes] | None = None
        self._heads = heads
        self._between = True
        """Whether the next byte is surely the first one of a request."""

    @property
    def is_idle(self) -> bool:
        """Whether all that was asked is answered. A part of the next request may be there."""
        waits = self._waiter is not None and not self._waiter.done()
        return waits and not self._messages and self._current_request is None and self._payload_parser is None

    @property
    def idle_until(self) -> float:
        """When it is closed if nothing more is asked: who has been idle the longest has the earliest time."""
        return self._next_keepalive_close_time

    @property
    def is_slow(self) -> bool:
        """Whether a body is still on its way."""
        return self._current_request is not None and not self._current_request.content.is_eof()

    def tap(self, tap: Callable[[bytes], bytes]) -> None:
        """Have all that comes after the upgrade given to ``tap`` first; aiohttp reads what that gives back."""
        self._tap = tap

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        if hasattr(transport, "max_size"):  # of asyncio's own loops
            transport.max_size = MOST_READ
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes have come. The task is woken when there is something that it has to do."""
        if self._tap is not None and self._payload_parser is not None and not (self._close or self._force_close):
            data = self._tap(data)
            if data:
                super().data_received(data)
            return
        waiter = self._waiter
        if waiter is None or waiter.done() or self._messages or self._upgraded or self._payload_parser is not None:
            self._read(data)
            return
        if not self._is_known(data):
            self._waiter = None
            try:
                self._read(data)
            finally:
                self._waiter = waiter
        if self._messages and not waiter.done() and not self._answered():
            waiter.set_result(None)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Whoever has read a body calls this, also when nothing was ever held back."""
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """The upgrade is done. What came with it goes the same way as what comes after it."""
        early, self._message_tail = self._message_tail, b""
        super().set_parser(parser, data_received_cb)
        if early:
            self.data_received(early)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone."""
        self._tap = None
        super().connection_lost(exc)

    def leave_unread(self) -> None:
        """Hang up on a body that nobody wants, and do not read it to its end: unpacked it may be a thousand times as
        large, and the others would wait for that."""
        self._lingering_time = 0.0

    def take_begun(self) -> Asked | None:
        """The request whose handler runs already."""
        begun, self._begun = self._begun, None
        return begun

    def _is_known(self, data: bytes) -> bool:
        """Whether these bytes are one whole request whose head came before: it needs no parser then."""
        if not self._between or self._close or self._force_close or (found := self._heads.find(data)) is None:
            return False
        head, body = found
        payload: Any = EMPTY_PAYLOAD
        if body:
            payload = StreamReader(self, MOST_READ, loop=self._loop)
            payload.feed_data(body)
            payload.feed_eof()
        self._request_count += 1
        self._messages.append((head.message, payload))
        return True

    def _read(self, data: bytes) -> None:
        """Have aiohttp parse it. A head is never known again on a connection that was once left in the midst of a
        request: what looks like a head may be a part of a body there."""
        count = self._request_count
        super().data_received(data)
        if self._between:
            alone = self._request_count == count + 1 and bool(self._messages) and not self._upgraded
            self._between = alone and self._heads.keep(data, *self._messages[-1])

    def _answered(self) -> bool:
        """Whether there was one request, and it is done with."""
        manager = self._manager
        if len(self._messages) != 1 or manager is None or self._upgraded or self._paused or self._buffer_paused:
            return False
        message: Any
        message, payload = self._messages[0]
        method = getattr(message, "method", None)  # what is no HTTP has none
        if method is None or message.should_close or message.upgrade or not payload.is_eof():
            return False
        if message.version != _HTTP_1_1 or not self.dispatcher.is_prompt(method, message.url.path):
            return False
        headers = message.headers
        if "Expect" in headers:
            return False
        writer = StreamWriter(self, self._loop)
        request: Any = manager.request_factory(message, payload, self, writer, self._task_handler)  # type: ignore[arg-type]
        running = self.dispatcher.handle(request)
        try:
            waits = running.send(None)
        except StopIteration as end:
            data = self._bytes(request, end.value)
            if data is None:
                self._go_on(request, _give(end.value), None)
                return False
            self._write(data, end.value)
            return True
        except web.HTTPException as response:
            self._go_on(request, _give(response), None)
            return False
        self._go_on(request, running, waits)
        return False

    def _go_on(self, request: Asked, running: Coroutine[Any, Any, web.StreamResponse], waits: Any) -> None:
        request.begun = (running, waits)
        self._begun = request

    def _bytes(self, request: Asked, response: web.StreamResponse) -> bytes | None:
        """The whole answer; None for one that is more than some headers and bytes."""
        if type(response) is not web.Response or response.prepared or response.status in _EMPTY:
            return None
        body = response.body
        if body is None:
            body = b""
        if type(body) is not bytes or response.cookies or response.compression or response.chunked:
            return None
        headers = response.headers
        keep = response.keep_alive is not False
        begin = _JSON.get(response.status)
        if (
            begin is not None
            and keep
            and "Origin" not in request.headers
            and (more := _besides_json(headers)) is not None
        ):
            date = rfc822_formatted_time()
            return b"%b%bContent-Length: %d\r\nDate: %b\r\n\r\n%b" % (begin, more, len(body), date.encode(), body)
        self.dispatcher.dress(request, response)
        headers["Content-Length"] = str(len(body))
        headers["Date"] = rfc822_formatted_time()
        if not keep:
            headers["Connection"] = "close"
        return _serialize_headers(f"HTTP/1.1 {response.status} {response.reason}", headers) + body

    def _write(self, data: bytes, response: web.StreamResponse) -> None:
        assert self._manager is not None
        self._manager.requests_count += 1
        self._messages.popleft()
        consumed = getattr(self._parser, "message_consumed", None)
        if consumed is not None:
            consumed()
        if self.transport is None:
            return
        self.transport.write(data)
        if response.keep_alive is False:
            self.force_close()
            return
        self._keepalive = True
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)


def _besides_json(headers: CIMultiDict[str]) -> bytes | None:
    """The one header that an answer in JSON may have besides its type: where what was made is. None for others."""
    if headers.get("Content-Type") != "application/json":
        return None
    if len(headers) == 1:
        return b""
    place = headers.get("Location")
    if place is None or len(headers) > 2 or _PLAIN.fullmatch(place) is None:
        return None
    return b"Location: %b\r\n" % place.encode("ascii")


async def _give(response: web.StreamResponse) -> web.StreamResponse:
    if isinstance(response, web.HTTPException):
        raise response
    return response


@types.coroutine
def go_on(running: Coroutine[Any, Any, web.StreamResponse], waits: Any) -> Generator[Any, Any, web.StreamResponse]:
    """The rest of what was begun outside of a task and waits."""
    while True:
        sent, error = None, None
        try:
            sent = yield waits
        except GeneratorExit:
            running.close()
            raise
        except BaseException as thrown:
            error = thrown
        try:
            waits = running.send(sent) if error is None else running.throw(error)
        except StopIteration as end:
            answer: web.StreamResponse = end.value
            return answer
