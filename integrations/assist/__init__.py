"""Assist: answers without any model. It understands sentences of its languages, and those that the user adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase

from .agent import AssistAgent
from .user import SENTENCE

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("language"): cv.language,
        vol.Optional("sentences", default=list): vol.All(cv.ensure_list, [SENTENCE]),
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    agent = entry.data = AssistAgent(hub, entry)
    entry.add(agent)

    def begin(event: Event | None = None) -> None:
        entry.spawn(agent.warm_up(), "warm up")

    if hub.phase is Phase.RUNNING:
        await agent.prepare()
        begin()
    else:
        # at the start others come first: whoever writes before that waits a moment longer
        entry.listen("homeassistant_started", begin, once=True)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    agent: AssistAgent = entry.data
    agent.configure(config)
    await agent.prepare()
    entry.spawn(agent.warm_up(), "warm up")
    return True
