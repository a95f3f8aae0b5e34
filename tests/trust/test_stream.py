"""Ten thousand messages over Telegram while all is reloaded again and again: none lost, none twice, in order."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from collections import Counter
from typing import Any

import aiohttp
import pytest

from nanobot.hub.bus import Event
from nanobot.testing.plugin import House
from nanobot.util.translate import translate
from tests.servers.running import running
from tests.trust.folder import configuration
from tests.trust.people import People
from tests.trust.verdict import REPEATED

SESSIONS = 50
MESSAGES = int(os.environ.get("NANOBOT_TEST_MESSAGES", "10000"))
RELOADS = max(1, MESSAGES // 100)  # of the channel, and as many of the agent
AT_ONCE = 25  # messages that are typed together, each in another chat
AHEAD = 300  # messages that the people are ahead of the answers
STALLED = 30.0  # s without any answer
SLOW = {
    97: "think about it [[latency:0.3]]",
    101: "photo",
    2003: "tell me a long story, and show me how it grows [[chunks:8]] [[chunk_delay:0.4]]",
}
"""Every n-th message is one that takes longer; the stories take so long that a reload cuts them."""


class Stream:
    """What the people do, and how often the two ends of the house were reloaded."""

    def __init__(self, house: House, people: People, configured: dict[str, Any]) -> None:
        self.house = house
        self.people = people
        self.configured = configured
        self.sent = 0
        self.loaded: Counter[str] = Counter()
        self.cut = 0
        self._progress = asyncio.Condition()
        bus = house.hub.bus
        bus.listen("message_sent", self._sent)
        bus.listen("entry_changed", self._changed)
        bus.listen("turn_finished", self._finished)

    async def type_all_the_time(self) -> None:
        """In one chat after the other, not too far ahead of the answers."""
        for first in range(0, MESSAGES, AT_ONCE):
            await self.until(first - AHEAD)
            numbers = range(first, min(first + AT_ONCE, MESSAGES))
            await self.people.type((self.people.chats[number % SESSIONS], text_of(number)) for number in numbers)

    async def edit_all_the_time(self) -> None:
        """The channel and the agent in turn, and now and then the model."""
        for number in range(RELOADS):
            await self.until(number * MESSAGES // RELOADS)
            for change in (self.change_channel, self.change_agent, *([self.change_model] if number % 5 == 0 else [])):
                change(number)
                applied = await self.house.apply(json.dumps(self.configured))
                assert not applied.problems, applied.problems

    def change_channel(self, number: int) -> None:
        """It goes and comes back."""
        self.configured["telegram"]["poll_timeout"] = 10 + number % 2

    def change_agent(self, number: int) -> None:
        """Now in place, now another one takes its place."""
        here, there = ("agent", "agent second") if "agent" in self.configured else ("agent second", "agent")
        if number % 4 == 0:
            self.configured[here]["instructions"] = f"Be kind, for the {number}th time."
        else:
            self.configured[there] = self.configured.pop(here)

    def change_model(self, number: int) -> None:
        """Now it goes and comes back, now it is another one in the same place."""
        if number % 2:
            self.configured["openai_compatible"]["headers"] = {"X-Number": str(number)}
        else:
            self.configured["openai_compatible"]["retries"] = number % 3

    async def until(self, sent: int) -> None:
        """Wait until that many answers have been sent."""
        async with self._progress:
            while self.sent < sent:
                async with asyncio.timeout(STALLED):
                    await self._progress.wait()

    def _sent(self, event: Event) -> None:
        self.sent += 1
        self.house.hub.tasks.spawn(self._tell())

    async def _tell(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    def _changed(self, event: Event) -> None:
        if event.data["state"] == "loaded":
            self.loaded[event.data["entry"].split()[0]] += 1

    def _finished(self, event: Event) -> None:
        self.cut += event.data["outcome"] == "cut"


def text_of(number: int) -> str:
    """What is typed as the n-th message."""
    return next((text for every, text in SLOW.items() if number % every == every - 1), "hello")


@pytest.mark.slow
@pytest.mark.timeout(120 + MESSAGES // 25)
async def test_reloads_under_a_stream_lose_nothing_repeat_nothing_and_keep_the_order(house: House) -> None:
    house.hub.conversations.drain_limit = 2.0
    pace: Any = importlib.import_module("integrations.telegram.pace")
    pace.EVERY = pace.ALL_EVERY = 0.0  # Telegram's own is a message a second for each chat
    with running("telegram") as telegram, running("model", "--reply", "{echo}") as model:
        async with aiohttp.ClientSession() as session:
            people = People(telegram.info, session, SESSIONS)
            configured = configuration(telegram.info, model.info, people.chats, "assist")
            stream = Stream(house, people, configured)
            await house.start(json.dumps(configured))
            async with asyncio.TaskGroup() as group:
                group.create_task(stream.type_all_the_time())
                group.create_task(stream.edit_all_the_time())
            await stream.until(MESSAGES)
            read = {chat: await people.reads(chat) for chat in people.chats}
            assert not await people.pending()

    assert {chat: [answer.number for answer in answers] for chat, answers in read.items()} == dict(people.typed)
    mark = translate(REPEATED, "en")
    assert not [answer.text for answers in read.values() for answer in answers if mark in answer.text]
    assert stream.loaded["telegram"] >= RELOADS
    assert stream.loaded["agent"] > RELOADS * 0.7
    assert stream.cut or MESSAGES < 10_000
