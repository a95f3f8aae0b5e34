"""Notifications: messages to chats that have a name, and to several of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .options import Items
from .services import offer
from .targets import Targets

CONFIG_SCHEMA = vol.Schema(Items())


async def setup(hub: Hub, entry: Entry) -> None:
    targets = entry.data = Targets(hub, entry)
    offer(entry, targets)
    await targets.open()


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    entry.data.update(config)
    return True
