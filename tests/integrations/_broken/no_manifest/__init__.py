"""Has no manifest."""


async def setup(hub, entry):
    pass
