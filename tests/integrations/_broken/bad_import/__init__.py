"""Fails while it is imported."""

VALUE = {}["missing"]


async def setup(hub, entry):
    pass
