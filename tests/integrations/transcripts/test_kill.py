"""A process that is killed while it writes leaves nothing that the next one does not mend."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from nanobot.testing.plugin import House

from .conftest import file, join, lines, record, until

KILLS = 3
OPEN = ("waiting", "sending")


@pytest.mark.slow
async def test_after_kills_in_the_middle_of_writing_the_files_are_what_the_hub_has(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(KILLS):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integrations.transcripts.killed_child", str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        assert process.stderr is not None
        async with asyncio.timeout(60):
            await process.stdout.readline()
            await asyncio.sleep(0.3 + chance.random() / 2)  # anywhere in what it does
            assert process.returncode is None, (await process.stderr.read()).decode()
            process.kill()
            await process.wait()
    house = House(tmp_path)
    await house.open()
    await house.start("nanobot:\ntranscripts:\n")
    join(house)
    try:
        for name in ("chat:a", "chat:b"):
            async with asyncio.timeout(20):
                while any(one.get("outcome", one.get("state")) in OPEN for one in await record(house.hub, name)):
                    await asyncio.sleep(0.02)
            whole = await record(house.hub, name)
            await until(lambda name=name, whole=whole: len(lines(file(house.hub, name))) >= len(whole))  # type: ignore[misc]
            said = lines(file(house.hub, name))
            assert max(Counter(line["id"] for line in said if "id" in line).values()) == 1
            assert sorted(map(str, said)) == sorted(map(str, whole))
            assert len(said) > 10
    finally:
        await house.close()
