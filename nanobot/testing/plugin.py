"""The fixtures. Each test has its own hub on its own folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.conversations.conversations import Conversations
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub, Phase
from nanobot.lifecycle import core
from nanobot.lifecycle.config_items import ItemFiles
from nanobot.lifecycle.edits import Edits
from nanobot.lifecycle.entries import Entries
from nanobot.lifecycle.loader import Loader
from nanobot.testing.chat import Chat
from nanobot.testing.tools import Hands
from nanobot.util.dt import Clock

SetUp = Callable[..., Awaitable[Entry]]


class House:
    """A hub with its lifecycle, without a process around it: for tests that write YAML and look at the effect."""

    def __init__(self, config_dir: Path, *, clock: Clock | None = None) -> None:
        self.config_dir = config_dir
        self.hub = Hub(config_dir, clock=clock)
        self.loader = Loader(config_dir)
        self.entries = Entries(self.hub, self.loader)
        self.edits = Edits(self.hub, self.loader, self.entries)
        self.hub.config_items = ItemFiles(self.hub, self.loader, self.edits)
        self.edits.rest = 0  # ``write`` replaces files as a whole
        self.core = Entry(self.hub, "nanobot", "nanobot", {})
        self.stopped = asyncio.Event()

    async def open(self) -> None:
        """Conversations and the core's services, but no entry yet."""
        self.loader.mount()
        self.hub.conversations = Conversations(self.hub)
        await self.hub.conversations.open()
        core.offer(self.core, self.edits, self.stopped.set)
        self.hub.entries["nanobot"] = self.core
        self.core.turn(EntryState.LOADED)
        self.hub.phase = Phase.RUNNING

    def write(self, text: str, file: str = "configuration.yaml") -> None:
        """Write a file of the configuration folder."""
        path = self.config_dir / file
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)

    async def start(self, text: str | None = None) -> None:
        """Start with ``text`` as ``configuration.yaml``."""
        if text is not None:
            self.write(text)
        await self.edits.start()

    async def apply(self, text: str | None = None, file: str = "configuration.yaml") -> Any:
        """Write ``text`` and apply what is on disk; gives back what was applied."""
        if text is not None:
            self.write(text, file)
        return await self.edits.wait(self.edits.request())

    def entry(self, entry_id: str) -> Entry:
        """The entry of that id."""
        return self.hub.entries[entry_id]

    async def close(self) -> None:
        """Unload everything and close the conversations."""
        if self.hub.phase is Phase.STOPPED:
            return
        await self.hub.farewells.say()
        self.hub.phase = Phase.STOPPING
        self.hub.bus.fire("homeassistant_stop")
        await self.edits.close()
        await self.core.release()
        await self.entries.close()
        self.hub.bus.fire("homeassistant_final_write")
        await self.hub.conversations.close()
        for tasks in (self.hub.tasks, self.hub.services.tasks, self.hub.bus.tasks):
            await tasks.cancel(1.0)
        self.hub.phase = Phase.STOPPED


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """An empty configuration folder."""
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


@pytest.fixture
async def house(config_dir: Path) -> AsyncIterator[House]:
    """A hub with its lifecycle: ``await house.start(yaml)``, ``await house.apply(yaml)``."""
    house = House(config_dir)
    await house.open()
    yield house
    await house.close()


@pytest.fixture
async def restart(house: House) -> AsyncIterator[Callable[[], Awaitable[House]]]:
    """Stop the hub and start another one on the same folder: ``house = await restart()``."""
    houses = [house]

    async def restart() -> House:
        await houses[-1].close()
        houses.append(House(house.config_dir))
        await houses[-1].open()
        await houses[-1].start()
        return houses[-1]

    yield restart
    await houses[-1].close()


@pytest.fixture
async def hub(house: House) -> Hub:
    """A running hub in which nothing is configured."""
    return house.hub


@pytest.fixture
async def entry(hub: Hub) -> AsyncIterator[Entry]:
    """An entry ``test`` to add things to; released after the test."""
    entry = Entry(hub, "test", "test", {})
    hub.entries["test"] = entry
    entry.turn(EntryState.LOADED)
    yield entry
    await entry.release()


@pytest.fixture
async def chat(hub: Hub) -> AsyncIterator[Chat]:
    """A chat in which "tester" may write; ``await chat.types("hello")`` gives the answer."""
    owner = Entry(hub, "chat", "chat", {})
    chat = Chat()
    owner.add(chat)
    yield chat
    await owner.release()


@pytest.fixture
async def hands(hub: Hub) -> Hands:
    """Calls tools as a model does: ``await hands("read_file", path="notes.md")`` gives what it reads."""
    return Hands(hub)


@pytest.fixture
async def set_up(house: House) -> SetUp:
    """Set up real integrations: ``entry = await set_up("timer", {"tea": {"duration": "0:05"}})``.

    Each call adds to what is configured already; configuration is written as YAML (JSON is YAML) and goes the
    whole way from the file to the entry. Fails with the problems when it does not load.
    """
    configured: dict[str, Any] = {}

    async def set_up(key: str, config: Any = None) -> Entry:
        configured[key] = config
        applied = await house.apply(json.dumps(configured, indent=1))
        assert not applied.problems, "\n".join(map(str, applied.problems))
        entry = house.hub.entries[key]
        assert entry.state is EntryState.LOADED, f"{key} is {entry.state}: {entry.error}"
        return entry

    return set_up
