"""``variables:``: set variables, one after the other, each seeing those before it."""

from __future__ import annotations

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.sequence import RunStep

SCHEMA = vol.Schema({vol.Required("variables"): parse.variables})


def run(step: RunStep) -> None:
    """A variable is set where it was defined, else for the whole run."""
    for name, value in step.config["variables"].items():
        step.assign(name, step.render(value))
