"""Counters: a whole number that goes up and down in steps."""

from __future__ import annotations

from functools import partial

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import Counter

_BOUND = vol.Any(None, cv.whole_number)

CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        {
            vol.Optional("name"): cv.string,
            vol.Optional("initial", default=0): cv.positive_int,
            vol.Optional("step", default=1): cv.positive_int,
            vol.Optional("minimum", default=None): _BOUND,
            vol.Optional("maximum", default=None): _BOUND,
            vol.Optional("restore", default=True): cv.boolean,
            vol.Optional("icon"): cv.icon,
        }
    )
)

ACTIONS = {
    "increment": Action(Counter.increment, "Count one step up."),
    "decrement": Action(Counter.decrement, "Count one step down."),
    "reset": Action(Counter.reset, "Go back to the initial value."),
    "set_value": Action(
        Counter.set_value,
        "Set the value.",
        {vol.Required("value"): cv.positive_int},
        {"value": {"required": True, "selector": {"number": {"min": 0, "mode": "box"}}}},
    ),
}

reload = collection.reload


async def setup(hub: Hub, entry: Entry) -> None:
    await collection.set_up(hub, entry, partial(Counter, "counter"), ACTIONS)
