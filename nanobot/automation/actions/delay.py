"""``delay: TIME``: wait."""

from __future__ import annotations

import asyncio
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.action import Step

SCHEMA = vol.Schema({vol.Required("delay"): cv.positive_time_period})


async def run(step: Step) -> Any:
    """Cancelled when the run is stopped."""
    await asyncio.sleep(step.config["delay"].total_seconds())
