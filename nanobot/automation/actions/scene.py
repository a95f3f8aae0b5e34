"""``scene: scene.NAME``: make a scene so."""

from __future__ import annotations

from collections.abc import Awaitable

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv

SCHEMA = vol.Schema({vol.Required("scene"): cv.entity_domain("scene"), vol.Optional("metadata"): dict})


def run(step: RunStep) -> Awaitable[None]:
    """The short form of calling ``scene.turn_on``."""
    return _turn_on(step)


async def _turn_on(step: RunStep) -> None:
    target = {"entity_id": step.config["scene"]}
    step.tell(scene=step.config["scene"])
    await step.hub.services.call("scene", "turn_on", {}, target=target, context=step.context)
