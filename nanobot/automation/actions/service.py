"""``action: DOMAIN.SERVICE``: call a service. ``service:`` is the older name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv
from nanobot.errors import InvalidServiceData, ServiceNotFound
from nanobot.templates import Template, has_template
from nanobot.templates import validators as tv

_NAME = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_NAMES = ("action", "service", "service_template")


def _name(value: Any) -> str | Template:
    if isinstance(value, str) and has_template(value):
        template: Template = tv.template(value)
        return template
    name = str(cv.string(value)).lower()
    if not _NAME.fullmatch(name):
        raise vol.Invalid(f"'{value}' is no name of a service; write it like 'input_boolean.turn_on'")
    return name


def _merged(given: dict[str, Any]) -> dict[str, Any]:
    names = [key for key in _NAMES if key in given]
    if len(names) != 1:
        raise vol.Invalid("give the service either as 'action' or, by its older name, as 'service'")
    data = [given[key] for key in ("data", "data_template") if given.get(key)]
    if "entity_id" in given:
        data.append({"entity_id": given["entity_id"]})
    return {
        "service": given[names[0]],
        "data": data,
        "target": given.get("target"),
        "response_variable": given.get("response_variable"),
    }


_MAPPING = vol.All(vol.Any(None, dict, str), tv.template_value)

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("action"): _name,
            vol.Optional("service"): _name,
            vol.Optional("service_template"): _name,
            vol.Optional("data"): _MAPPING,
            vol.Optional("data_template"): _MAPPING,
            vol.Optional("target"): _MAPPING,
            vol.Optional("entity_id"): vol.All(vol.Any(str, [str]), tv.template_value),
            vol.Optional("response_variable"): cv.string,
            vol.Optional("metadata"): dict,  # left by editors of Home Assistant
        },
        _merged,
    )
)


def run(step: RunStep) -> Awaitable[None] | None:
    """Waits until the service is done, where it does not do it at once."""
    config = step.config
    domain, name = _called(step)
    data: dict[str, Any] = {}
    for part in config["data"]:
        data.update(_mapping(step, part, "data"))
    target = None if config["target"] is None else _mapping(step, config["target"], "target")
    variable = config["response_variable"]
    step.tell(params={"domain": domain, "service": name, "service_data": data, "target": target or {}})
    result = step.hub.services.begin(
        domain, name, data, target=target, context=step.context, return_response=variable is not None
    )
    if inspect.isawaitable(result):
        return _wait(step, result, variable)
    _keep(step, result, variable)
    return None


async def _wait(step: RunStep, result: Awaitable[Any], variable: str | None) -> None:
    _keep(step, await result, variable)


def _keep(step: RunStep, response: Any, variable: str | None) -> None:
    if variable is not None:
        step.assign(variable, response)


def _called(step: RunStep) -> tuple[str, str]:
    name = step.config["service"]
    if isinstance(name, Template):
        name = str(step.render(name)).strip().lower()
        if not _NAME.fullmatch(name):
            raise ServiceNotFound(f"'{name}' is no name of a service; write it like 'input_boolean.turn_on'")
    domain, _, service = name.partition(".")
    return domain, service


def _mapping(step: RunStep, written: Any, what: str) -> Mapping[str, Any]:
    value = step.render(written)
    if not isinstance(value, Mapping):
        raise InvalidServiceData(f"{what} has to be a mapping, but its template gives '{value}'")
    return value
