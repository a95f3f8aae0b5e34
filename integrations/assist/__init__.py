"""Assist: answers without any model. It understands sentences of its languages, and those that the user adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .agent import AssistAgent
from .user import SENTENCE, UserSentences

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("language"): cv.language,
        vol.Optional("sentences", default=list): vol.All(cv.ensure_list, [SENTENCE]),
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    agent = entry.data = AssistAgent(hub, entry.id, entry.config)
    await agent.warm_up()
    entry.add(agent)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    agent: AssistAgent = entry.data
    await agent.check(UserSentences.of(config).templates)
    agent.configure(config)
    await agent.warm_up()
    return True
