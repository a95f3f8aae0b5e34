"""One server of the API: the connections to it, and everything it may say before an answer begins."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from multidict import CIMultiDict

from nanobot import __version__
from nanobot.agent.models.address import OPERATION, Address
from nanobot.agent.models.failure import Trouble, document_of, retry_after
from nanobot.agent.models.request import written
from nanobot.errors import NanobotError
from nanobot.util.dt import Clock
from nanobot.util.secrets import Secret

from .sse import LIMIT

CONNECT_WITHIN = 10.0  # s
CONNECTIONS = 100
KEEP_ALIVE = 30.0  # s that a connection is kept for the next call
LONGEST_ERROR = 64 * 1024  # bytes that are read of an error

_OPTIONS = b"stream_options"
_PATIENCE = ClientTimeout(total=None, sock_connect=CONNECT_WITHIN)


class Server:
    """Shared by the models of one entry. Nothing is sent before the first call.

    ``key`` and ``headers`` go to this address only: redirects are not followed. ``proxy``: see ``Address.proxy``.
    """

    def __init__(
        self,
        address: Address,
        *,
        key: Secret | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        proxy: str | None = None,
        scrub: Callable[[str], str] = str,
        clock: Clock | None = None,
    ) -> None:
        self.address = address
        self.has_key = key is not None
        self.scrub = scrub
        self.clock = clock or Clock()
        self.closed = False
        self.counts_usage = True
        """Whether it takes ``stream_options``; found out at the first call."""
        self._answers: set[ClientResponse] = set()
        self._proxy = proxy
        self._operation = address.url(OPERATION)
        self._session = ClientSession(
            connector=TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=DummyCookieJar(),
            headers=_headers(key, headers or {}),
            timeout=_PATIENCE,
        )

    def trouble(self, model: str) -> Trouble:
        """The errors of one of its models."""
        return Trouble(model, str(self.address), self.has_key, self.scrub)

    async def ask(self, body: dict[str, Any], timeout: float, trouble: Trouble) -> ClientResponse:
        """The response with an answer in it, to be given to ``end`` afterwards. ``timeout`` seconds until it begins."""
        counting = bool(body.get("stream")) and self.counts_usage
        if counting:
            body.setdefault("stream_options", {"include_usage": True})
        response = await self._post(self._operation, written(body), timeout, trouble)
        if 200 <= response.status < 300:
            return response
        error = await self._error_in(response, timeout)
        if counting and response.status in (400, 422) and _OPTIONS in error:
            self.counts_usage = False
            del body["stream_options"]
            return await self.ask(body, timeout, trouble)
        raise self._no(response, error, trouble)

    async def embed(self, body: dict[str, Any], timeout: float, trouble: Trouble) -> Any:
        """The document that ``POST /embeddings`` answers, within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                response = await self._post(self.address.url("/embeddings"), written(body), timeout, trouble)
                try:
                    data = await _read(response, LIMIT)
                finally:
                    self.end(response)
        except TimeoutError as error:
            raise trouble.silent(timeout) from error
        except (ClientError, OSError) as error:
            raise (trouble.closed() if self.closed else trouble.broke_off()) from error
        if not 200 <= response.status < 300:
            raise self._no(response, data, trouble)
        if len(data) >= LIMIT:
            raise trouble.too_big(LIMIT)
        return document_of(data)

    def _no(self, response: ClientResponse, error: bytes, trouble: Trouble) -> NanobotError:
        if 300 <= response.status < 400:
            return trouble.redirected(response.status, response.headers.get("Location", ""))
        after = retry_after(response.headers, self.clock.time())
        return trouble.refused(response.status, document_of(error), after)

    def end(self, response: ClientResponse) -> None:
        """Close the connection, unless everything has been read."""
        self._answers.discard(response)
        response.close()

    async def models(self, timeout: float) -> Any:
        """What ``GET /models`` answers, None when that is of no use. Raises ``OSError`` or ``ClientError``."""
        return await self._told("GET", self.address.url("/models"), None, timeout)

    async def own(self, operation: str, timeout: float, body: Mapping[str, Any] | None = None) -> Any:
        """What it answers in an API of its own, beside the one for chats: ``/props``. As ``models`` otherwise."""
        return await self._told("GET" if body is None else "POST", self.address.beside(operation), body, timeout)

    async def _told(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: float) -> Any:
        async with (
            asyncio.timeout(timeout),
            self._session.request(
                method,
                url,
                data=None if body is None else written(dict(body)),
                proxy=self._proxy,
                allow_redirects=False,
            ) as response,
        ):
            return document_of(await _read(response, LIMIT)) if response.status == 200 else None

    async def close(self) -> None:
        """End all connections, also those that an answer is coming in on."""
        self.closed = True
        for response in list(self._answers):  # else whoever reads them would wait in vain
            response.close()
        await self._session.close()

    async def _post(self, url: str, data: bytes, timeout: float, trouble: Trouble) -> ClientResponse:
        if self.closed:
            raise trouble.closed()
        try:
            async with asyncio.timeout(timeout):
                response = await self._session.post(url, data=data, proxy=self._proxy, allow_redirects=False)
        except ConnectionTimeoutError as error:
            raise trouble.unreachable(f"no connection within {CONNECT_WITHIN:g} s") from error
        except TimeoutError as error:
            raise trouble.silent(timeout) from error
        except (ClientError, OSError) as error:
            if self.closed:
                raise trouble.closed() from error
            raise trouble.unreachable(reason(error)) from error
        self._answers.add(response)
        return response

    async def _error_in(self, response: ClientResponse, timeout: float) -> bytes:
        """The beginning of what came with an error; nothing when it does not arrive."""
        try:
            async with asyncio.timeout(timeout):
                return await _read(response, LONGEST_ERROR)
        except (ClientError, OSError):  # also TimeoutError
            return b""
        finally:
            self.end(response)


async def _read(response: ClientResponse, limit: int) -> bytes:
    """The body; of a long one the first ``limit`` bytes or somewhat more."""
    found = b""
    while len(found) < limit and (chunk := await response.content.readany()):
        found += chunk
    return found


def reason(error: BaseException) -> str:
    """Why there is no connection, in a few words."""
    match error:
        case ClientConnectorCertificateError():
            return "its certificate is not trusted"
        case ClientConnectorDNSError():
            return "its name is not known"
        case ClientSSLError():
            return "no encrypted connection can be made"
        case ServerDisconnectedError():
            return "it closed the connection"
        case ClientHttpProxyError():
            return f"the proxy answers {error.status}"
    number = getattr(error, "errno", None)
    why = os.strerror(number).lower() if isinstance(number, int) and number > 0 else str(error) or type(error).__name__
    return f"the proxy: {why}" if isinstance(error, ClientProxyConnectionError) else why


def _headers(key: Secret | None, more: Mapping[str, str | Secret]) -> CIMultiDict[str]:
    headers = CIMultiDict(
        {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",  # what is packed arrives late
            "User-Agent": f"nanobot/{__version__}",
        }
    )
    if key is not None:
        headers["Authorization"] = f"Bearer {key.reveal()}"
    for name, value in more.items():
        headers[name] = value.reveal() if isinstance(value, Secret) else str(value)
    return headers
