"""Conversation: programs talk to nanobot as a person would, over the API or as the service ``conversation.process``."""

from __future__ import annotations

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

_SENTENCES = vol.All(cv.ensure_list, [cv.string])

CONFIG_SCHEMA = vol.Schema({vol.Optional("intents", default=dict): {cv.string: _SENTENCES}})


async def setup(hub: Hub, entry: Entry) -> None:
    """Nothing yet."""
