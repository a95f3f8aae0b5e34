"""``if:`` … ``then:`` … ``else:``."""

from __future__ import annotations

from collections.abc import Awaitable

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.sequence import RunStep

SCHEMA = vol.Schema(
    {
        vol.Required("if"): parse.conditions,
        vol.Required("then"): parse.actions,
        vol.Optional("else"): parse.actions,
    }
)


def run(step: RunStep) -> Awaitable[None] | None:
    """All conditions have to hold."""
    below = step.resumed_below()
    if below is not None:
        branch = below.partition("/")[0]
    else:
        branch = "then" if step.holds(step.config["if"], "if/condition") else "else"
        step.tell(choice=branch)
    return step.do(step.config[branch], branch) if branch in step.config else None
