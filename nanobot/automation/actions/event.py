"""``event: TYPE``: fire an event."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.action import Step

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Required("event"): cv.string,
            vol.Optional("event_data"): vol.Any(None, dict),
            vol.Optional("event_data_template"): vol.Any(None, dict),
        },
        lambda given: {
            "event": given["event"],
            "event_data": {**(given.get("event_data") or {}), **(given.get("event_data_template") or {})},
        },
    )
)


def run(step: Step) -> Any:
    """Does not wait."""
    step.hub.bus.fire(step.config["event"], dict(step.config["event_data"]), step.context)
