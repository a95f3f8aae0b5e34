"""Scripts: sequences of actions with a name, which are services and entities."""

from __future__ import annotations

from collections.abc import Mapping

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .item import Item, Items
from .scripts import Scripts
from .services import offer

CONFIG_SCHEMA = vol.Schema(Items())


async def setup(hub: Hub, entry: Entry) -> None:
    scripts = entry.data = Scripts(hub, entry)
    await scripts.open()
    offer(hub, entry, scripts)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Item]) -> bool:
    await entry.data.update(config)
    return True
