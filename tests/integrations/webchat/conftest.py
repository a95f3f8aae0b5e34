"""A hub with the page, a real browser, and an agent that a test lets speak word by word."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

# as root, without graphics, and in a network that refuses what a browser asks of it on its own
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Speaker(Agent):
    """Answers "you said …" in one piece; or, when told to ``hesitate``, a piece at each ``say``."""

    def __init__(self) -> None:
        super().__init__("speaker")
        self.heard: list[str] = []
        self.hesitates = False
        self.answer: Callable[[str], str] = lambda text: f"you said {text}"
        self._pieces: asyncio.Queue[str | Part | None] = asyncio.Queue()

    def say(self, *pieces: str | Part | None) -> None:
        """The next pieces of the answer, as text or as they are; None ends it."""
        for piece in pieces:
            self._pieces.put_nowait(piece)

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        self.heard.append(turn.text)
        if not self.hesitates:
            yield Text(self.answer(turn.text))
            return
        while (piece := await self._pieces.get()) is not None:
            yield Text(piece) if isinstance(piece, str) else piece


@pytest.fixture
async def speaker(entry: Entry) -> Speaker:
    speaker = Speaker()
    entry.add(speaker)
    return speaker


@pytest.fixture
async def site(hub: Hub, set_up: SetUp, speaker: Speaker) -> str:
    """The address of the page."""
    entry = await set_up("http", {"port": 0})
    await set_up("webchat")
    return str(entry.data.url)


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """Chromium, as the system has it."""
    playwright = pytest.importorskip("playwright.async_api")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.xfail("chromium is not installed")
    async with playwright.async_playwright() as running:
        browser = await running.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def link(hub: Hub, site: str) -> Callable[[], str]:
    """A new one-time link."""
    return lambda: f"{site}/claim#{hub.credentials.claim_code()}"
