"""A chat that a test types into: the platform's side of a channel, without a platform."""

from __future__ import annotations

import asyncio
from typing import Any

from nanobot.contracts.agent import Agent, Text, Turn
from nanobot.contracts.channel import Channel, Incoming, Limits, Outgoing, Receipt, Receive
from nanobot.errors import NotReady


class Chat(Channel):
    """Somebody named "tester" in the chat "test"."""

    limits = Limits(characters=4096)

    def __init__(self, name: str = "chat", *, allow: frozenset[str] = frozenset({"tester"})) -> None:
        super().__init__(name, allow=allow)
        self.sent: list[Outgoing] = []
        self.away = False
        """True: sending fails as if the platform could not be reached."""
        self.open = asyncio.Event()
        """Cleared: sending waits, as while a platform takes its time."""
        self.open.set()
        self._receive: Receive | None = None
        self._running = asyncio.Event()
        self._arrived = asyncio.Condition()
        self._ids = 0

    async def run(self, receive: Receive) -> None:
        self._receive = receive
        self._running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._running.clear()
            self._receive = None

    async def send(self, message: Outgoing) -> Receipt:
        if self.away:
            raise NotReady("the chat cannot be reached")
        await self.open.wait()
        async with self._arrived:
            self.sent.append(message)
            self._arrived.notify_all()
        return Receipt(f"m{len(self.sent)}")

    @property
    def received(self) -> list[str]:
        """What the person reads, message by message."""
        return [message.text for message in self.sent]

    async def types(self, text: str, *, sender: str = "tester", chat: str = "test", **more: Any) -> str | None:
        """Send a message and give back the next answer in that chat, waiting up to 10 s; None for none."""
        before = len(self.sent)
        await self.says(text, sender=sender, chat=chat, **more)
        try:
            async with asyncio.timeout(10):
                await self.wait_for(before + 1)
        except TimeoutError:
            return None
        return self.sent[before].text

    async def says(self, text: str, *, sender: str = "tester", chat: str = "test", **more: Any) -> None:
        """Send a message without waiting for the answer."""
        async with asyncio.timeout(10):
            await self._running.wait()
        assert self._receive is not None
        self._ids += 1
        more.setdefault("message_id", f"t{self._ids}")
        await self._receive(Incoming(chat=chat, sender=sender, text=text, **more))

    async def wait_for(self, count: int) -> None:
        """Until that many messages have arrived in all."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.sent) >= count)


class Echo(Agent):
    """Answers with what it was told."""

    async def respond(self, turn: Turn) -> Any:
        yield Text(turn.text)
