"""nanobot is killed at every point of a turn, again and again: nothing lost, repetitions marked, no file damaged."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nanobot.lifecycle.instance import read_info
from tests.servers.running import running
from tests.trust import verdict
from tests.trust.folder import LEDGER, configuration, write_configuration, write_integration
from tests.trust.kill_points import PLACES, POINTS
from tests.trust.people import People

PARTS = 2  # that may run side by side
KILLS = max(1, int(os.environ.get("NANOBOT_TEST_KILLS", "200")) // PARTS)
SEED = int(os.environ.get("NANOBOT_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
ROOT = Path(__file__).parents[2]
CHATS = 8
WAITING = 4  # messages that a person types without an answer
BIRTH = 30.0  # s that a start may take
LIFE = 3.0  # s from then on for the trap to close; then the test kills, wherever the process is
DRAINED = 90.0  # s for the last, undisturbed life to answer all
MORE = ("ledger", "message", "files", "states", "services", "assist")
KINDS = {
    "hello": 8,
    "take your time [[latency:0.15]]": 3,
    '[[tool:ledger {"line": "NUMBER"}]]': 3,
    '[[seq:3 ledger {"line": "NUMBER"}]]': 3,
    '[[tool:message {"text": "noteNUMBER"}]]': 1,
    '[[tool:write_file {"path": "NUMBER.txt", "content": "NUMBER"}]]': 1,
    "tell me a long story, and show me how it grows [[chunks:8]] [[chunk_delay:0.3]]": 1,
    "photo": 2,
}


class Lives:
    """A process that is started on the same folder again and again, and the people who write to it meanwhile."""

    def __init__(self, folder: Path, people: People, seed: int) -> None:
        self.folder = folder
        self.people = people
        self.chance = random.Random(seed)
        self.log = folder.parent / "output.txt"
        self.trapped = 0
        self.ends: list[str] = []
        """How each life ended."""
        self._unanswered: dict[int, int] = dict.fromkeys(people.chats, 0)
        self._mother: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        with self.log.open("ab") as output:
            self._mother = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.trust.kill_child", str(self.folder)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
            )

    async def close(self) -> None:
        if self._mother is not None:
            self._mother.kill()
            await self._mother.wait()

    async def start(self, trap: str) -> tuple[int, asyncio.Future[int]]:
        """The process id, and the exit code to be."""
        assert self._mother is not None
        assert self._mother.stdin is not None
        self._mother.stdin.write(f"{trap}\n".encode())
        return await self._says(), asyncio.ensure_future(self._says())

    async def _says(self) -> int:
        assert self._mother is not None
        assert self._mother.stdout is not None
        return int(await self._mother.stdout.readline())

    async def live(self) -> None:
        """One life, until the trap or the test kills it."""
        point = self.chance.choice(POINTS)
        trap = f"{point} {self.chance.randint(1, PLACES[point.split()[1]])}"
        anywhere = self.chance.random() < 0.1
        pid, ended = await self.start("never" if anywhere else trap)
        now = asyncio.get_running_loop().time
        until, up = now() + (self.chance.random() * LIFE if anywhere else BIRTH), anywhere
        try:
            while not ended.done() and now() < until:
                if not up and self.is_up(pid):
                    until, up = now() + LIFE, True
                await self.somebody_types()
                await asyncio.wait([ended], timeout=self.chance.random() * 0.2)
        finally:
            trapped = ended.done()
            if not trapped:
                with contextlib.suppress(ProcessLookupError):  # the trap closed at this very moment
                    os.kill(pid, signal.SIGKILL)
        self.trapped += trapped
        self.ends.append(trap if trapped else "at any time" if anywhere else f"({trap})")
        code = await ended
        assert code == -signal.SIGKILL, f"it ended by itself with {code}"
        for chat in self.people.chats:
            self._unanswered[chat] = len(await self.people.unanswered(chat))

    async def somebody_types(self) -> None:
        chat = self.chance.choice(self.people.chats)
        if self._unanswered[chat] >= WAITING:
            return
        self._unanswered[chat] += 1
        [text] = self.chance.choices(list(KINDS), list(KINDS.values()))
        if text == "photo" and self.chance.random() < 0.5:
            await self.people.slow_download(2.0)
        await self.people.types(chat, text, photo=text == "photo")

    async def last(self) -> None:
        """A life without a trap, some time later, in which all is answered."""
        for left in self.folder.rglob(".*"):
            os.utime(left, (1, 1))
        pid, ended = await self.start("never")
        try:
            async with asyncio.timeout(DRAINED):
                while not self.is_up(pid) or not await self.at_rest():
                    assert not ended.done(), f"it ended by itself with {ended.result()}"
                    await asyncio.sleep(0.2)
            os.kill(pid, signal.SIGTERM)
            assert await ended == 0
        finally:
            if not ended.done():
                os.kill(pid, signal.SIGKILL)
                await ended

    def is_up(self, pid: int) -> bool:
        return (read_info(self.folder) or {}).get("pid") == pid

    async def at_rest(self) -> bool:
        return verdict.at_rest(self.folder, self.people.count) and not await self.people.pending()

    async def complaints(self, requests: list[dict[str, Any]]) -> list[str]:
        given_up = verdict.given_up(self.folder)
        found: list[str] = []
        for chat in self.people.chats:
            said = verdict.of_chat(self.people.typed[chat], await self.people.reads(chat), given_up)
            found += [f"chat {chat}: {complaint}" for complaint in said]
        ledger = self.folder / "ledger.txt"
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        found += verdict.of_tools(lines, requests, given_up)
        found += verdict.of_database(self.folder, self.people.count)
        found += verdict.of_folder(self.folder)
        if "Traceback" in self.log.read_text():
            found.append("a traceback in the log")
        if len(given_up) > max(3, self.people.count // 5):
            found.append(f"{len(given_up)} of {self.people.count} were given up")
        return found


@pytest.mark.slow
@pytest.mark.timeout(120 + 8 * KILLS)
@pytest.mark.parametrize("part", range(PARTS))
async def test_kills_lose_nothing_and_mark_what_may_be_a_repetition(tmp_path: Path, part: int) -> None:
    folder = tmp_path / "config"
    options = ("--reply", "{echo}", "--chunks", "3", "--chunk-delay", "0.01")
    with running("telegram") as telegram, running("model", *options) as model:
        write_integration(folder, "ledger", LEDGER)
        async with aiohttp.ClientSession() as session:
            await session.post(f"{model.info['stub']}/config", json={"keep_requests": 100_000})
            people = People(telegram.info, session, CHATS)
            write_configuration(folder, configuration(telegram.info, model.info, people.chats, *MORE))
            lives = Lives(folder, people, SEED + part)
            complaints: list[str] = []
            try:
                await lives.open()
                for _ in range(KILLS):
                    await lives.live()
                await lives.last()
            except (AssertionError, TimeoutError) as error:
                complaints.append(f"{type(error).__name__}: {error}")
            finally:
                await lives.close()
            async with session.get(f"{model.info['stub']}/raw") as response:
                requests = [request["body"] for request in await response.json()]
            complaints += await lives.complaints(requests)
    story = [f"seed {SEED} part {part}, killed: {', '.join(lives.ends[-12:])}", *complaints]
    assert not complaints, "\n".join([*story, *lives.log.read_text().splitlines()[-40:]])
    assert lives.trapped > KILLS // 3, "the traps are laid where nobody passes"
