"""Its listener fails at each event."""


async def setup(hub, entry):
    def listener(event):
        raise ValueError("cannot count to three")

    async def coroutine(event):
        raise ValueError("cannot wait either")

    entry.listen("rang", listener)
    entry.listen("rang", coroutine)
