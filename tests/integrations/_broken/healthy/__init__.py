"""Works: shows a state and answers a service."""


async def setup(hub, entry):
    entry.set_state("sensor.healthy", "fine")
    entry.service("ask", lambda call: None)
