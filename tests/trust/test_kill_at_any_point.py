"""nanobot is killed at every point of a turn, again and again: nothing lost, repetitions marked, no file damaged."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from tests.trust.kill_points import PLACES, POINTS
from tests.trust.lives import Lives, lives

DURING_TURN = ("wait", "steer")  # parts that may run side by side: what becomes of a message that comes in a turn
PARTS = len(DURING_TURN)
KILLS = max(1, int(os.environ.get("NANOBOT_TEST_KILLS", "200")) // PARTS)
SEED = int(os.environ.get("NANOBOT_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
CHATS = 8
WAITING = 4  # messages that a person types without an answer
REST_EVERY = 8  # lives
BIRTH = 30.0  # s that a start may take
LIFE = 3.0  # s from then on for the trap to close; then the test kills, wherever the process is
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
"""What is typed, and how often."""


class Killer:
    """Lets people write to each life, and lays a trap for it. ``trapped``: how many traps closed."""

    def __init__(self, lives: Lives, seed: int) -> None:
        self.lives = lives
        self.people = lives.people
        self.chance = random.Random(seed)
        self.trapped = 0
        self.ends: list[str] = []
        """How each life ended; in brackets the traps that did not close."""
        self._unanswered = dict.fromkeys(self.people.chats, 0)

    async def live(self) -> None:
        """One life, until the trap or the test kills it."""
        point = self.chance.choice(POINTS)
        trap = f"{point} {self.chance.randint(1, PLACES[point.split()[1]])}"
        anywhere = self.chance.random() < 0.1
        life = await self.lives.begin("never" if anywhere else trap)
        now = asyncio.get_running_loop().time
        until, up = now() + (self.chance.random() * LIFE if anywhere else BIRTH), anywhere
        try:
            while not life.ended.done() and now() < until:
                if not up and self.lives.is_up(life):
                    until, up = now() + LIFE, True
                await self.somebody_types()
                await asyncio.wait([life.ended], timeout=self.chance.random() * 0.2)
        finally:
            trapped = life.ended.done()
            life.send(signal.SIGKILL)
        self.trapped += trapped
        self.ends.append(trap if trapped else "at any time" if anywhere else f"({trap})")
        code = await life.ended
        assert code == -signal.SIGKILL, f"it ended by itself with {code}"
        for chat in self.people.chats:
            self._unanswered[chat] = len(await self.people.unanswered(chat))

    async def rest(self) -> None:
        """A life in which all that waits is answered, so that little is given up; killed when nothing happens."""
        life = await self.lives.begin()
        await self.lives.drain(life)
        life.send(signal.SIGKILL)
        await life.ended
        self.ends.append("at rest")
        self._unanswered = dict.fromkeys(self.people.chats, 0)

    async def somebody_types(self) -> None:
        """Unless that person waits for answers already."""
        chat = self.chance.choice(self.people.chats)
        if self._unanswered[chat] >= WAITING:
            return
        self._unanswered[chat] += 1
        [text] = self.chance.choices(list(KINDS), list(KINDS.values()))
        if text == "photo" and self.chance.random() < 0.5:
            await self.people.slow_download(2.0)
        await self.people.types(chat, text)


@pytest.mark.slow
@pytest.mark.timeout(120 + 8 * KILLS)
@pytest.mark.parametrize("part", range(PARTS))
async def test_kills_lose_nothing_and_mark_what_may_be_a_repetition(tmp_path: Path, part: int) -> None:
    async with lives(tmp_path / "config", CHATS, DURING_TURN[part]) as process:
        killer = Killer(process, SEED + part)
        complaints: list[str] = []
        try:
            await process.open()
            for number in range(1, KILLS + 1):
                await (killer.live() if number % REST_EVERY else killer.rest())
            await process.last()
        except (AssertionError, TimeoutError) as error:
            complaints.append(f"{type(error).__name__}: {error}")
        complaints += await process.complaints()
    story = [f"seed {SEED} part {part}, killed: {', '.join(killer.ends[-12:])}", *complaints]
    assert not complaints, "\n".join([*story, *process.log.read_text().splitlines()[-40:]])
    assert killer.trapped > KILLS // 3, "the traps are laid where nobody passes"
