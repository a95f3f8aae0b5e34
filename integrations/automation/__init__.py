"""Automations: when something happens, and conditions hold, do something."""

from __future__ import annotations

from collections.abc import Sequence

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .automations import Automations
from .item import Item, Items
from .services import offer

CONFIG_SCHEMA = vol.Schema(Items())


async def setup(hub: Hub, entry: Entry) -> None:
    automations = entry.data = Automations(hub, entry)
    await automations.open()
    offer(hub, entry, automations)


async def reload(hub: Hub, entry: Entry, config: Sequence[Item]) -> bool:
    await entry.data.update(config)
    return True
