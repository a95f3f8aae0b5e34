"""Its unload fails, and so does one thing it wants undone."""


async def setup(hub, entry):
    def undo():
        raise OSError("device busy")

    entry.set_state("sensor.fails", "on")
    entry.on_unload(undo)
    entry.set_state("sensor.fails_too", "on")


async def unload(hub, entry):
    raise RuntimeError("no goodbye")
