"""A hub with the API on a free port, agents that do what a test wants, and OpenAI's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, DummyCookieJar
from openai import AsyncOpenAI

from nanobot.contracts.agent import Agent, Attach, Retract, Text, Thinking, ToolUse, Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.servers.running import Server, running

CONFIG = """
http: {{port: 0}}
openai_api: {options}
input_boolean:
  lamp: {{initial: false, name: Lamp}}
"""


class Parrot(Agent):
    """Repeats what it hears. "hold" waits until a test lets it go on; other words are in ``respond``."""

    rank = 5

    def __init__(self, name: str = "parrot") -> None:
        super().__init__(name)
        self.turns: list[Turn] = []
        self.held = asyncio.Event()
        """A turn waits."""
        self.go_on = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def respond(self, turn: Turn) -> Any:
        self.turns.append(turn)
        match turn.text.split()[0]:
            case "hold":
                yield Text("one ")
                self.held.set()
                try:
                    await self.go_on.wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
                yield Text("two")
            case "fail":
                yield Text("well")
                raise RuntimeError("broken")
            case "look":
                yield Text("I will look.")
                yield Retract()
                yield Thinking("hm")
                yield ToolUse("1", "get_state", "{}")
                yield Text("It is on.")
            case "again":
                for text in ("The answ", "er is", Retract(), "The ", "answer is 42"):
                    yield Text(text) if isinstance(text, str) else text
            case "show":
                yield Attach(Attachment("media/x/a.png", "a.png"))
                yield Text("here ")
            case "hush":
                return
            case "flood":
                for _ in range(2000):
                    yield Text("x" * 10_000)
            case _:
                yield Text("you said ")
                yield Text(turn.text)


@dataclass
class Reply:
    """``data`` is the parsed body, or the text of one that is no JSON."""

    status: int
    data: Any
    headers: Any


@dataclass
class Api:
    hub: Hub
    http: ClientSession
    parrot: Parrot
    tokens: dict[str, str] = field(default_factory=dict)
    clients: list[AsyncOpenAI] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.hub.run_info["url"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, access: str = "user", **options: Any) -> AsyncOpenAI:
        """OpenAI's client, with the token of that name."""
        options = {"max_retries": 0, "api_key": self.tokens.get(access, access), "timeout": 20, **options}
        client = AsyncOpenAI(base_url=f"{self.url}/v1", **options)
        self.clients.append(client)
        return client

    async def ask(
        self, method: str, path: str, body: Any = None, *, access: str | None = "user", **headers: str
    ) -> Reply:
        """A request as curl would make it."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if access is not None:
            headers["Authorization"] = f"Bearer {self.tokens.get(access, access)}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, bytes) else orjson.dumps(body)
        async with self.http.request(method, self.url + path, data=body, headers=headers) as response:
            text = await response.read()
            is_json = response.content_type == "application/json"
            return Reply(response.status, orjson.loads(text) if is_json else text.decode(), response.headers)

    async def says(self, text: str, *, access: str = "user", model: str = "parrot", **more: Any) -> Reply:
        """One message as a completion."""
        headers = {name: more.pop(name) for name in list(more) if name[0].isupper()}
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return await self.ask("POST", "/v1/chat/completions", body, access=access, **headers)

    def raw(self, body: Any, *, access: str = "user", path: str = "/v1/chat/completions", **headers: str) -> bytes:
        """The bytes of a request, for a socket of its own."""
        data = orjson.dumps(body)
        lines = [
            f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.tokens[access]}",
            "Content-Type: application/json", f"Content-Length: {len(data)}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]  # fmt: skip
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def text_of(reply: Reply) -> str:
    """What a completion says."""
    assert reply.status == 200, reply.data
    return str(reply.data["choices"][0]["message"]["content"])


def chunks_of(reply: Reply) -> list[Any]:
    """The chunks of a stream, which has to end as OpenAI's do."""
    assert reply.status == 200, reply.data
    lines = [line[6:] for line in reply.data.split("\n\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [orjson.loads(line) for line in lines]


async def open_api(house: House, http: ClientSession, owner: Entry, options: str = "{}") -> Api:
    await house.start(CONFIG.format(options=options))
    api = Api(house.hub, http, Parrot())
    owner.add(api.parrot)
    for access in (Access.READ, Access.USER, Access.ADMIN):
        api.tokens[access.value] = house.hub.credentials.create(access.value, access)
    api.tokens["other"] = house.hub.credentials.create("other", Access.USER)
    return api


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as http:
        yield http


@pytest.fixture
async def api(house: House, http: ClientSession, entry: Entry) -> AsyncIterator[Api]:
    api = await open_api(house, http, entry)
    yield api
    for client in api.clients:
        await client.close()


@pytest.fixture(scope="session")
def model_server() -> Iterator[Server]:
    with running("model") as server:
        yield server
