"""Its background task ends although it should not."""


async def setup(hub, entry):
    async def work():
        return

    entry.run(work, name="connection")
