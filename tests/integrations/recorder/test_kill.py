"""A process that is killed loses at most what it had gathered."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from nanobot.testing.plugin import House

from .conftest import Recorded

INTERVAL = 0.2  # s
SLACK = 1.5  # s that a busy machine may take to write


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_kill_loses_at_most_the_last_interval(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integrations.recorder.killed_child", str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        said: list[tuple[int, float]] = []
        until = None
        async with asyncio.timeout(60):
            async for line in process.stdout:
                number, at = line.split()
                said.append((int(number), float(at)))
                until = until or said[0][1] + 0.8 + chance.random()
                if said[-1][1] > until:
                    process.kill()
                    break
            said.extend((int(n), float(at)) for n, at in map(bytes.split, (await process.stdout.read()).splitlines()))
            await process.wait()
        last, died = said[-1]
        connection = sqlite3.connect(tmp_path / ".storage" / "history.db")
        try:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            numbers = [
                int(state)
                for (state,) in connection.execute(
                    "SELECT state FROM states JOIN entities ON entities.id = states.entity "
                    "WHERE entity_id = 'counter.x' AND updated >= ? ORDER BY states.id",
                    (said[0][1] - 0.1,),
                )
            ]
        finally:
            connection.close()
        assert numbers == list(range(1, len(numbers) + 1)), "each once, in order"
        assert numbers
        lost = [at for number, at in said if number > numbers[-1]]
        assert not lost or died - lost[0] < INTERVAL + SLACK, f"{len(lost)} of {last} are lost"


async def test_an_orderly_end_loses_nothing(
    recorded: Recorded, house: House, restart: Callable[[], Awaitable[House]]
) -> None:
    await recorded("  commit_interval: 3600")
    for number in range(100):
        house.hub.states.set("light.a", str(number))
    again = (await restart()).hub.history
    assert again is not None
    assert [row.state for row in (await again.states(["light.a"], 0))["light.a"]] == [str(n) for n in range(100)]
