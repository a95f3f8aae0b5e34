"""A real process is killed at random moments, again and again: nothing lost, repetitions marked, no file damaged."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from nanobot.conversations.conversations import FILE

KILLS = int(os.environ.get("NANOBOT_TEST_KILLS", "20"))
CHATS = 8
ROOT = Path(__file__).parents[2]


class Platform:
    """Keeps each update until it is acknowledged; remembers everything that was sent, and in which order."""

    def __init__(self) -> None:
        self.updates: dict[int, dict[str, Any]] = {}
        self.typed: dict[str, list[str]] = defaultdict(list)
        self.received: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        self.answered: set[str] = set()
        self.events = 0
        self.changed = asyncio.Condition()
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        for update in self.updates.values():
            self._push(update)
        try:
            while line := await reader.readline():
                data = json.loads(line)
                if "acknowledged" in data:
                    self.updates.pop(data["acknowledged"], None)
                else:
                    self.received[data["chat"]].append((data["text"], data["repeated"]))
                    self.answered.add(data["text"])
                    writer.write(json.dumps({"confirmed": data["send"]}).encode() + b"\n")
                self.events += 1
                async with self.changed:
                    self.changed.notify_all()
        except (ConnectionError, json.JSONDecodeError):
            pass  # killed in the middle of a line
        finally:
            self._writer = None
            writer.close()

    def type(self, number: int) -> None:
        chat = f"chat{number % CHATS}"
        update = {"update": number, "chat": chat, "text": str(number)}
        self.typed[chat].append(str(number))
        self.updates[number] = update
        if self._writer is not None:
            self._push(update)

    async def wait(self, events: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.events >= events)

    async def all_answered(self, count: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.answered) == count)

    def _push(self, update: dict[str, Any]) -> None:
        assert self._writer is not None
        self._writer.write(json.dumps(update).encode() + b"\n")


async def start(folder: Path, port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.conversations.killed_child",
        str(folder),
        str(port),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.slow
@pytest.mark.timeout(60 + 3 * KILLS)
async def test_kills_lose_nothing_and_mark_what_may_be_a_repetition(tmp_path: Path) -> None:
    platform = Platform()
    server = await asyncio.start_server(platform.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    typed = 0
    child: asyncio.subprocess.Process | None = None
    try:
        for _ in range(KILLS):
            child = await start(tmp_path, port)
            enough = platform.events + random.randint(1, 60)
            async with asyncio.timeout(30):
                while platform.events < enough:
                    for _ in range(random.randint(1, 5)):
                        platform.type(typed)
                        typed += 1
                    await platform.wait(platform.events + 1)
            await asyncio.sleep(random.random() * 0.005)
            child.kill()
            await child.wait()
        child = await start(tmp_path, port)
        async with asyncio.timeout(60):
            await platform.all_answered(typed)
        child.kill()
        _, said = await child.communicate()
    except TimeoutError:
        assert child is not None
        child.kill()
        _, said = await child.communicate()
        missing = [n for numbers in platform.typed.values() for n in numbers if n not in platform.answered]
        pytest.fail(f"stuck: {missing} unanswered, {list(platform.updates)} not taken in\n{said.decode()}")
    finally:
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()
        server.close()

    assert b"Traceback" not in said, said.decode()
    assert not platform.updates
    for chat, numbers in platform.typed.items():
        answers = platform.received[chat]
        first = list(dict.fromkeys(text for text, _ in answers))
        assert first == numbers, "lost, or out of order"
        unmarked = [text for text, repeated in answers if not repeated]
        assert len(unmarked) == len(set(unmarked)), "sent twice without a mark"
        seen: set[str] = set()
        for text, repeated in answers:
            assert repeated or text not in seen, f"{text} was sent again without a mark"
            seen.add(text)
    assert not list(tmp_path.glob(f".storage/{FILE}.damaged*"))
    connection = sqlite3.connect(tmp_path / ".storage" / FILE)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT COUNT(*) FROM inbox").fetchone() == (typed,)
    connection.close()
