"""Choices of your own: one of several options, for automations and people to set and to look at."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import InputSelect

_log = logging.getLogger("nanobot.input_select")

_OPTIONS = vol.All(cv.ensure_list, vol.Length(min=1, msg="has to have one option at least"), [cv.string])


def _initial_is_an_option(config: dict[str, Any]) -> dict[str, Any]:
    options, initial = config["options"], config.get("initial")
    if initial is not None and initial not in options:
        raise vol.Invalid(f"'{initial}' is none of the options: {', '.join(options)}", path=["initial"])
    once = list(dict.fromkeys(options))
    if once != options:
        _log.warning("an input_select has the same option twice in %s; it is taken once", ", ".join(options))
        config["options"] = once
    return config


CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        vol.All(
            {
                vol.Optional("name"): cv.string,
                vol.Required("options"): _OPTIONS,
                vol.Optional("initial"): cv.string,
                vol.Optional("icon"): cv.icon,
            },
            _initial_is_an_option,
        )
    )
)

_CYCLE = {vol.Optional("cycle", default=True): cv.boolean}
_SHOW_CYCLE = {"cycle": {"default": True, "selector": {"boolean": {}}}}

ACTIONS = {
    "select_option": Action(
        InputSelect.select_option,
        "Choose an option.",
        {vol.Required("option"): cv.string},
        {"option": {"required": True, "selector": {"text": {}}}},
    ),
    "select_next": Action(InputSelect.select_next, "Choose the next option.", _CYCLE, _SHOW_CYCLE),
    "select_previous": Action(InputSelect.select_previous, "Choose the option before.", _CYCLE, _SHOW_CYCLE),
    "select_first": Action(InputSelect.select_first, "Choose the first option."),
    "select_last": Action(InputSelect.select_last, "Choose the last option."),
    "set_options": Action(
        InputSelect.set_options,
        "Replace the options until the next reload.",
        {vol.Required("options"): _OPTIONS},
        {"options": {"required": True, "selector": {"text": {"multiple": True}}}},
    ),
}

reload = collection.reload


async def setup(hub: Hub, entry: Entry) -> None:
    await collection.set_up(hub, entry, partial(InputSelect, "input_select"), ACTIONS)
