"""The page and a hub that is a process of its own, which dies and comes back, and whose file is edited."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from nanobot.storage.credentials import Credentials
from nanobot.util.dt import Clock

from .tab import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect: Any = pytest.importorskip("playwright.async_api").expect
expect.set_options(timeout=20_000)  # a browser without graphics is slow on a busy machine

CONFIG = """\
http:
  port: {port}
webchat:
assist:
input_boolean:
  lamp:
    name: Desk lamp
"""


class HubProcess:
    """`nanobot run` on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "configuration.yaml"
        self.config.write_text(CONFIG.format(port=self.port))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Until it is ready."""
        with (self.folder / "output.txt").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "nanobot", "run", "-c", str(self.folder), stdout=output, stderr=output,
                stdin=asyncio.subprocess.DEVNULL, env={**os.environ, "LANG": "C.UTF-8"},
            )  # fmt: skip
        async with asyncio.timeout(60), ClientSession() as client:
            while True:
                with contextlib.suppress(ClientError):
                    async with client.get(f"{self.url}/health/ready") as answer:
                        if answer.status == 200:
                            return
                assert self._process.returncode is None, (self.folder / "output.txt").read_text()
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def link(self) -> str:
        code = Credentials(self.folder / ".storage", Clock()).claim_code()
        return f"{self.url}/claim#{code}"


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[HubProcess]:
    folder = tmp_path / "config"
    folder.mkdir()
    process = HubProcess(folder)
    await process.start()
    yield process
    await process.kill()


async def test_a_conversation_survives_the_death_of_the_hub_and_an_edit(process: HubProcess, browser: Any) -> None:
    page = await Page(await (await browser.new_context(locale="en-US")).new_page()).open(process.link())
    await page.types("turn on the desk lamp")
    await expect(page.theirs.last).to_contain_text("Desk lamp")
    await process.kill()
    await expect(page.connection).to_have_text("Connection lost; trying again …")
    await page.types("is the desk lamp on?")
    await expect(page.mine.last).to_contain_text("Waiting for the connection")
    await process.start()
    await expect(page.theirs).to_have_count(2, timeout=30_000)
    await expect(page.theirs.last).to_contain_text("Desk lamp is o")  # a state of the last second may be lost
    await expect(page.connection).to_have_text("")

    process.config.write_text(process.config.read_text().replace("Desk lamp", "Reading light"))
    await expect(page.toasts.last.locator(".changed")).to_have_text("input_boolean")
    await page.types("turn off the reading light")
    await expect(page.theirs).to_have_count(3)
    await expect(page.theirs.last).to_contain_text("Reading light")

    process.config.write_text(process.config.read_text() + "assit:\n")
    await expect(page.toasts.last.locator(".problem")).to_contain_text("did you mean 'assist'?")
    await page.page.reload()
    await expect(page.mine).to_have_count(3)
    await expect(page.theirs).to_have_count(3)
    assert page.faults == []


async def test_the_first_start_prints_a_link_that_works(process: HubProcess, browser: Any) -> None:
    output = (process.folder / "output.txt").read_text()
    [link] = [word for word in output.split() if word.startswith(f"{process.url}/claim#")]
    page = await Page(await browser.new_page()).open(link)
    assert page.page.url == f"{process.url}/"
    log = process.folder / "nanobot.log"
    assert not log.exists() or link.partition("#")[2] not in log.read_text()
