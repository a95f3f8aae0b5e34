"""Buttons of your own: pressing one is an event for automations; its state is when that last happened."""

from __future__ import annotations

from functools import partial

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import InputButton

CONFIG_SCHEMA = vol.Schema(cv.Items({vol.Optional("name"): cv.string, vol.Optional("icon"): cv.icon}))

ACTIONS = {"press": Action(InputButton.press, "Press the button.")}

reload = collection.reload


async def setup(hub: Hub, entry: Entry) -> None:
    await collection.set_up(hub, entry, partial(InputButton, "input_button", hub.clock), ACTIONS)
