"""What the tests of conversations share: a hub with nothing but conversations, a chat and agents that obey a test."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from nanobot.contracts.agent import Agent, Part, Record, Text, Turn
from nanobot.contracts.channel import Channel, Outgoing, Receipt
from nanobot.contracts.model import Message, ToolCall
from nanobot.conversations.conversations import Conversations
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.paths import bundled
from nanobot.testing.chat import Chat
from nanobot.util import translate
from nanobot.util.backoff import Backoff
from nanobot.util.dt import Clock


class Talk:
    """``async with Talk(folder) as talk``: opened, with the chat "chat" in it, and closed in the end."""

    def __init__(self, folder: Path, *, clock: Clock | None = None, chat: bool = True) -> None:
        translate.mount([(None, bundled("translations"))])
        self.folder = folder
        self.hub = Hub(folder, clock=clock)
        self.conversations = self.hub.conversations = Conversations(self.hub, backoff=Backoff(first=0.01, limit=0.05))
        self.entries: dict[str, Entry] = {}
        self.events: list[Event] = []
        self.chat = Chat()
        self._with_chat = chat

    async def __aenter__(self) -> Talk:
        for event in ("message", "turn"):
            for what in ("received", "refused", "sent", "failed", "started", "finished", "progress"):
                self.hub.bus.listen(f"{event}_{what}", self.events.append)
        await self.conversations.open()
        if self._with_chat:
            self.add(self.chat)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.conversations.settle()
        for name in list(self.entries):
            await self.remove(name)
        await self.conversations.close()

    def add(self, thing: Agent | Channel) -> None:
        """As an entry of the thing's name."""
        entry = self.entries[thing.name] = Entry(self.hub, thing.name, thing.name, {})
        entry.add(thing)

    async def remove(self, name: str) -> None:
        """Unload the entry of that name."""
        await self.entries.pop(name).release()

    def names(self) -> list[str]:
        """The events so far."""
        return [event.type for event in self.events]

    def last(self, event_type: str) -> dict[str, Any]:
        """The data of the last event of that type."""
        return dict(next(event.data for event in reversed(self.events) if event.type == event_type))

    async def until(self, event_type: str, count: int = 1, **data: object) -> None:
        """Wait until there were that many events of a type, with these values in their data."""

        def there() -> bool:
            found = [e for e in self.events if e.type == event_type and data.items() <= dict(e.data).items()]
            return len(found) >= count

        happened = asyncio.Event()
        remove = self.hub.bus.listen(event_type, lambda event: happened.set() if there() else None)
        try:
            async with asyncio.timeout(10):
                while not there():
                    happened.clear()
                    await happened.wait()
        finally:
            remove()

    def image(self, name: str = "image") -> Path:
        """A copy of what is on disk right now: what a crash at this moment would leave.

        Another process makes it: closing a file of the database in this one would release the locks that SQLite
        has on it. What processes share in memory is not on disk, and left out.
        """
        copy = self.folder.parent / name
        subprocess.run(["cp", "-R", str(self.folder), str(copy)], check=True)
        for shared in copy.rglob("*-shm"):
            shared.unlink()
        return copy


class Parrot(Agent):
    """Repeats what it is told; ``held`` messages wait until the test lets them go."""

    def __init__(self, name: str = "parrot", *, rank: int = 0) -> None:
        super().__init__(name)
        self.rank = rank
        self.turns: list[Turn] = []
        self.held: set[str] = set()
        self.go = asyncio.Event()
        self.began = asyncio.Condition()
        self.cancelled: list[str] = []

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        async with self.began:
            self.turns.append(turn)
            self.began.notify_all()
        if turn.text in self.held:
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled.append(turn.text)
                raise
        yield Text(turn.text)

    async def until_turns(self, count: int) -> None:
        """Wait until that many turns have begun."""
        async with asyncio.timeout(10), self.began:
            await self.began.wait_for(lambda: len(self.turns) >= count)


class Says(Agent):
    """Answers with what a test made: parts, or an exception among them that is raised."""

    def __init__(self, *parts: Part | BaseException, name: str = "says") -> None:
        super().__init__(name)
        self.parts = parts

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        for part in self.parts:
            if isinstance(part, BaseException):
                raise part
            yield part


class Door(Chat):
    """A channel whose sends do what the test says: an exception is raised, a number of seconds is taken."""

    def __init__(self, *script: BaseException | asyncio.Event | None, name: str = "door") -> None:
        super().__init__(name, allow=frozenset({"*"}))
        self.script = list(script)
        self.tries: list[Outgoing] = []
        self.tried = asyncio.Condition()

    async def send(self, message: Outgoing) -> Receipt:
        async with self.tried:
            self.tries.append(message)
            self.tried.notify_all()
        step = self.script.pop(0) if self.script else None
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            await step.wait()
        return await super().send(message)

    async def until_tried(self, count: int) -> None:
        async with asyncio.timeout(10), self.tried:
            await self.tried.wait_for(lambda: len(self.tries) >= count)


class Noting(Agent):
    """Keeps two steps of each turn."""

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        yield Record(Message("assistant", "", (ToolCall("1", "note", '{"what": "milk"}'),)))
        yield Record(Message("tool", f"noted {turn.text}", tool_call_id="1"))
        yield Text(f"On the list: {turn.text}")
