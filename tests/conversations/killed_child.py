"""The process that ``test_conversations_kill`` kills: a hub with a channel that speaks to the test over a socket.

python -m tests.conversations.killed_child FOLDER PORT
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.channel import Channel, Incoming, Outgoing, Receipt, Receive
from nanobot.conversations.conversations import Conversations
from nanobot.errors import NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub


class Wire(Channel):
    """JSON lines both ways: updates come and are acknowledged, messages go and are confirmed."""

    def __init__(self, port: int) -> None:
        super().__init__("wire", allow=frozenset({"*"}))
        self.port = port
        self.writer: asyncio.StreamWriter | None = None
        self.confirmed: dict[str, asyncio.Future[None]] = {}

    async def run(self, receive: Receive) -> None:
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        async with asyncio.TaskGroup() as group:
            while line := await reader.readline():
                data = json.loads(line)
                if "update" in data:
                    group.create_task(self.take(receive, data))
                elif (future := self.confirmed.pop(data["confirmed"], None)) is not None:
                    future.set_result(None)

    async def take(self, receive: Receive, data: dict[str, Any]) -> None:
        await receive(Incoming(chat=data["chat"], sender="somebody", text=data["text"], message_id=str(data["update"])))
        self.says({"acknowledged": data["update"]})

    def says(self, data: dict[str, Any]) -> None:
        assert self.writer is not None
        self.writer.write(json.dumps(data).encode() + b"\n")

    async def send(self, message: Outgoing) -> Receipt:
        if self.writer is None:
            raise NotReady("not connected yet")
        future = self.confirmed[message.id] = asyncio.get_running_loop().create_future()
        self.says({"send": message.id, "chat": message.chat, "text": message.text, "repeated": message.repeated})
        await future
        return Receipt(message.id)


class Moody(Agent):
    """Answers sometimes at once, sometimes after a while."""

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        chance = random.random()
        if chance < 0.5:
            await asyncio.sleep(chance / 50)
        yield Text(turn.text)


async def main(folder: Path, port: int) -> None:
    hub = Hub(folder)
    hub.conversations = Conversations(hub)
    # the kills come so fast that they meet the same message again and again, and that messages pile up
    hub.conversations.workers.max_crashes = 1000
    hub.conversations.sessions.max_waiting = 10_000
    await hub.conversations.open()
    for thing in (Moody("moody"), Wire(port)):
        entry = hub.entries[thing.name] = Entry(hub, thing.name, thing.name, {})
        entry.add(thing)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
