"""Subagents: work that an agent gives away and goes on without; what came of it comes back to the conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .subagents import Subagents
from .tool import ListSubagents, Spawn

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("agent"): cv.string,
        vol.Optional("tools", default=lambda: ["*"]): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("rounds", default=20): vol.All(cv.whole_number, vol.Range(min=1, max=200)),
        vol.Optional("timeout", default=900): vol.All(cv.positive_float, vol.Range(min=1, max=86_400)),
        vol.Optional("at_once", default=4): vol.All(cv.whole_number, vol.Range(min=1, max=50)),
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    subagents = entry.data = Subagents(entry)
    await subagents.open()
    entry.add(Spawn(subagents))
    entry.add(ListSubagents(subagents))


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """What runs goes on as it began."""
    entry.data.config = config
    return True
