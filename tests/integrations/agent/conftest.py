"""A scripted model server, and a hub whose agent asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from tests.servers.running import Server, running

Begin = Callable[..., Awaitable[None]]


class Stub:
    """The control side of the model server."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.base_url: str = server.info["base_url"]
        self._session = session

    async def post(self, what: str, data: Any = None) -> Any:
        async with self._session.post(f"{self.server.info['stub']}/{what}", json=data) as response:
            return await response.json()

    async def get(self, what: str) -> Any:
        async with self._session.get(f"{self.server.info['stub']}/{what}") as response:
            return await response.json()

    async def script(self, *steps: dict[str, Any]) -> None:
        """What the next requests are answered with, one step each."""
        await self.post("script", list(steps))

    async def requests(self) -> int:
        """How many there were."""
        stats = await self.get("stats")
        count: int = stats["requests"]
        return count


@pytest.fixture(scope="session")
def model_server() -> Iterator[Server]:
    with running("model") as server:
        yield server


@pytest.fixture
async def stub(model_server: Server) -> AsyncIterator[Stub]:
    async with aiohttp.ClientSession() as session:
        stub = Stub(model_server, session)
        await stub.post("reset")
        yield stub


@pytest.fixture
async def begin(stub: Stub, set_up: SetUp, chat: Chat) -> Begin:
    """``await begin(agent options, model={…})``: the agent answers in ``chat``."""

    async def begin(*, model: dict[str, Any] | None = None, assist: bool = False, **options: Any) -> None:
        options = {"model": "main", **options}
        models = {"main": {"model": "stub-model", "retries": 1, "timeout": 1, **(model or {})}}
        await set_up("openai_compatible", {"base_url": stub.base_url, "models": models})
        if assist:
            await set_up("assist")
        await set_up("agent", options)

    return begin
