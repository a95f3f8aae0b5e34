"""A process that is killed while it writes answers, again and again: each is there once in the end."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.servers.running import running

from .phone import Phone

pytestmark = pytest.mark.slow

KILLS = 5
CHATS = 3
REPEATED = "(perhaps again)"
AGENT = """\
import asyncio
from integrations.telegram import drafts
from nanobot.contracts.agent import Agent, Text

drafts.FIRST_AFTER = drafts.EVERY = 0.2

class Speaker(Agent):
    async def respond(self, turn):
        for number in range(10):
            yield Text(f"{turn.text}: sentence {number} of this answer. ")
            await asyncio.sleep(0.1)
        yield Text(f"{turn.text}: the end.")

async def setup(hub, entry):
    entry.add(Speaker(entry.id))
"""


def configured(folder: Path, phone: Phone) -> Path:
    speaker = folder / "integrations" / "speaker"
    speaker.mkdir(parents=True)
    (speaker / "manifest.json").write_text('{"domain": "speaker", "name": "Speaker", "version": "1.0.0"}')
    (speaker / "__init__.py").write_text(AGENT)
    token, base_url = phone.config["token"], phone.config["base_url"]
    (folder / "configuration.yaml").write_text(
        f"speaker:\ntelegram:\n  token: '{token}'\n  base_url: {base_url}\n  allow: ['*']\n  poll_timeout: 2\n"
    )
    return folder


def die_with_parent() -> None:
    """Whatever ends the test ends the process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


async def started(folder: Path) -> asyncio.subprocess.Process:
    with (folder / "output.txt").open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nanobot", "run", "-c", str(folder), stdout=output, stderr=output,
            stdin=asyncio.subprocess.DEVNULL, env={**os.environ, "LANG": "C.UTF-8"}, preexec_fn=die_with_parent,
        )  # fmt: skip


@pytest.mark.timeout(300)
async def test_a_killed_process_leaves_each_answer_once(tmp_path: Path) -> None:
    chance = random.Random(1)
    with running("telegram") as server:
        async with aiohttp.ClientSession() as session:
            phone = Phone(server.info, session)
            folder = configured(tmp_path / "config", phone)
            chats = [await phone.new_chat() for _ in range(CHATS)]
            asked: list[str] = []
            for kill in range(KILLS):
                process = await started(folder)
                before = len(await phone.chat(chats[0]))
                for chat in chats:
                    await phone.says(chat, f"question {kill}")
                asked.append(f"question {kill}")
                # once something can be seen, at any time until after the answers
                await phone.receives(chats[0], before + 1, within=60)
                await asyncio.sleep(chance.uniform(0, 2.5))
                process.send_signal(signal.SIGKILL)
                await process.wait()
            process = await started(folder)
            for chat in chats:
                await phone.until(chat, full(asked[-1]), within=120)
            process.send_signal(signal.SIGTERM)
            await process.wait()
            parts = 0
            for chat in chats:
                texts = await phone.texts(chat)
                for question in asked:
                    assert texts.count(full(question)) + texts.count(f"{REPEATED}\n{full(question)}") >= 1, texts
                    assert texts.count(full(question)) <= 1, "what may be a repetition says so"
                parts += sum("sentence" in text and "the end" not in text for text in texts)
            assert parts <= 1, "only what Telegram took in the instant before a kill can be left"


def full(question: str) -> str:
    sentences = "".join(f"{question}: sentence {number} of this answer. " for number in range(10))
    return f"{sentences}{question}: the end."
