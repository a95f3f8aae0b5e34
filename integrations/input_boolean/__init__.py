"""Switches of your own: on or off, for automations and people to set and to look at."""

from __future__ import annotations

from functools import partial

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import InputBoolean

CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        {
            vol.Optional("name"): cv.string,
            vol.Optional("initial"): cv.boolean,
            vol.Optional("icon"): cv.icon,
        }
    )
)

ACTIONS = {
    "turn_on": Action(InputBoolean.turn_on, "Turn on."),
    "turn_off": Action(InputBoolean.turn_off, "Turn off."),
    "toggle": Action(InputBoolean.toggle, "Turn on what is off, and off what is on."),
}

reload = collection.reload


async def setup(hub: Hub, entry: Entry) -> None:
    await collection.set_up(hub, entry, partial(InputBoolean, "input_boolean"), ACTIONS)
