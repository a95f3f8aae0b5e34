"""What it needs is never there."""

from nanobot.errors import NotReady


async def setup(hub, entry):
    entry.set_state("sensor.never", "almost")
    raise NotReady("the device does not answer")
