"""One script as it stands in the YAML."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.automation.parse import actions, variables
from nanobot.automation.schema import RUN_OPTIONS
from nanobot.config import validators as cv
from nanobot.config.wrong import expected

FIELD = vol.Schema(
    {
        vol.Optional("name"): cv.string,
        vol.Optional("description"): cv.string,
        vol.Optional("advanced"): cv.boolean,
        vol.Optional("required"): cv.boolean,
        vol.Optional("example"): object,
        vol.Optional("default"): object,
        vol.Optional("selector"): vol.Any(None, str, dict),
        vol.Optional("filter"): object,
    }
)


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise expected("mapping", value)
    done: dict[str, Any] = vol.Schema({cv.slug: vol.All(vol.Any(None, dict), lambda one: FIELD(one or {}))})(value)
    return done


SCRIPT = vol.Schema(
    {
        vol.Optional("alias"): cv.string,
        vol.Optional("icon"): cv.icon,
        vol.Optional("description", default=""): vol.All(vol.Any(None, cv.string), lambda text: text or ""),
        vol.Optional("fields", default=dict): _fields,
        vol.Optional("enforce_fields", default=False): cv.boolean,
        vol.Optional("variables", default=dict): variables,
        vol.Required("sequence"): actions,
        vol.Optional("tests"): list,
        **RUN_OPTIONS,
    }
)
