"""One connection to a Home Assistant: signed in, commands and their answers, subscriptions and their events.

Messages of its WebSocket API, read from the documentation of release 2025.4.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import orjson
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientWebSocketResponse,
    ClientWSTimeout,
    DummyCookieJar,
    TraceConfig,
    WSMsgType,
    WSServerHandshakeError,
)

from nanobot.errors import AuthFailed, NanobotError, NotReady
from nanobot.hub.shapes import to_json
from nanobot.util.secrets import Secret
from nanobot.util.text import one_line

CONNECTED_WITHIN = 15.0  # s
ANSWERED_WITHIN = 30.0  # s, for what is asked while connecting
ASKED_EVERY = 30.0  # s of silence before a sign of life is asked for
ALIVE_WITHIN = 15.0  # s
LARGEST = 256 * 1024 * 1024  # bytes of a message: all states of a large house at once

Heard = Callable[[Any], Awaitable[None]]


class Gone(NanobotError):
    """The connection is no more."""


class Refusal(NanobotError):
    """An error that Home Assistant answers. ``code`` is its word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Redirected(Exception):
    """It says that it is elsewhere; the token goes only where the configuration says."""


@asynccontextmanager
async def connected(url: str, token: Secret, *, verify_ssl: bool) -> AsyncIterator[Connection]:
    """A connection that has signed in. Raises ``NotReady`` and ``AuthFailed``."""
    trace = TraceConfig()
    trace.on_request_redirect.append(_redirected)
    async with ClientSession(cookie_jar=DummyCookieJar(), trace_configs=[trace]) as session:
        try:
            async with asyncio.timeout(CONNECTED_WITHIN):
                socket = await session.ws_connect(
                    f"{url.rstrip('/')}/api/websocket",
                    ssl=verify_ssl,
                    max_msg_size=LARGEST,
                    decode_text=False,
                    timeout=ClientWSTimeout(ws_close=2.0),
                )
        except (ClientError, OSError, ssl.SSLError, _Redirected) as error:
            raise NotReady(_words(url, error)) from error
        connection = Connection(socket)
        try:
            async with asyncio.timeout(CONNECTED_WITHIN):
                await connection.sign_in(url, token)
            yield connection
        except TimeoutError as error:
            raise NotReady(f"{url} does not answer in time") from error
        finally:
            connection.fail()
            await socket.close()


class Connection:
    """``read`` has to run for anything to be heard. ``version``: the release that answers."""

    def __init__(self, socket: ClientWebSocketResponse[bool]) -> None:
        self.version = ""
        self._socket = socket
        self._ids = count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._heard: dict[int, Heard] = {}
        self._is_quiet = False

    async def sign_in(self, url: str, token: Secret) -> None:
        """Raises ``NotReady`` and ``AuthFailed``."""
        hello = await self._receive()
        if not isinstance(hello, dict) or hello.get("type") != "auth_required":
            raise NotReady(f"what answers at {url} is no Home Assistant")
        await self._send({"type": "auth", "access_token": token.reveal()})
        answer = await self._receive()
        if isinstance(answer, dict) and answer.get("type") == "auth_ok":
            self.version = str(answer.get("ha_version", ""))
            return
        raise AuthFailed(
            f"{url} refuses the token. Make a new one there (your profile > Security > Long-lived access tokens) and "
            "write it into 'token'"
        )

    async def ask(self, kind: str, **data: Any) -> Any:
        """The result of a command. Raises ``Refusal`` and ``Gone``."""
        return await self._answer(next(self._ids), kind, data)

    async def subscribe(self, kind: str, heard: Heard, **data: Any) -> None:
        """Have ``heard`` called with each event, one after the other. Raises ``Refusal`` and ``Gone``."""
        number = next(self._ids)
        self._heard[number] = heard
        try:
            await self._answer(number, kind, data)
        except BaseException:
            del self._heard[number]
            raise

    async def read(self) -> None:
        """Hear what comes, until ``Gone`` is raised."""
        while True:
            said = await self._receive()
            self._is_quiet = False
            for message in said if isinstance(said, list) else (said,):
                await self._take(message)

    async def watch(self, alive: Callable[[], None]) -> None:
        """Ask for a sign of life when it is quiet, and pass it on; ``Gone`` is raised when there is none."""
        while True:
            self._is_quiet = True
            await asyncio.sleep(ASKED_EVERY)
            if self._is_quiet:
                try:
                    async with asyncio.timeout(ALIVE_WITHIN):
                        await self.ask("ping")
                except TimeoutError:
                    raise Gone("it gives no sign of life") from None
            alive()

    def fail(self) -> None:
        """Tell all who wait for an answer that none will come."""
        for future in self._asked.values():
            if not future.done():
                future.set_exception(Gone("the connection broke off"))
        self._asked.clear()

    # -- inside ---------------------------------------------------------------------------------

    async def _answer(self, number: int, kind: str, data: dict[str, Any]) -> Any:
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send({"id": number, "type": kind, **data})
            return await future
        finally:
            self._asked.pop(number, None)

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._socket.send_frame(to_json(message), WSMsgType.TEXT)
        except (ClientError, OSError) as error:
            raise Gone("the connection broke off") from error

    async def _receive(self) -> Any:
        frame = await self._socket.receive()
        if frame.type is WSMsgType.TEXT:
            try:
                return orjson.loads(frame.data)
            except orjson.JSONDecodeError as error:
                raise Gone("what it says makes no sense") from error
        if frame.type is WSMsgType.ERROR:
            raise Gone(f"the connection broke off: {one_line(str(frame.data), 200)}")
        raise Gone("it closed the connection")

    async def _take(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise Gone("what it says makes no sense")
        number = message.get("id")
        if not isinstance(number, int):
            return  # an answer to nothing that was asked
        if message.get("type") == "event":
            heard = self._heard.get(number)
            if heard is not None:
                await heard(message.get("event"))
            return
        future = self._asked.get(number)
        if future is None or future.done():
            return
        if message.get("type") == "pong" or message.get("success"):
            future.set_result(message.get("result"))
        else:
            error = message.get("error") or {}
            future.set_exception(Refusal(str(error.get("code", "")), one_line(str(error.get("message", "")), 1000)))


async def _redirected(session: Any, context: Any, params: Any) -> None:
    raise _Redirected(params.response.headers.get("Location", ""))


def _words(url: str, error: BaseException) -> str:
    """What went wrong while connecting, for people."""
    match error:
        case WSServerHandshakeError(status=403):
            return f"{url} does not let this machine in: it may stand in ip_bans.yaml there"
        case WSServerHandshakeError(status=status):
            return f"there is no Home Assistant at {url} (it answers {status})"
        case ClientConnectorCertificateError():
            return f"the certificate of {url} is not valid; 'verify_ssl: false' takes it as it is"
        case _Redirected():
            return f"{url} leads on to {one_line(str(error), 200)}; write the address that it really has into 'url'"
        case TimeoutError():
            return f"{url} cannot be reached: no answer in time"
        case ClientConnectorError(os_error=reason):
            words = os.strerror(reason.errno) if reason.errno and reason.errno > 0 else reason.strerror or str(reason)
            return f"{url} cannot be reached: {one_line(words, 200)}"
    return f"{url} cannot be reached: {one_line(str(error), 200) or type(error).__name__}"
