"""Telegram as the simulator plays it, over real HTTP; people who write there; and an agent that says what it heard."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientError, ClientSession

from integrations.telegram.channel import TelegramChannel
from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.util.backoff import Backoff
from tests.integrations.telegram.line import Line
from tests.servers.running import Server, running

TOKEN = "1000:TEST-token"
ANNA, BERT = 42, 43
GROUP = -1001

BOT = {"id": 1000, "is_bot": True, "first_name": "Test Bot", "username": "test_bot"}
BERTS = {"id": BERT, "is_bot": False, "first_name": "Bert", "last_name": "B."}
PRIVATE = {"id": ANNA, "type": "private", "first_name": "Anna"}

Telegram = Callable[..., Awaitable[Entry]]
Hears = Callable[..., Awaitable[Turn | None]]


class Platform:
    """The people's side of Telegram, and its faults."""

    def __init__(self, server: Server, client: ClientSession) -> None:
        self.server = server
        self.base_url: str = server.info["base_url"]
        self._sim: str = server.info["sim"]
        self.client = client

    async def tell(self, path: str, **data: Any) -> Any:
        """One of the simulator's own calls; waits for a server that is restarting."""
        for _ in range(100):
            try:
                async with self.client.post(f"{self._sim}/{path}", json=data) as answer:
                    assert answer.status == 200, f"{path} {data}: {await answer.text()}"
                    return await answer.json()
            except ClientError:
                await asyncio.sleep(0.05)
        raise AssertionError("the simulator does not come back")

    async def read(self, path: str) -> Any:
        async with self.client.get(f"{self._sim}/{path}") as answer:
            return await answer.json()

    async def writes(self, text: str, *, chat: int = ANNA, **more: Any) -> dict[str, Any]:
        """Somebody writes a message; ``more`` is what the simulator takes."""
        message: dict[str, Any] = await self.tell("message", chat_id=chat, text=text, **more)
        return message

    async def sends(self, kind: str, data: bytes = b"\x00", *, chat: int = ANNA, **more: Any) -> dict[str, Any]:
        """Somebody sends a file."""
        media = {"kind": kind, "name": more.pop("name", "file"), "mime": more.pop("mime", None)}
        media |= {"size": more.pop("size")} if "size" in more else {"base64": base64.b64encode(data).decode()}
        message: dict[str, Any] = await self.tell("message", chat_id=chat, media=media, **more)
        return message

    async def reads(self, count: int = 1, *, chat: int = ANNA, timeout: float = 10) -> list[str]:
        """What the bot has written there, once it is ``count`` messages."""
        found = await self.tell("wait", chat_id=chat, count=count, timeout=timeout)
        return [message.get("text") or message.get("caption") or "" for message in found]

    async def fault(self, method: str | None = None, **more: Any) -> None:
        """Let calls fail, ``times`` times."""
        await self.tell("fault", **({"method": method} if method else {}), **more)

    async def unread(self, at_most: int = 0, timeout: float = 10) -> list[dict[str, Any]]:
        """The updates that are not acknowledged, once there are no more than that."""
        found: list[dict[str, Any]] = await self.tell("idle", count=at_most, timeout=timeout)
        return found

    async def calls(self, method: str) -> list[dict[str, Any]]:
        """What the bot has asked for, but for updates."""
        return [call["args"] for call in await self.read("calls") if call["method"] == method]


class Listener(Agent):
    """Answers "you said …" and remembers what it heard."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.turns: list[Turn] = []
        self.answers = True

    async def until(self, count: int) -> list[Turn]:
        """The turns, once there were so many."""
        async with asyncio.timeout(60):
            while len(self.turns) < count:
                await asyncio.sleep(0.01)
        return self.turns

    @property
    def heard(self) -> list[str]:
        return [turn.text for turn in self.turns]

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        self.turns.append(turn)
        if self.answers:
            yield Text(f"you said {turn.text or [attachment.name for attachment in turn.attachments]}")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running("telegram", "--token", TOKEN) as server:
        yield server


@pytest.fixture
async def platform(server: Server) -> AsyncIterator[Platform]:
    async with ClientSession() as client:
        platform = Platform(server, client)
        await platform.tell("reset")
        yield platform


@pytest.fixture
async def agent(entry: Entry) -> Listener:
    agent = Listener()
    entry.add(agent)
    return agent


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once, and expect the pictures of an album at once."""
    monkeypatch.setattr(TelegramChannel, "backoff", Backoff(first=0.05, limit=0.2))
    monkeypatch.setattr("integrations.telegram.polling.ALBUM_REST", 0.05)
    monkeypatch.setattr("integrations.telegram.polling.LOOK_AGAIN", 0.1)
    monkeypatch.setattr("integrations.telegram.polling.MARGIN", 0.5)


@pytest.fixture
async def telegram(platform: Platform, set_up: SetUp, agent: Listener) -> Telegram:
    """Set the integration up for the simulator: ``entry = await telegram(groups="all")``."""

    async def telegram(**options: Any) -> Entry:
        defaults = {
            "token": TOKEN,
            "base_url": platform.base_url,
            "allow": [ANNA],
            "streaming": False,
            "poll_timeout": 1,
        }
        return await set_up("telegram", {**defaults, **options})

    return telegram


@pytest.fixture
def hears(telegram: Telegram, platform: Platform, agent: Listener, hub: Hub) -> Hears:
    """Gives the turn that a message leads to, or None: ``turn = await hears("hello", chat=GROUP)``."""

    async def hears(text: str, *, options: dict[str, Any] | None = None, **more: Any) -> Turn | None:
        await telegram(**(options or {}))
        await platform.writes(text, **more)
        await settled(platform, hub)
        assert len(agent.turns) <= 1
        return agent.turns[0] if agent.turns else None

    return hears


@pytest.fixture
async def line(platform: Platform) -> AsyncIterator[Line]:
    """What a bot with the base_url ``line.base_url`` talks through."""
    line = Line(urlsplit(platform.base_url).port or 0)
    await line.restore()
    yield line
    await line.close()


@pytest.fixture
async def states(hub: Hub) -> list[tuple[str, str | None]]:
    """What the entry says of itself."""
    found: list[tuple[str, str | None]] = []
    hub.bus.listen("entry_changed", lambda event: found.append((event.data["state"], event.data["error"])))
    return found


def configured(base_url: str, token: str = TOKEN) -> str:
    """A configuration for a hub whose Telegram may be away."""
    return f"telegram:\n  token: {token}\n  base_url: {base_url}\n  allow: {ANNA}\n  poll_timeout: 1\n"


async def settled(platform: Platform, hub: Hub) -> None:
    """Until everything that was written is acknowledged, answered, and known to be."""
    assert await platform.unread() == []
    async with asyncio.timeout(10):
        while any(hub.conversations.figures().values()):
            await asyncio.sleep(0.01)


async def state(hub: Hub, wanted: EntryState, entry_id: str = "telegram", limit: float = 10.0) -> str:
    """Wait until the entry is in this state; gives its error."""
    changed = asyncio.Event()
    remove = hub.bus.listen("entry_changed", lambda event: changed.set())
    try:
        async with asyncio.timeout(limit):
            while hub.entries[entry_id].state is not wanted:
                changed.clear()
                await changed.wait()
    finally:
        remove()
    return hub.entries[entry_id].error or ""


def earlier(sender: dict[str, Any], **content: Any) -> dict[str, Any]:
    """A message that another one replies to."""
    return {"message_id": 7, "date": 1, "chat": PRIVATE, "from": sender, **content}
