"""Its setup has a fault; half of it was done before."""


async def setup(hub, entry):
    entry.set_state("sensor.half", "done")
    entry.service("half", lambda call: None)
    entry.listen("half", lambda event: None)
    raise KeyError("no such thing")
