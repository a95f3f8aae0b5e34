"""The process of ``test_kill``: records numbers as fast as it says them, until it is killed.

python -m tests.integrations.recorder.killed_child FOLDER
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from nanobot.testing.plugin import House


async def main(folder: Path) -> None:
    house = House(folder)
    await house.open()
    await house.start("nanobot:\nrecorder:\n  commit_interval: 0.2\n")
    assert house.hub.history is not None
    await house.hub.history.events(0)  # it is open
    number = 0
    while True:
        number += 1
        house.hub.states.set("counter.x", str(number), {"time": time.time()})
        sys.stdout.write(f"{number} {time.time()}\n")
        sys.stdout.flush()
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
