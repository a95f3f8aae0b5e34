"""Its background task fails again and again."""


async def setup(hub, entry):
    async def work():
        raise ConnectionError("connection lost")

    entry.run(work, name="connection")
