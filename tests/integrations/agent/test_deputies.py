"""Who answers when no model does: once, in the end, and never what was done already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from nanobot.contracts.agent import Agent, Part, Record, Text, Turn
from nanobot.contracts.model import Message
from nanobot.contracts.tool import Risk
from nanobot.errors import ModelError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from tests.agent.conftest import Noted, Scripted, call

DOWN = ModelError("main is out of money")


class Deputy(Agent):
    """Does whatever it is asked for."""

    def __init__(self) -> None:
        super().__init__("deputy")
        self.turns: list[Turn] = []

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        self.turns.append(turn)
        yield Text("I did it.")


@pytest.fixture
async def deputy(entry: Entry) -> Deputy:
    deputy = Deputy()
    entry.add(deputy)
    return deputy


async def test_what_was_begun_is_not_done_again_by_somebody_else(
    entry: Entry, chat: Chat, set_up: SetUp, deputy: Deputy
) -> None:
    tool = Noted()
    entry.add(tool)
    entry.add(Scripted("main", [call()], DOWN))
    await set_up("agent")
    answer = await chat.types("put milk on the list")
    assert answer is not None
    assert "main is out of money" in answer
    assert "begun" in answer
    assert len(tool.calls) == 1
    assert not deputy.turns


async def test_nor_after_a_turn_that_was_cut(entry: Entry, chat: Chat, hub: Hub, set_up: SetUp, deputy: Deputy) -> None:
    tool = Noted()
    entry.add(tool)
    model = Scripted("main", [call()], [60.0], DOWN)
    entry.add(model)
    await set_up("agent")
    await chat.says("put milk on the list")
    async with asyncio.timeout(10):
        while len(model.requests) < 2:
            await asyncio.sleep(0.005)
    run = hub.conversations.workers.running("chat:test")
    assert run is not None
    await hub.conversations.workers.end([run], 0.01)
    await chat.wait_for(1)
    assert "begun" in chat.received[0]
    assert not deputy.turns


async def test_what_was_only_looked_at_is_left_to_somebody_else(
    entry: Entry, chat: Chat, set_up: SetUp, deputy: Deputy
) -> None:
    entry.add(Noted(risk=Risk.READ))
    entry.add(Scripted("main", [call()], DOWN))
    await set_up("agent")
    assert await chat.types("put milk on the list") == "I did it."


async def test_why_no_model_answers_is_told_to_owners_only(chat: Chat, entry: Entry, set_up: SetUp) -> None:
    chat.allow = frozenset({"tester", "*"})
    entry.add(Scripted("main", ModelError("main: http://10.0.0.7:11434/v1 is out of memory")))
    await set_up("agent")
    assert "10.0.0.7" in (await chat.types("hello") or "")
    assert await chat.types("hello", sender="guest", chat="guests") == (
        "I cannot answer that now: no language model answers."
    )


async def test_agents_that_name_one_another_do_not_ask_for_ever(chat: Chat, entry: Entry, set_up: SetUp) -> None:
    model = Scripted("main", DOWN)
    entry.add(model)
    await set_up("agent", {"fallback": "agent work"})
    await set_up("agent work", {"fallback": "agent"})
    answer = await chat.types("hello")
    assert answer is not None
    assert "main is out of money" in answer
    assert len(model.requests) == 2


async def test_an_agent_that_names_itself_asks_once(chat: Chat, entry: Entry, set_up: SetUp) -> None:
    model = Scripted("main", DOWN)
    entry.add(model)
    await set_up("agent", {"fallback": "agent"})
    assert "main is out of money" in (await chat.types("hello") or "")
    assert len(model.requests) == 1


async def test_whoever_answers_is_closed_when_the_person_says_stop(chat: Chat, entry: Entry, set_up: SetUp) -> None:
    closed = asyncio.Event()
    keeping = asyncio.Event()

    class Slow(Agent):
        async def respond(self, turn: Turn) -> AsyncIterator[Part]:
            try:
                keeping.set()
                yield Record(Message("assistant", "thinking"))
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.05)
                closed.set()

    entry.add(Slow("slow"))
    entry.add(Scripted("main", DOWN))
    await set_up("agent")
    steps = entry.hub.conversations.steps
    kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    steps.keep = lambda turn, message: kept  # type: ignore[method-assign]
    await chat.says("hello")
    await asyncio.wait_for(keeping.wait(), 10)
    run = entry.hub.conversations.workers.running("chat:test")
    assert run is not None
    await chat.says("stop")
    await asyncio.wait_for(run.over, 10)
    assert closed.is_set()
