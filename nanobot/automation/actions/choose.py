"""``choose:``: do the first option whose conditions hold, else the ``default``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv

_OPTION = vol.Schema(
    {
        vol.Optional("alias"): vol.Any(None, cv.string),
        vol.Required("conditions"): parse.conditions,
        vol.Required("sequence"): parse.actions,
    }
)

_understood = parse.understanding(_OPTION)


def _option(value: Any) -> Any:
    if isinstance(value, dict):
        value = parse.renamed(value, {"condition": "conditions"})
    return _understood(value)


SCHEMA = vol.Schema(
    {
        vol.Required("choose"): vol.All(cv.ensure_list, [_option]),
        vol.Optional("default"): parse.actions,
    }
)


def run(step: RunStep) -> Awaitable[None] | None:
    """The conditions are asked about in order, until those of one option hold."""
    below = step.resumed_below()
    if below is not None:
        where = below.split("/")
        if where[0] == "default":
            return step.do(step.config["default"], "default")
        return step.do(step.config["choose"][int(where[1])]["sequence"], f"choose/{where[1]}/sequence")
    for index, option in enumerate(step.config["choose"]):
        if step.holds(option["conditions"], f"choose/{index}/conditions"):
            step.tell(choice=index)
            return step.do(option["sequence"], f"choose/{index}/sequence")
    step.tell(choice="default")
    return step.do(step.config["default"], "default") if "default" in step.config else None
