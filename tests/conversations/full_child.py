"""The process of ``test_conversations_full``: a hub whose disk fills up and gets room again when the test says so.

python -m tests.conversations.full_child FOLDER PORT
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.channel import Limits, Receive
from nanobot.conversations.conversations import Conversations
from nanobot.errors import StorageError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.paths import bundled
from nanobot.util import translate
from nanobot.util.backoff import Backoff
from tests.conversations.killed_child import Wire

LEAST = 4096  # bytes that a file may still have: not one page of a database fits into its journal


class Held(Agent):
    """Repeats what it is told; what begins with "held" only when it is let go."""

    def __init__(self) -> None:
        super().__init__("held")
        self.go = asyncio.Event()

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        if turn.text.startswith("held"):
            await self.go.wait()
        yield Text(turn.text)


class Tap(Wire):
    """Tells the test also what could not be taken, and does to the disk what the test says."""

    limits = Limits(characters=1_000_000)

    def __init__(self, port: int, hub: Hub, agent: Held) -> None:
        super().__init__(port)
        self.hub = hub
        self.agent = agent

    async def take(self, receive: Receive, data: dict[str, Any]) -> None:
        if "do" in data:
            getattr(self, data["do"])()
            self.says({"done": data["do"], "issues": [issue.text() for issue in self.hub.issues]})
            return
        try:
            await super().take(receive, data)
        except StorageError as error:
            self.says({"refused": data["update"], "error": str(error)})

    def limit(self) -> None:
        """No file of this process may grow any more; the kernel says so at each write beyond."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (LEAST, resource.RLIM_INFINITY))

    def lift(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def fill(self) -> None:
        """Write until the file system is full."""
        with contextlib.suppress(OSError), (self.hub.config_dir / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(512))

    def free(self) -> None:
        (self.hub.config_dir / "ballast").unlink()

    def go(self) -> None:
        self.agent.go.set()

    def look(self) -> None:
        """Only tell the issues."""


async def main(folder: Path, port: int) -> None:
    translate.mount([(None, bundled("translations"))])
    hub = Hub(folder)
    hub.conversations = Conversations(hub, backoff=Backoff(first=0.01, limit=0.05))
    await hub.conversations.open()
    agent = Held()
    for thing in (agent, Tap(port, hub, agent)):
        entry = hub.entries[thing.name] = Entry(hub, thing.name, thing.name, {})
        entry.add(thing)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
