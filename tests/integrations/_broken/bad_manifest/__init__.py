"""Its manifest is no JSON."""


async def setup(hub, entry):
    pass
