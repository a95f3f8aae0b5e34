"""Texts of your own: a few words, for automations and people to set and to look at."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import InputText

LONGEST = 255  # characters of a state


def _lengths(config: dict[str, Any]) -> dict[str, Any]:
    low, high, initial = config["min"], config["max"], config.get("initial")
    if low > high:
        raise vol.Invalid(f"max ({high}) is smaller than min ({low})", path=["max"])
    if initial is not None and not low <= len(initial) <= high:
        raise vol.Invalid(f"has {len(initial)} characters, not {low} to {high}", path=["initial"])
    return config


def _pattern(value: Any) -> str:
    text = cv.string(value)
    try:
        re.compile(text)
    except re.error as error:
        raise vol.Invalid(f"is not a regular expression: {error}") from error
    return str(text)


CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        vol.All(
            {
                vol.Optional("name"): cv.string,
                vol.Optional("min", default=0): vol.All(cv.whole_number, vol.Range(0, LONGEST)),
                vol.Optional("max", default=100): vol.All(cv.whole_number, vol.Range(0, LONGEST)),
                vol.Optional("initial"): cv.string,
                vol.Optional("pattern"): _pattern,
                vol.Optional("mode", default="text"): vol.In(["text", "password"]),
                vol.Optional("unit_of_measurement"): cv.string,
                vol.Optional("icon"): cv.icon,
            },
            _lengths,
        )
    )
)

ACTIONS = {
    "set_value": Action(
        InputText.set_value,
        "Set the text.",
        {vol.Required("value"): cv.string},
        {"value": {"required": True, "selector": {"text": {}}}},
    ),
}

reload = collection.reload


async def setup(hub: Hub, entry: Entry) -> None:
    await collection.set_up(hub, entry, partial(InputText, "input_text"), ACTIONS)
