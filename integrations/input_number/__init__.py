"""Numbers of your own: a value within bounds, for automations and people to set and to look at."""

from __future__ import annotations

from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import InputNumber


def _bounds(config: dict[str, Any]) -> dict[str, Any]:
    low, high, initial = config["min"], config["max"], config.get("initial")
    if low >= high:
        raise vol.Invalid(f"max ({high:g}) has to be greater than min ({low:g})", path=["max"])
    if initial is not None and not low <= initial <= high:
        raise vol.Invalid(f"{initial:g} is not between min ({low:g}) and max ({high:g})", path=["initial"])
    return config


CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        vol.All(
            {
                vol.Optional("name"): cv.string,
                vol.Required("min"): cv.number,
                vol.Required("max"): cv.number,
                vol.Optional("initial"): cv.number,
                vol.Optional("step", default=1.0): vol.All(cv.number, vol.Range(min=1e-9)),
                vol.Optional("mode", default="slider"): vol.In(["box", "slider"]),
                vol.Optional("unit_of_measurement"): cv.string,
                vol.Optional("icon"): cv.icon,
            },
            _bounds,
        )
    )
)

ACTIONS = {
    "set_value": Action(
        InputNumber.set_value,
        "Set the value.",
        {vol.Required("value"): cv.number},
        {"value": {"required": True, "selector": {"number": {"mode": "box", "step": "any"}}}},
    ),
    "increment": Action(InputNumber.increment, "Add one step, up to the maximum."),
    "decrement": Action(InputNumber.decrement, "Take one step away, down to the minimum."),
}

reload = collection.reload


async def setup(hub: Hub, entry: Entry) -> None:
    await collection.set_up(hub, entry, partial(InputNumber, "input_number"), ACTIONS)
