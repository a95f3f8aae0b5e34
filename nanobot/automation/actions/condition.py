"""A condition among the actions: when it does not hold, its sequence ends."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.decide import ConditionConfig, Conditions
from nanobot.automation.flow import ConditionFailed
from nanobot.automation.sequence import RunStep
from nanobot.templates import has_template


def _only(given: Any) -> dict[str, ConditionConfig]:
    written = given["condition"] if set(given) == {"condition"} and not isinstance(given["condition"], list) else given
    if isinstance(written, str) and not has_template(written):
        written = given
    return {"condition": parse.condition(written)}


SCHEMA = vol.Schema(_only)


def run(step: RunStep) -> None:
    """Ends a round of a ``repeat``, a branch, or the run, whichever is the nearest around it."""
    held = Conditions((step.config["condition"],)).hold(step.case(), f"{step.path}/condition")
    step.tell(result=held)
    if not held:
        raise ConditionFailed
