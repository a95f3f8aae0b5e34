"""``condition: trigger``: the run was started by one of these triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.decide import Case
from nanobot.config import validators as cv

SCHEMA = vol.Schema({vol.Required("id"): vol.All(cv.ensure_list, [parse.item_id])})


def check(config: Mapping[str, Any], case: Case) -> bool:
    """False in a run that no trigger started."""
    trigger = case.variables.get("trigger")
    given = trigger.get("id") if isinstance(trigger, Mapping) else None
    return given is not None and str(given) in config["id"]
