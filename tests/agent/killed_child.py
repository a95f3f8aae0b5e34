"""The process that ``test_kills`` kills: a hub whose agent calls tools, with a channel on standard input and output.

python -m tests.agent.killed_child FOLDER HOLD

Lines of JSON in: ``{"id", "chat", "text"}``; lines out: ``{"said"}`` for a message to the person, ``{"at"}`` when a
place is reached. ``HOLD`` is the place at which it stays until it is killed: ``before`` or ``after`` a tool has done
its work, ``without`` the tools, or ``-`` for none. What tools do is a line in ``FOLDER/done.txt``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.contracts.agent import Turn
from nanobot.contracts.channel import Channel, Incoming, Outgoing, Receipt, Receive
from nanobot.contracts.model import Delta, Model, Request, ToolCall
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from tests.agent.conftest import Looping


def tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Wire(Channel):
    """The sender is an owner."""

    def __init__(self) -> None:
        super().__init__("wire", allow=frozenset({"*"}))

    async def run(self, receive: Receive) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            data = json.loads(line)
            await receive(
                Incoming(chat=data["chat"], sender="tester", text=data["text"], message_id=data["id"], owner=True)
            )

    async def send(self, message: Outgoing) -> Receipt:
        tell(said=message.text)
        return Receipt(message.id)


class Caller(Model):
    """Calls the tool that "use NAME" names, and repeats what it hears of it."""

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        last = request.messages[-1]
        word, _, name = last.content.partition(" ")
        if last.role == "user" and word == "use":
            yield Delta(tool_calls=(ToolCall("1", name, "{}"),))
        else:
            yield Delta(f"heard: {last.content}")
        yield Delta(finish="stop")


class Doer(Tool):
    """Does something that must not be done twice."""

    description = "Do it."
    parameters = vol.Schema({})

    def __init__(self, name: str, risk: Risk, folder: Path, hold: str) -> None:
        self.name, self.risk = name, risk
        self._file, self._hold = folder / "done.txt", hold

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        if self._hold == "before":
            await self._stay()
        with self._file.open("a") as file:
            file.write(f"{self.name}\n")
            file.flush()
            os.fsync(file.fileno())
        if self._hold == "after":
            await self._stay()
        return ToolResult("it is done")

    async def _stay(self) -> None:
        tell(at=f"{self._hold} {self.name}")
        await asyncio.Event().wait()


async def main(folder: Path, hold: str) -> None:
    house = House(folder)
    await house.open()
    entry = house.hub.entries["test"] = Entry(house.hub, "test", "test", {})
    tools = [Doer("blow", Risk.DANGEROUS, folder, hold), Doer("note", Risk.WRITE, folder, hold)]
    for thing in (Caller("main"), Looping(house.hub), *(tools if hold != "without" else ())):
        entry.add(thing)
    entry.listen("approval_decided", lambda event: tell(at=event.data["outcome"]))
    await house.start("{}")
    entry.add(Wire())
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
