"""The two ends of the message stream: a platform that forgets nothing, and an agent that takes its time."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.channel import Channel, Incoming, Outgoing, Receipt, Receive
from nanobot.errors import NotReady


class Platform:
    """Keeps each update until it is acknowledged, and everything that was sent to a chat."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.updates: deque[Incoming] = deque()
        self.received: dict[str, list[str]] = defaultdict(list)
        self.count = 0
        self.started_over = 0
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
        if platform.count >= platform.expected:
            platform.arrived.set()
        return Receipt(str(platform.count))


class Slow(Agent):
    """Takes a moment for some answers, and a long one for a few: these are cut off by reloads."""

    def __init__(self, name: str, platform: Platform) -> None:
        super().__init__(name)
        self.platform = platform

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        self.platform.started_over += turn.attempt > 1
        chance = random.random()
        if chance < 0.01:
            await asyncio.sleep(0.15)
        elif chance < 0.2:
            await asyncio.sleep(random.random() * 0.004)
        yield Text("you said ")
        if chance > 0.9:
            await asyncio.sleep(0)
        yield Text(turn.text)
