"""Cannot be compiled."""


async def setup(hub, entry)
    pass
