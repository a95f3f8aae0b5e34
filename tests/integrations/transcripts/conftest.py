"""What the tests of the transcripts share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from integrations.transcripts import follower
from nanobot.conversations.archive import said
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House
from nanobot.util.backoff import Backoff
from tests.conversations.talk import Noting

SESSION = "chat:test"
Written = Callable[..., Awaitable[list[dict[str, Any]]]]
Started = Callable[..., Awaitable[Chat]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said is written soon, and failures are tried again soon."""
    monkeypatch.setattr(follower, "GATHER", 0.01)
    monkeypatch.setattr(follower, "RETRY", Backoff(first=0.02, limit=0.05))


@pytest.fixture
def started(house: House) -> Started:
    """``chat = await started("  keep_days: 3")``: a hub with transcripts, a chat and an agent that keeps steps."""

    async def start(options: str = "", of: House | None = None) -> Chat:
        one = of or house
        await one.start(f"nanobot:\n  name: Home\ntranscripts:\n{options}\n")
        return join(one)

    return start


def join(house: House) -> Chat:
    """A chat and an agent in a hub, as parts of the transcripts' entry."""
    chat = Chat()
    people = house.entry("nanobot").part("people")
    people.add(chat)
    people.add(Noting("noting"))
    return chat


def file(hub: Hub, session: str = SESSION) -> Path:
    """The transcript of a session."""
    return hub.config_dir / "sessions" / f"{session.replace(':', '=')}.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    """Those of a transcript; none without a file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


async def record(hub: Hub, session: str = SESSION) -> list[dict[str, Any]]:
    """What the hub's own record has of a session."""
    return await hub.conversations.database.read(lambda connection: list(said(connection, session)))


async def until(there: Callable[[], bool]) -> None:
    """Wait for what other threads write."""
    async with asyncio.timeout(10):
        while not there():
            await asyncio.sleep(0.01)
