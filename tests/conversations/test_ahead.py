"""An agent may find out what a turn needs while its message is being written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from nanobot.contracts.agent import Agent, Asked, Text, Turn
from nanobot.conversations.transcript import Recalled
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat


class Curious(Agent):
    """Recalls the session ahead of its turns, and answers with what it found. ``go``: cleared while it has to wait."""

    def __init__(self, hub: Hub, name: str = "curious", *, rank: int = 0) -> None:
        super().__init__(name)
        self.hub = hub
        self.rank = rank
        self.looked: list[Turn] = []
        self.turns: list[Turn] = []
        self.go = asyncio.Event()
        self.go.set()

    def ahead(self, turn: Turn) -> Awaitable[Recalled]:
        self.looked.append(turn)
        return self.hub.conversations.recall(turn.session, None, 5)

    async def respond(self, turn: Turn) -> Any:
        self.turns.append(turn)
        await self.go.wait()
        if turn.ahead is None:
            yield Text("nothing was looked up")
            return
        recalled: Recalled = await turn.ahead
        yield Text(",".join(one.text for one in recalled.exchanges) or "none before")


async def test_it_is_what_was_said_before_the_message(hub: Hub, chat: Chat, entry: Entry) -> None:
    agent = Curious(hub)
    entry.add(agent)
    assert await chat.types("one") == "none before"
    assert await chat.types("two", sender_name="Anna") == "one"
    assert await chat.types("three") == "one,two"
    assert agent.looked == agent.turns
    assert agent.looked[1].sender_name == "Anna"
    assert agent.looked[1].owner


async def test_a_message_that_waits_for_another_is_not_looked_at_ahead(hub: Hub, chat: Chat, entry: Entry) -> None:
    agent = Curious(hub)
    entry.add(agent)
    agent.go.clear()
    await chat.says("one")
    await chat.says("two")
    agent.go.set()
    await chat.wait_for(2)
    assert [turn.text for turn in agent.looked] == ["one"]
    assert chat.received == ["none before", "nothing was looked up"]


async def test_only_who_will_answer_looks(hub: Hub, chat: Chat, entry: Entry) -> None:
    class Routed(Curious):
        @property
        def routed(self) -> bool:
            return True

        def wants(self, asked: Asked) -> int:
            return asked.text.startswith("work")

    usual, routed, named = Curious(hub, rank=1), Routed(hub, "routed"), Curious(hub, "named")
    for agent in (usual, routed, named):
        entry.add(agent)
    for text, more in (("one", {}), ("work", {}), ("two", {"agent": "named"})):
        assert await chat.types(text, **more) != "nothing was looked up"
    assert [[turn.text for turn in agent.looked] for agent in (usual, routed, named)] == [["one"], ["work"], ["two"]]


async def test_a_message_that_came_twice_leaves_nothing(hub: Hub, chat: Chat, entry: Entry) -> None:
    agent = Curious(hub)
    entry.add(agent)
    await chat.types("one", message_id="m1")
    await chat.says("one", message_id="m1")
    assert await chat.types("two") == "one"
    assert [turn.text for turn in agent.turns] == ["one", "two"]


async def test_what_cannot_be_found_ahead_is_the_agents_own_trouble(hub: Hub, chat: Chat, entry: Entry) -> None:
    class Failing(Curious):
        async def _fail(self) -> Recalled:
            raise ValueError("no")

        def ahead(self, turn: Turn) -> Awaitable[Recalled]:
            return self._fail()

    entry.add(Failing(hub))
    answer = await chat.types("one")
    assert answer
    assert "ValueError" not in answer
