"""Its unload never ends."""

import asyncio


async def setup(hub, entry):
    entry.set_state("sensor.hangs", "on")


async def unload(hub, entry):
    await asyncio.Event().wait()
