"""``action: DOMAIN.SERVICE``: call a service. ``service:`` is the older name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.action import Step

_NAME = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


def _name(value: Any) -> str:
    name = str(cv.string(value)).lower()
    if not _NAME.fullmatch(name):
        raise vol.Invalid(f"'{value}' is no name of a service; write it like 'input_boolean.turn_on'")
    return name


def _merged(given: dict[str, Any]) -> dict[str, Any]:
    both = "action" in given and "service" in given
    if both or not ("action" in given or "service" in given):
        raise vol.Invalid("give the service either as 'action' or, by its older name, as 'service'")
    data: dict[str, Any] = {**(given.get("data") or {}), **(given.get("data_template") or {})}
    if "entity_id" in given:
        data["entity_id"] = given["entity_id"]
    domain, _, service = str(given.get("action") or given["service"]).partition(".")
    return {
        "domain": domain,
        "service": service,
        "data": data,
        "target": given.get("target"),
        "response_variable": given.get("response_variable"),
    }


_MAPPING = vol.Any(None, dict)

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("action"): _name,
            vol.Optional("service"): _name,
            vol.Optional("data"): _MAPPING,
            vol.Optional("data_template"): _MAPPING,
            vol.Optional("target"): _MAPPING,
            vol.Optional("entity_id"): vol.Any(str, [str]),
            vol.Optional("response_variable"): cv.string,
            vol.Optional("metadata"): dict,  # left by editors of Home Assistant
        },
        _merged,
    )
)


async def run(step: Step) -> Mapping[str, Any] | None:
    """Waits until the service is done."""
    config = step.config
    variable = config["response_variable"]
    response = await step.hub.services.call(
        config["domain"],
        config["service"],
        config["data"],
        target=config["target"],
        context=step.context,
        return_response=variable is not None,
    )
    if variable is not None:
        step.variables[variable] = response
    return response
