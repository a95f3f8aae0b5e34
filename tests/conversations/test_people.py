"""Who is one person on several channels: one name for budgets, memory and rules, and one conversation where wanted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.config.core import check_core
from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.conversations.disk import DAY
from nanobot.testing.chat import Chat
from nanobot.util.dt import Clock
from tests.conversations.talk import Talk


class Remembering(Agent):
    """Says how much was said before."""

    def __init__(self, talk: Talk) -> None:
        super().__init__("remembering")
        self.talk = talk
        self.turns: list[Turn] = []

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        self.turns.append(turn)
        exchanges = await self.talk.hub.conversations.transcript(turn.session, turn.id)
        yield Text(", ".join(exchange.text for exchange in exchanges))


def configure(talk: Talk, people: object) -> None:
    config, problems = check_core({"people": people}, "nanobot")
    assert not problems
    talk.hub.configure(config)


async def test_one_person_has_one_name_and_where_wanted_one_conversation(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        agent, other = Remembering(talk), Chat("other", allow=frozenset({"anna@example.org", "ben"}))
        talk.add(agent)
        talk.add(other)
        anna = {"identities": ["chat:tester", "other:anna@example.org"], "share_session": True}
        configure(talk, {"anna": anna, "ben": ["other:ben"]})
        assert await talk.chat.types("one") == "one"
        assert await other.types("two", sender="anna@example.org", chat="x") == "one, two"
        assert await other.types("three", sender="ben", chat="y") == "three"
        assert [(turn.person, turn.session) for turn in agent.turns] == [
            ("anna", "person:anna"),
            ("anna", "person:anna"),
            ("ben", "other:y"),
        ]
        assert talk.last("turn_finished")["person"] == "ben"
        # in a group others read along: what was said elsewhere is nobody's business there
        assert await other.types("four", sender="anna@example.org", chat="z", group=True) == "four"
        configure(talk, {})  # an edit is live
        assert await talk.chat.types("five") == "five"
        assert agent.turns[-1].person == "chat:tester"


async def test_messages_stay_as_long_as_is_wanted(tmp_path: Path) -> None:
    later = 0.0  # days
    async with Talk(tmp_path / "config", clock=Clock(lambda: time.time() + later * DAY)) as talk:
        talk.add(Remembering(talk))
        config, _ = check_core({"messages": {"keep_days": 90}}, "nanobot")
        talk.hub.configure(config)
        await talk.chat.types("keep this")
        await talk.until("message_sent")
        conversations = talk.conversations
        clean = conversations.disk.clean_up
        for days, left in ((60, 2), (91, 0)):
            later = days
            work = clean(conversations.inbox, conversations.delivery, (conversations.inbox, conversations.outbox))
            cleaning = asyncio.create_task(work)
            async with asyncio.timeout(10):
                while len(await conversations.history("chat:test")) != left:
                    await asyncio.sleep(0.01)
            cleaning.cancel()


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ({"anna": ["telegram"]}, "names nobody on a channel; write it like 'telegram:12345'"),
        ({"anna": ["a:1"], "ben": ["a:1"]}, "'a:1' is anna already"),
    ],
)
def test_what_is_wrong_is_said(people: object, told: str) -> None:
    _, problems = check_core({"people": people}, "nanobot")
    assert [told in problem.sentence() for problem in problems] == [True]
