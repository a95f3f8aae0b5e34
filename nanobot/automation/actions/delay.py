"""``delay: TIME``: wait. Over a restart the rest of the time is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import voluptuous as vol

from nanobot.automation.duration import duration
from nanobot.automation.sequence import RunStep

SCHEMA = vol.Schema({vol.Required("delay"): duration})


def run(step: RunStep) -> Awaitable[None]:
    """Cancelled when the run is stopped. Raises ``Abort`` for a time that is none."""
    kept = step.resumed()
    now = step.hub.clock.time()
    if kept is not None:
        return _sleep(step, float(kept["until"]) - now, float(kept["until"]))
    delay = step.seconds(step.config["delay"])
    return _sleep(step, delay, now + delay)


async def _sleep(step: RunStep, delay: float, until: float) -> None:
    delay = max(0.0, delay)
    step.tell(delay=delay, done=False)
    if delay <= 0:
        await asyncio.sleep(0)
    else:
        async with step.waiting(f"delay {timedelta(seconds=delay)}", until=until):
            await asyncio.sleep(delay)
    step.tell(done=True)
