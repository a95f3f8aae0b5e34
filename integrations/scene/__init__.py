"""Scenes: how several things are to be, under one name."""

from __future__ import annotations

from collections.abc import Sequence

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .item import Item, Items
from .scenes import Scenes
from .services import offer

CONFIG_SCHEMA = vol.Schema(Items())


async def setup(hub: Hub, entry: Entry) -> None:
    scenes = entry.data = Scenes(hub, entry)
    await scenes.open()
    offer(hub, entry, scenes)


async def reload(hub: Hub, entry: Entry, config: Sequence[Item]) -> bool:
    entry.data.update(config)
    return True
