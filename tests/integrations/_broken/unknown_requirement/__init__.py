"""Needs a library that does not exist."""


async def setup(hub, entry):
    pass
