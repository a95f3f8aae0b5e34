"""What was said in a session is read while the next message is written down, and is what would be read later."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Text, Turn
from nanobot.conversations.transcript import Recalled, recall
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.storage.sql import Database
from nanobot.testing.chat import Chat


class Recalling(Agent):
    """Says how many exchanges it was told of, and keeps them. ``go``: cleared while it has to wait."""

    recalls = 5

    def __init__(self, hub: Hub, *, asks_for: int = 5) -> None:
        super().__init__("recalling")
        self.hub = hub
        self.asks_for = asks_for
        self.recalled: list[Recalled] = []
        self.go = asyncio.Event()
        self.go.set()

    async def respond(self, turn: Turn) -> Any:
        self.recalled.append(await self.hub.conversations.recall(turn.session, turn.id, self.asks_for))
        await self.go.wait()
        yield Text(f"{len(self.recalled[-1].exchanges)} known")


def told(recalled: Recalled) -> list[tuple[str, str, bool]]:
    return [(one.text, one.answer, one.owner) for one in recalled.exchanges]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows with each read of the database."""
    found: list[object] = []
    original = Database.read

    async def read(self: Database, work: Any) -> Any:
        found.append(work)
        return await original(self, work)

    monkeypatch.setattr(Database, "read", read)
    return found


async def test_each_turn_knows_what_was_said_before_it(hub: Hub, chat: Chat, entry: Entry, reads: list[object]) -> None:
    agent = Recalling(hub)
    entry.add(agent)
    for number in range(1, 9):
        assert await chat.types(f"message {number}") == f"{min(number, 5)} known"
    assert told(agent.recalled[-1]) == [
        ("message 4", "4 known", True),
        ("message 5", "5 known", True),
        ("message 6", "5 known", True),
        ("message 7", "5 known", True),
        ("message 8", "", True),
    ]
    assert len(reads) == 8


async def test_it_is_what_the_disk_says(hub: Hub, chat: Chat, entry: Entry) -> None:
    agent = Recalling(hub)
    entry.add(agent)
    await chat.types("one", sender_name="Anna")
    agent.go.clear()
    await chat.says("two", sender_name="Anna")
    while len(agent.recalled) < 2:
        await asyncio.sleep(0)
    turn = agent.recalled[-1].exchanges[-1].id
    session = "chat:test"
    assert await hub.conversations.database.read(recall(session, turn, 5)) == agent.recalled[-1]
    agent.go.set()


async def test_a_message_that_waits_for_a_turn_is_read_for_when_its_own_begins(
    hub: Hub, chat: Chat, entry: Entry
) -> None:
    agent = Recalling(hub)
    entry.add(agent)
    agent.go.clear()
    await chat.says("one")
    await chat.says("two")
    agent.go.set()
    await chat.wait_for(2)
    assert told(agent.recalled[1]) == [("one", "1 known", True), ("two", "", True)]


async def test_who_asks_for_another_number_gets_that_number(hub: Hub, chat: Chat, entry: Entry) -> None:
    agent = Recalling(hub, asks_for=2)
    entry.add(agent)
    for text in ("one", "two", "three"):
        await chat.types(text)
    assert [text for text, _, _ in told(agent.recalled[-1])] == ["two", "three"]


async def test_nothing_is_read_for_an_agent_that_recalls_nothing(
    hub: Hub, chat: Chat, entry: Entry, reads: list[object]
) -> None:
    class Plain(Agent):
        async def respond(self, turn: Turn) -> Any:
            yield Text("yes")

    entry.add(Plain("plain"))
    assert await chat.types("hello") == "yes"
    assert not reads
