"""How long the event loop lets others wait: for tests of what must not hold up the hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import thread_time

from nanobot.util.collector import no_collecting


class Turns:
    """``longest``: what anybody had to wait for their turn, in seconds of processor time of the loop's thread.

    That is what the loop itself did meanwhile: other work on the machine, and the garbage of a whole process full of
    tests, is not in it.
    """

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0

    async def _watch(self) -> None:
        while True:
            before = thread_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, thread_time() - before)
            self.count += 1


@asynccontextmanager
async def turns() -> AsyncIterator[Turns]:
    """While the block runs; what it does itself between two waits is counted as well."""
    found = Turns()
    watching = asyncio.get_running_loop().create_task(found._watch())  # noqa: SLF001 - its own
    await asyncio.sleep(0)
    try:
        with no_collecting():
            yield found
            await asyncio.sleep(0)
    finally:
        watching.cancel()
