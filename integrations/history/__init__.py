"""Which of the recorded states are shown in the history."""

from __future__ import annotations

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.choice import choice, options
from nanobot.contracts.history import Shown
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

CONFIG_SCHEMA = vol.Schema(
    {
        **options(),
        vol.Optional("use_include_order"): cv.boolean,  # of older releases of Home Assistant; nothing depends on it
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    entry.add(Shown("history", choice(entry.config)))
