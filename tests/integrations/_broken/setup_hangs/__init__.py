"""Its setup never ends."""

import asyncio


async def setup(hub, entry):
    await asyncio.Event().wait()
