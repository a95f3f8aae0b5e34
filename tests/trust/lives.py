"""A process that is started on the same folder again and again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from nanobot.lifecycle.instance import read_info
from tests.servers.running import running
from tests.trust import verdict
from tests.trust.folder import LEDGER, configuration, write_configuration, write_integration
from tests.trust.people import People

ROOT = Path(__file__).parents[2]
MORE = ("ledger", "message", "files", "states", "services", "assist")
MODEL = ("--reply", "{echo}", "--chunks", "3", "--chunk-delay", "0.01")
DRAINED = 90.0  # s for an undisturbed life to answer all


class Life:
    """From a fork to its end."""

    def __init__(self, pid: int, ended: asyncio.Future[int]) -> None:
        self.pid = pid
        self.ended = ended
        """The exit code to be."""

    def send(self, number: signal.Signals) -> None:
        """A signal, if it still lives."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):  # it ended at this very moment
                os.kill(self.pid, number)


class Lives:
    """The folder, the process that is forked for each life, the people who write to it, and the model that answers."""

    def __init__(self, folder: Path, people: People, model: str, session: aiohttp.ClientSession) -> None:
        self.folder = folder
        self.people = people
        self.log = folder.parent / "output.txt"
        self._model = model
        self._session = session
        self._mother: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        """Import what takes long."""
        with self.log.open("ab") as output:
            self._mother = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.trust.kill_child", str(self.folder)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
            )

    async def close(self) -> None:
        """No life outlasts this."""
        if self._mother is not None:
            self._mother.kill()
            await self._mother.wait()

    @property
    def mother(self) -> int:
        """The process that is forked."""
        assert self._mother is not None
        return self._mother.pid

    async def begin(self, trap: str = "never") -> Life:
        """Start nanobot."""
        assert self._mother is not None
        assert self._mother.stdin is not None
        self._mother.stdin.write(f"{trap}\n".encode())
        return Life(await self._says(), asyncio.ensure_future(self._says()))

    async def _says(self) -> int:
        assert self._mother is not None
        assert self._mother.stdout is not None
        return int(await self._mother.stdout.readline())

    async def last(self, life: Life | None = None) -> None:
        """A life without a trap, some time later, in which all is answered and which ends in order."""
        if life is None:
            for left in self.folder.rglob(".*"):
                os.utime(left, (1, 1))
            life = await self.begin()
        try:
            await self.drain(life)
            life.send(signal.SIGTERM)
            assert await life.ended == 0
        finally:
            life.send(signal.SIGKILL)
            await life.ended

    async def drain(self, life: Life) -> None:
        """Wait until it has answered all."""
        async with asyncio.timeout(DRAINED):
            while not self.is_up(life) or not await self.at_rest():
                assert not life.ended.done(), f"it ended by itself with {life.ended.result()}"
                await asyncio.sleep(0.1)

    def is_up(self, life: Life) -> bool:
        """Whether it has begun to set up what is configured."""
        return (read_info(self.folder) or {}).get("pid") == life.pid

    async def at_rest(self) -> bool:
        """Whether all that was typed is in, answered and sent."""
        return verdict.at_rest(self.folder, self.people.count) and not await self.people.pending()

    async def requests(self) -> list[dict[str, Any]]:
        """All that the model was asked."""
        async with self._session.get(f"{self._model}/raw") as response:
            return [request["body"] for request in await response.json()]

    async def complaints(self) -> list[str]:
        """What is not as it must be, after the last life."""
        steered, lost = verdict.steered(self.folder)
        given_up = verdict.given_up(self.folder)
        steered -= given_up
        found: list[str] = []
        for chat in self.people.chats:
            said = verdict.of_chat(self.people.typed[chat], await self.people.reads(chat), given_up, steered | lost)
            found += [f"chat {chat}: {complaint}" for complaint in said]
        ledger = self.folder / "ledger.txt"
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        found += verdict.of_tools(lines, await self.requests(), given_up)
        found += verdict.of_database(self.folder, self.people.count)
        found += verdict.of_folder(self.folder)
        if "Traceback" in self.log.read_text():
            found.append("a traceback in the log")
        if len(given_up) > max(3, self.people.count // 5):
            found.append(f"{len(given_up)} of {self.people.count} were given up")
        return found


@contextlib.asynccontextmanager
async def lives(folder: Path, chats: int, during_turn: str = "wait") -> AsyncIterator[Lives]:
    """With a channel, a model, an agent and its tools in the folder, and test servers for them to speak to."""
    with running("telegram") as telegram, running("model", *MODEL) as model:
        write_integration(folder, "ledger", LEDGER)
        async with aiohttp.ClientSession() as session:
            await session.post(f"{model.info['stub']}/config", json={"keep_requests": 100_000})
            people = People(telegram.info, session, chats)
            configured = configuration(telegram.info, model.info, people.chats, *MORE)
            configured["agent"]["during_turn"] = during_turn
            write_configuration(folder, configured)
            found = Lives(folder, people, model.info["stub"], session)
            try:
                yield found
            finally:
                await found.close()
