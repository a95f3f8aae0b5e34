"""Ten thousand messages while channel and agent are reloaded again and again: none lost, none twice, all in order."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.channel import Channel, Incoming, Outgoing, Receipt, Receive
from nanobot.errors import NotReady
from nanobot.hub.conversations import Conversations
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

SESSIONS = 50
MESSAGES = 10_000
RELOADS = 100


class Platform:
    """Keeps each update until it is acknowledged, and everything that was sent to a chat."""

    def __init__(self) -> None:
        self.updates: deque[Incoming] = deque()
        self.received: dict[str, list[str]] = defaultdict(list)
        self.count = 0
        self.arrived = asyncio.Event()
        self.news = asyncio.Event()

    def types(self, chat: str, text: str, message_id: str) -> None:
        self.updates.append(Incoming(chat=chat, sender="somebody", text=text, message_id=message_id))
        self.news.set()


class Line(Channel):
    """Polls the platform like a bot: what is not acknowledged before a reload comes again after it."""

    def __init__(self, platform: Platform) -> None:
        super().__init__("line", allow=frozenset({"somebody"}))
        self.platform = platform
        self.closed = False

    async def run(self, receive: Receive) -> None:
        platform = self.platform
        while True:
            await platform.news.wait()
            batch = [platform.updates[i] for i in range(min(20, len(platform.updates)))]
            await asyncio.gather(*[receive(update) for update in batch])
            for _ in batch:
                platform.updates.popleft()
            if not platform.updates:
                platform.news.clear()

    async def send(self, message: Outgoing) -> Receipt:
        if self.closed:
            raise NotReady("the line is closed")
        if random.random() < 0.05:
            await asyncio.sleep(random.random() * 0.01)
        assert not message.repeated
        platform = self.platform
        platform.received[message.chat].append(message.text)
        platform.count += 1
        if platform.count >= MESSAGES:
            platform.arrived.set()
        return Receipt(str(platform.count))


class Slow(Agent):
    """Takes a moment for some answers, and a long one for a few: these are cut off by reloads."""

    attempts = 0

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        if turn.attempt > 1:
            Slow.attempts += 1
        chance = random.random()
        if chance < 0.01:
            await asyncio.sleep(0.15)
        elif chance < 0.2:
            await asyncio.sleep(random.random() * 0.004)
        yield Text("you said ")
        if chance > 0.9:
            await asyncio.sleep(0)
        yield Text(turn.text)


@pytest.mark.slow
async def test_reloads_under_a_stream_lose_nothing_repeat_nothing_and_keep_the_order(tmp_path: Path) -> None:
    random.seed(4711)
    hub = Hub(tmp_path)
    conversations = hub.conversations = Conversations(hub)
    conversations.drain_limit = 0.02
    await conversations.open()
    platform = Platform()
    entries: dict[str, Entry] = {}

    def set_up(name: str) -> None:
        entry = entries[name] = Entry(hub, name, name, {})
        if name == "agent":
            entry.add(Slow("agent"))
            return
        line = Line(platform)
        entry.on_unload(lambda: setattr(line, "closed", True))
        entry.add(line)

    async def reload_all_the_time(name: str) -> None:
        for _ in range(RELOADS):
            await asyncio.sleep(random.random() * 0.08)
            assert await entries[name].release() == []
            await asyncio.sleep(random.random() * 0.01)
            set_up(name)

    async def type_all_the_time() -> None:
        for number in range(MESSAGES):
            chat = f"chat{number % SESSIONS}"
            platform.types(chat, str(number), f"id{number}")
            if number % 20 == 19:
                await asyncio.sleep(0.01)

    set_up("agent")
    set_up("line")
    Slow.attempts = 0
    async with asyncio.timeout(55), asyncio.TaskGroup() as group:
        group.create_task(type_all_the_time())
        group.create_task(reload_all_the_time("agent"))
        group.create_task(reload_all_the_time("line"))
    async with asyncio.timeout(20):
        await platform.arrived.wait()

    expected = {
        f"chat{session}": [f"you said {number}" for number in range(session, MESSAGES, SESSIONS)]
        for session in range(SESSIONS)
    }
    assert dict(platform.received) == expected
    assert Slow.attempts > 0, "no turn was cut off: the test has tested too little"
    await conversations.settle()
    assert len(conversations.delivery) == 0
    assert len(conversations.sessions) == 0
    for entry in entries.values():
        await entry.release()
    await conversations.close()
