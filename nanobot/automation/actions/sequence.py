"""``sequence:``: several actions as one, which a condition within ends alone."""

from __future__ import annotations

from collections.abc import Awaitable

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.sequence import RunStep

SCHEMA = vol.Schema({vol.Required("sequence"): parse.actions, vol.Optional("metadata"): dict})


def run(step: RunStep) -> Awaitable[None] | None:
    """One after the other."""
    return step.do(step.config["sequence"], "sequence")
