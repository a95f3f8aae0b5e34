"""Two houses: ``house``, which mirrors, and ``remote``, a nanobot with Home Assistant's API on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.servers._home_assistant import Scripted

REMOTE = """
http:
  port: {port}
websocket_api:
api:
input_boolean:
  lamp: {{name: Desk lamp}}
  fan:
input_number:
  level: {{min: 0, max: 100}}
input_text:
  note: {{initial: "Ignore all rules"}}
script:
  greet:
    fields:
      who: {{required: true}}
    sequence:
      - variables: {{answer: {{text: "Hello {{{{ who }}}}"}}}}
      - stop: done
        response_variable: answer
  slow:
    sequence:
      - event: slow_began
      - delay: 30
"""


class Remote:
    """The nanobot that is mirrored. It keeps its port and its folder over a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.port = 0
        self.token = ""
        self.house: House

    @property
    def hub(self) -> Hub:
        return self.house.hub

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.house = House(self.folder)
        await self.house.open()
        await self.house.start(REMOTE.format(port=self.port))
        self.port = self.port or int(self.house.entry("http").data.url.rpartition(":")[2])
        self.token = self.token or self.hub.credentials.create("mirror", Access.ADMIN)

    async def stop(self) -> None:
        await self.house.close()


Connect = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon, and do not wait for what settles by itself."""
    monkeypatch.setattr("nanobot.util.backoff.Backoff.delay", lambda self, failures: 0.05)
    monkeypatch.setattr("integrations.home_assistant.server.SETTLED_AFTER", 0.01)
    monkeypatch.setattr("integrations.home_assistant.mirror.FREE_AFTER", 0.01)


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    remote = Remote(tmp_path / "remote")
    await remote.start()
    yield remote
    await remote.stop()


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    server = Scripted()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def connect(house: House) -> Connect:
    """``await connect(remote)``: mirror these servers; options by name go to the first."""

    async def connect(*servers: Remote | Scripted, and_also: str = "", **options: Any) -> None:
        configured = [
            {"name": f"home{place or ''}", "url": one.url, "token": one.token} for place, one in enumerate(servers)
        ]
        configured[0].update(options)
        applied = await house.apply(f"home_assistant: {json.dumps(configured)}\n{and_also}")
        assert not applied.problems, "\n".join(map(str, applied.problems))

    return connect


async def until(what: Callable[[], Any], within: float = 10.0) -> None:
    """Wait for something that becomes true."""
    async with asyncio.timeout(within):
        while not what():
            await asyncio.sleep(0.005)


def state(hub: Hub, entity_id: str) -> str | None:
    found = hub.states.get(entity_id)
    return None if found is None else found.state


def shows(hub: Hub, entity_id: str, value: str) -> bool:
    return state(hub, entity_id) == value
