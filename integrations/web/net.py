"""Requests to servers that a stranger may have chosen: public ones alone, each redirect checked again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urljoin, urlsplit

from nanobot.errors import ToolError
from nanobot.storage.media import size_text
from nanobot.util.aio import in_thread
from nanobot.util.public_net import NotPublic, check_literal, public_resolver

REDIRECTS = 5
PIECE = 64 * 1024
LONGEST_ADDRESS = 4000  # characters
USER_AGENT = "Mozilla/5.0 (compatible; nanobot)"
MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Page:
    """What a server gave. ``url`` is where it came from in the end; ``kind`` its media type, ``charset`` what it says
    of it, "" for nothing."""

    url: str
    kind: str
    charset: str
    data: bytes


class Net:
    """One session of aiohttp for all requests of the entry."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._allow: list[str] | None = config.get("allow")
        self._deny: list[str] = config["deny"]
        self._private: list[str] = config["private"]
        self._max_bytes: int = config["max_bytes"]
        self._timeout: float = config["timeout"]
        self._user_agent: str = config.get("user_agent", USER_AGENT)
        self._session: Any = None
        self._trusted: Any = None

    async def open(self) -> None:
        """Imports aiohttp, in a thread."""
        aiohttp = await in_thread(__import__, "aiohttp")
        headers = {"User-Agent": self._user_agent, "Accept-Language": "en,*;q=0.5", "Accept-Encoding": "gzip, deflate"}
        own = {"headers": headers, "cookie_jar": aiohttp.DummyCookieJar(), "trust_env": False}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=public_resolver(self._is_private), limit=20), **own
        )
        self._trusted = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20), **own)

    async def close(self) -> None:
        for session in (self._session, self._trusted):
            await session.close()

    async def get(self, url: str) -> Page:
        """A page from anywhere that is allowed. Raises ``ToolError`` with a sentence."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(url)
        except TimeoutError:
            raise ToolError(f"{_host(url)} did not answer within {self._timeout:g} s.") from None
        except NotPublic as error:
            raise ToolError(
                f"{error.host} is not on the internet. The option 'private' of web opens servers of one's own network."
            ) from None
        except OSError as error:
            raise ToolError(f"{_host(url)} cannot be reached: {error.strerror or error}.") from None

    async def call(self, url: str, **request: Any) -> Any:
        """The JSON that the server of a search engine answers; its address is configured. Raises ``ToolError``."""
        import aiohttp

        try:
            async with (
                asyncio.timeout(self._timeout),
                self._trusted.request(url=url, allow_redirects=False, **request) as response,
            ):
                data = await self._body(response)
                if response.status != 200:
                    raise ToolError(f"The search engine answers with the status {response.status}.")
        except TimeoutError:
            raise ToolError(f"The search engine did not answer within {self._timeout:g} s.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ToolError(f"The search engine cannot be reached: {error}.") from None
        import orjson

        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            raise ToolError("The search engine gives an answer that cannot be understood.") from None

    def check(self, url: str) -> None:
        """Raises ``ToolError`` for an address that is not to be asked."""
        try:
            parts = urlsplit(url)
            host, _ = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise ToolError(f"This is no address: {url[:200]}") from None
        if parts.scheme not in ("http", "https") or not host or len(url) > LONGEST_ADDRESS:
            raise ToolError("An address begins with https:// or http://, and names a server.")
        if parts.username is not None or parts.password is not None:
            raise ToolError("An address must not hold a name or a password.")
        if _fits(host, self._deny) or (self._allow is not None and not _fits(host, self._allow)):
            raise ToolError(f"{host} is not allowed; the options 'allow' and 'deny' of web say which servers are.")
        if not self._is_private(host):
            check_literal(host)

    def _is_private(self, host: str) -> bool:
        """Whether this server of a private network is opened."""
        return host.lower().strip("[]") in self._private

    async def _follow(self, url: str) -> Page:
        import aiohttp

        for _ in range(REDIRECTS + 1):
            self.check(url)
            try:
                async with self._session.get(url, allow_redirects=False) as response:
                    if response.status in MOVED and "Location" in response.headers:
                        url = urljoin(url, response.headers["Location"])
                        continue
                    if response.status != 200:
                        raise ToolError(f"{_host(url)} answers with the status {response.status} {response.reason}.")
                    return Page(url, response.content_type, response.charset or "", await self._body(response))
            except aiohttp.ClientError as error:
                raise ToolError(f"{_host(url)} cannot be reached: {error}.") from None
        raise ToolError("The address leads from one to the next without end.")

    async def _body(self, response: Any) -> bytes:
        data = bytearray()
        async for piece in response.content.iter_chunked(PIECE):
            data += piece
            if len(data) > self._max_bytes:
                raise ToolError(f"The page has more than {size_text(self._max_bytes)}, the most that is read.")
        return bytes(data)


def _fits(host: str, globs: list[str]) -> bool:
    """``example.org`` in a list also stands for what is below it."""
    return any(fnmatchcase(host, glob) or host.endswith(f".{glob}") for glob in globs)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url[:100]
