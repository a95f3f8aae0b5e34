"""The scripted model server over real HTTP, what it can be told, and models that are configured for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import ClientSession

from nanobot.agent import embedding
from nanobot.contracts.meter import Spender
from nanobot.contracts.model import Delta, Message, Model, Request
from nanobot.testing.plugin import House
from tests.servers.running import Server, running

KEY = "sk-not-a-real-key-0123456789"
DEFAULTS: dict[str, Any] = {
    "fault": None,
    "latency": 0,
    "reply": "pong",
    "chunks": 1,
    "models": [],
    "about": {},
    "own": {},
    "embedding": {},
    "api_key": "",
    "keep_requests": 0,
}
TOOLS = ({"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},)

Answer = tuple[list[Delta], Delta]


class Stub:
    """The control side of the scripted server."""

    def __init__(self, server: Server, client: ClientSession) -> None:
        self.base_url: str = server.info["base_url"]
        self._control: str = server.info["stub"]
        self._client = client

    async def tell(self, path: str, data: Any = None) -> Any:
        async with self._client.post(f"{self._control}/{path}", json=data) as answer:
            assert answer.status == 200, f"{path} {data}: {await answer.text()}"
            return await answer.json()

    async def read(self, path: str) -> Any:
        async with self._client.get(f"{self._control}/{path}") as answer:
            return await answer.json()

    async def wait(self, **counts: int) -> None:
        """Until the server has counted that many."""
        await self.tell("wait", counts)

    async def last_request(self) -> dict[str, Any]:
        """Body and headers of the last one; needs ``keep_requests``."""
        request: dict[str, Any] = (await self.read("raw"))[-1]
        return request


@pytest.fixture(scope="session")
def model_server() -> Iterator[Server]:
    with running("model") as server:
        yield server


@pytest.fixture
async def stub(model_server: Server) -> AsyncIterator[Stub]:
    async with ClientSession() as client:
        stub = Stub(model_server, client)
        await stub.tell("reset")
        await stub.tell("config", DEFAULTS)
        yield stub
        await stub.wait(inflight=0)


@pytest.fixture
async def house(stub: Stub, house: House) -> House:
    """Closed before the server is asked whether everybody has gone."""
    return house


@pytest.fixture
def configure(house: House, stub: Stub) -> Callable[..., Awaitable[None]]:
    """Configure the model ``local``, and others: ``await configure(timeout=1, models={…})``."""

    async def configure(models: Any = None, **options: Any) -> None:
        options = {"base_url": stub.base_url, "models": models or {"local": "stub-model"}, **options}
        applied = await house.apply(json.dumps({"openai_compatible": options}))  # JSON is YAML
        assert not applied.problems, "\n".join(map(str, applied.problems))

    return configure


@pytest.fixture
def local(house: House) -> Callable[[], Model]:
    """The model of that name as it is in the hub now."""

    def local() -> Model:
        model = house.hub.models.get("local")
        assert model is not None
        return model

    return local


async def ask(model: Model | None, text: str, *, tools: Any = (), **parameters: Any) -> Answer:
    """All pieces but the last, and the last."""
    assert model is not None
    request = Request([Message("user", text)], tools, parameters)
    async with contextlib.aclosing(model.stream(request)) as stream:  # type: ignore[type-var]
        pieces = [piece async for piece in stream]
    assert [piece.finish for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    return pieces[:-1], pieces[-1]


async def embed(house: House, name: str, *texts: str) -> list[list[float]]:
    """The vectors of some texts, as anybody asks for them."""
    embedder = house.hub.embedders.get(name)
    assert embedder is not None
    return await embedding.embed(house.hub, embedder, texts, Spender(origin="test"))


def text_of(answer: Answer) -> str:
    pieces, last = answer
    return "".join(piece.text for piece in (*pieces, last))


def thoughts_of(answer: Answer) -> str:
    pieces, last = answer
    return "".join(piece.thinking for piece in (*pieces, last))
