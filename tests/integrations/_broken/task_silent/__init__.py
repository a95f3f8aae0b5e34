"""Its background task stops giving signs of life."""

import asyncio


async def setup(hub, entry):
    async def work():
        await asyncio.Event().wait()

    entry.run(work, name="connection", silent_for=0.2)
