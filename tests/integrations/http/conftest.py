"""A real server on a free port, and a client that says exactly what a test wants it to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, DummyCookieJar, TCPConnector, web

from nanobot.contracts.view import Access, View
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.web import identity_of, json_response, read_json
from nanobot.testing.plugin import SetUp


@dataclass
class Site:
    """``url`` of the server, a client without cookies, and tokens of each access."""

    hub: Hub
    entry: Entry
    client: ClientSession
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.entry.data.url)

    @property
    def port(self) -> int:
        return int(self.entry.data.port)

    async def ask(self, method: str, path: str, **more: Any) -> ClientResponse:
        """The answer, read to its end. ``path`` is sent as it is written."""
        from yarl import URL

        url = URL(self.url + path, encoded=True)
        async with self.client.request(method, url, allow_redirects=False, **more) as response:
            await response.read()
            return response

    async def get(self, path: str, **more: Any) -> ClientResponse:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, data: Any = None, **more: Any) -> ClientResponse:
        return await self.ask("POST", path, json=data, **more)

    def bearer(self, access: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[access]}"}

    async def session(self) -> dict[str, str]:
        """The cookie of a browser that opened a one-time link."""
        response = await self.post("/auth/claim", {"code": self.hub.credentials.claim_code()})
        assert response.status == 200, await response.text()
        return {name: morsel.value for name, morsel in response.cookies.items()}


@pytest.fixture
async def make_site(hub: Hub, set_up: SetUp) -> AsyncIterator[Callable[..., Awaitable[Site]]]:
    async with ClientSession(cookie_jar=DummyCookieJar(), connector=TCPConnector(force_close=True)) as client:

        async def make(**options: Any) -> Site:
            entry = await set_up("http", {"port": 0, **options})
            site = Site(hub, entry, client)
            for access in (Access.READ, Access.USER, Access.ADMIN):
                site.tokens[access.value] = hub.credentials.create(access.value, access)
            return site

        yield make


@pytest.fixture
async def site(make_site: Callable[..., Awaitable[Site]]) -> Site:
    return await make_site()


@pytest.fixture
def views(entry: Entry) -> Entry:
    """One view for each access at ``/test/<access>``, for reading, acting and as a WebSocket."""

    async def handler(request: web.Request) -> web.StreamResponse:
        identity = identity_of(request)
        body = (await request.read()).decode() if request.can_read_body else ""
        return json_response({"name": identity and identity.name, "values": dict(request.match_info), "body": body})

    async def socket(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        async for message in response:
            await response.send_str(f"heard {message.data}")
        return response

    for access in Access:
        entry.add(View("GET", f"/test/{access.value}", access, handler))
        entry.add(View("POST", f"/test/{access.value}", access, handler))
        entry.add(View("GET", f"/test/{access.value}/ws", access, socket, websocket=True))
    return entry


class Line:
    """One connection that stays open."""

    def __init__(self, site: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.site, self.reader, self.writer = site, reader, writer

    def say(self, path: str, *more: str, method: str = "GET", body: bytes = b"", access: str = "admin") -> None:
        head = [f"{method} {path} HTTP/1.1", *more]
        if not any(line.startswith("Host:") for line in more):
            head.append(f"Host: 127.0.0.1:{self.site.port}")
        if access:
            head.append(f"Authorization: {self.site.bearer(access)['Authorization']}")
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self.writer.write("\r\n".join([*head, "", ""]).encode() + body)

    async def hear(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            first, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = dict(line.split(": ", 1) for line in rest)
            body = await self.reader.readexactly(int(headers.get("Content-Length", 0)))
        return int(first.split()[1]), headers, body

    async def ask(self, path: str, *more: str, **options: Any) -> tuple[int, dict[str, str], bytes]:
        self.say(path, *more, **options)
        return await self.hear()


@pytest.fixture
async def line(site: Any) -> Any:
    async def echo(request: web.Request) -> web.Response:
        return json_response(
            {"got": await read_json(request), "name": request.match_info["name"], "task": _in_task(request)}
        )

    async def look(request: web.Request) -> web.Response:
        return web.Response(body=b'{"task":%b}' % str(_in_task(request)).encode(), content_type="application/json")

    site.entry.add(View("GET", "/quick", Access.READ, look, prompt=True))
    site.entry.add(View("GET", "/slow", Access.READ, look))
    site.entry.add(View("POST", "/quick/{name}", Access.ADMIN, echo, prompt=True))
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    one = Line(site, reader, writer)
    await one.ask("/health")  # from now on the connection waits for requests
    yield one
    writer.close()


def _in_task(request: web.Request) -> bool:
    return len(asyncio.all_tasks()) > 0 and asyncio.current_task() is not None
