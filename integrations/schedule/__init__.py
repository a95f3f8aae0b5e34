"""Schedules: on in weekly blocks as in Home Assistant, or running something at times of their own."""

from __future__ import annotations

from collections.abc import Mapping

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .item import Item, Items
from .schedules import Schedules
from .services import offer
from .tool import Plan

CONFIG_SCHEMA = vol.Schema(Items())


async def setup(hub: Hub, entry: Entry) -> None:
    schedules = entry.data = Schedules(hub, entry)
    await schedules.open()
    offer(hub, entry)
    entry.add(Plan(hub))


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Item]) -> bool:
    await entry.data.update(config)
    return True
