"""One automation as it stands in the YAML, in the older and newer spelling; and the options of everything that runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.parse import actions, conditions, item_id, renamed, triggers, variables
from nanobot.automation.trace import KEPT
from nanobot.config import validators as cv
from nanobot.config.wrong import expected

MODES = ("single", "restart", "queued", "parallel")
LEVELS = ("silent", "debug", "info", "warning", "error", "critical")

_OLD_KEYS = {"trigger": "triggers", "condition": "conditions", "action": "actions"}

RUN_OPTIONS: Mapping[Any, Any] = {
    vol.Optional("mode", default="single"): cv.one_of(*MODES),
    vol.Optional("max", default=10): vol.All(cv.whole_number, vol.Range(min=2)),
    vol.Optional("max_exceeded", default="warning"): cv.one_of(*LEVELS, fold=True),
    vol.Optional("trace", default=dict): {
        vol.Optional("stored_traces", default=KEPT): vol.All(cv.whole_number, vol.Range(min=0, max=1000))
    },
}
"""What automations, scripts and schedules have in common."""


def automation(value: Any) -> dict[str, Any]:
    """What the YAML says of one automation, understood. Raises ``vol.Invalid`` with all that is wrong."""
    return dict(AUTOMATION(value))


def _modern(value: Any) -> dict[str, Any]:
    if not isinstance(value, (dict, Mapping)):
        raise expected("mapping", value)
    return renamed(value, _OLD_KEYS)


AUTOMATION = vol.Schema(
    vol.All(
        _modern,
        {
            vol.Optional("id"): item_id,
            vol.Optional("alias"): cv.string,
            vol.Optional("description"): vol.Any(None, cv.string),
            vol.Optional("initial_state"): cv.boolean,
            vol.Optional("hide_entity"): cv.boolean,
            vol.Required("triggers"): triggers,
            vol.Optional("conditions", default=list): conditions,
            vol.Required("actions"): actions,
            vol.Optional("variables", default=dict): variables,
            vol.Optional("trigger_variables", default=dict): variables,
            vol.Optional("tests"): list,
            **RUN_OPTIONS,
        },
    )
)
