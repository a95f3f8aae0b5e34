"""The process of ``test_kill``: people talk as fast as they are answered, until it is killed.

python -m tests.integrations.transcripts.killed_child FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from integrations.transcripts import follower
from nanobot.testing.plugin import House
from nanobot.util.ids import ulid

from .conftest import join


async def main(folder: Path) -> None:
    follower.GATHER = 0.005
    house = House(folder)
    await house.open()
    await house.start("nanobot:\ntranscripts:\n")
    chat = join(house)

    async def talk(name: str) -> None:
        while True:
            await chat.types("x" * 2000, chat=name, message_id=ulid())

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(talk("a"), talk("b"))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
