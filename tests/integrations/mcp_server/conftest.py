"""A hub with the server on a free port, and the official client of MCP, which connects to it over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson
import pytest
from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client

from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.contracts.view import Access
from nanobot.errors import ToolError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.storage.credentials import Scope
from nanobot.testing.plugin import House

SECRET = "hunter2-canary"
CONFIG = """
http: {{port: 0}}
mcp_server: {options}
input_boolean:
  lamp: {{initial: false, name: Lamp}}
  door: {{initial: true}}
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


class Probe(Tool):
    """Notes who calls. "hold" waits until a test lets it go on."""

    guards_guests = True

    def __init__(self, name: str, risk: Risk) -> None:
        self.name = name
        self.description = f"A tool that is {risk.value}."
        self.risk = risk
        self.turns: list[Turn] = []
        self.held = asyncio.Event()
        self.ended = asyncio.Event()

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        self.turns.append(turn)
        if self.name == "hold":
            self.held.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.set()
        if self.name == "fail":
            raise ToolError(f"the lamp with {SECRET} is broken")
        return ToolResult(f"{self.name} of {turn.sender_name}")


@dataclass
class Reply:
    """``data`` is the parsed body, or the text of one that is no JSON."""

    status: int
    data: Any
    headers: Mapping[str, str]


@dataclass
class Mcp:
    hub: Hub
    house: House
    http: httpx2.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)
    tools: dict[str, Probe] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.hub.run_info['url']}/mcp"

    def headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.get(who, who)}"}

    @asynccontextmanager
    async def session(self, who: str = "admin", told: asyncio.Queue[Any] | None = None) -> AsyncIterator[ClientSession]:
        """The official client, initialized, with the token of that name. ``told`` gets what it is told unasked."""

        async def hear(message: Any) -> None:
            if told is not None:
                told.put_nowait(message)

        async with (
            httpx2.AsyncClient(headers=self.headers(who), timeout=20) as http,
            streamable_http_client(self.url, http_client=http) as (read, write),
            ClientSession(read, write, message_handler=hear) as session,
        ):
            await session.initialize()
            if told is not None:
                await self._listened()
            yield session

    async def _listened(self) -> None:
        """Wait until the stream of the last session is open."""
        view = self.hub.views.get("GET /mcp")
        assert view is not None
        channels = view.handler.__self__._channels._by_session  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            while not channels or not list(channels.values())[-1].is_open:
                await asyncio.sleep(0.01)

    async def ask(self, body: Any, who: str | None = "admin", method: str = "POST", **headers: str) -> Reply:
        """A request as curl would make it."""
        sent = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent |= self.headers(who)
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        answer = await self.http.request(method, self.url, content=data, headers=sent)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Reply(
            answer.status_code,
            orjson.loads(answer.content) if is_json and answer.content else answer.text,
            answer.headers,
        )

    async def begin(self, who: str = "admin") -> str:
        """A session's id."""
        answer = await self.ask(INITIALIZE, who)
        assert answer.status == 200, answer
        return answer.headers["mcp-session-id"]


def text_of(result: Any) -> str:
    """What a tool says."""
    assert isinstance(result, types.CallToolResult)
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


async def names(session: ClientSession) -> list[str]:
    return [tool.name for tool in (await session.list_tools()).tools]


async def open_server(house: House, entry: Entry, http: httpx2.AsyncClient, options: str = "{}") -> Mcp:
    await house.start(CONFIG.format(options=options))
    mcp = Mcp(house.hub, house, http)
    create = house.hub.credentials.create
    for access in (Access.READ, Access.USER, Access.ADMIN):
        mcp.tokens[access.value] = create(access.value, access)
    mcp.tokens["lamp"] = create(
        "lamp", Access.USER, scope=Scope(("input_boolean.turn_*",), None, ("input_boolean.lamp",))
    )
    for name, risk in (("look", Risk.READ), ("write", Risk.WRITE), ("post", Risk.OUTSIDE), ("run", Risk.DANGEROUS),
                       ("hold", Risk.READ), ("fail", Risk.READ)):  # fmt: skip
        mcp.tools[name] = Probe(name, risk)
        entry.add(mcp.tools[name])
    house.hub.scrubber.add(SECRET)
    return mcp


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=20) as http:
        yield http


@pytest.fixture
async def mcp(house: House, entry: Entry, http: httpx2.AsyncClient) -> Mcp:
    return await open_server(house, entry, http)
