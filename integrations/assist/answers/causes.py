"""Why is X on, who turned it on, why didn't X run?"""

from __future__ import annotations

import importlib
from typing import Any

from nanobot.util.aio import in_thread

from ..ask import Answer, Ask

SHOWN = 2  # automations that could have acted on a thing


async def why(ask: Ask) -> Answer:
    """What led to how it is."""
    asked = await _asked()
    told: str = await asked.told_why(ask.hub, str(ask.slots["name"]), ask.say.language)
    return told


async def why_not(ask: Ask) -> Answer:
    """What kept an automation or script from running; for other things, those that could have acted on it."""
    asked = await _asked()
    entity_id, language = str(ask.slots["name"]), ask.say.language
    if any(item.entity_id == entity_id for item in ask.hub.runnables):
        told: str = await asked.told_why_not(ask.hub, entity_id, language)
        return told
    acting = asked.acting_on(ask.hub, entity_id)[:SHOWN]
    lines = [await asked.told_why_not(ask.hub, item, language) for item in acting]
    return "\n".join([await asked.told_why(ask.hub, entity_id, language), *lines])


async def _asked() -> Any:
    """Brings the engine of automations along: only when somebody asks."""
    return await in_thread(importlib.import_module, "nanobot.automation.asked")
