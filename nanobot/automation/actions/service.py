"""``action: DOMAIN.SERVICE``: call a service. ``service:`` is the older name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.wrong import unknown_option
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.templates import Template, TemplateError, has_template
from nanobot.templates import validators as tv

_NAME = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_TARGETS = ("entity_id", "device_id", "area_id", "floor_id", "label_id")
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
    target = [given["target"]] if given.get("target") else []
    if "entity_id" in given:
        target.append({"entity_id": given["entity_id"]})
    return {
        "service": given[names[0]],
        "data": data,
        "target": target,
        "response_variable": given.get("response_variable"),
    }


_MAPPING = vol.All(vol.Any(None, dict, str), tv.template_value)


def _entities(value: Any) -> Any:
    return value if value is None or value in ("all", "none") else cv.entity_ids(value)


def _target(value: Any) -> Any:
    for key in value if isinstance(value, dict) else ():
        if key not in _TARGETS and not has_template(str(key)):
            wrong = unknown_option(key, _TARGETS)
            wrong.prepend([key])
            raise wrong
    if isinstance(value, dict) and "entity_id" in value and not has_template(value["entity_id"]):
        try:
            _entities(value["entity_id"])
        except vol.Invalid as error:
            error.prepend(["entity_id"])
            raise
    return _MAPPING(value)


SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("action"): _name,
            vol.Optional("service"): _name,
            vol.Optional("service_template"): _name,
            vol.Optional("data"): _MAPPING,
            vol.Optional("data_template"): _MAPPING,
            vol.Optional("target"): _target,
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
    target: dict[str, Any] = {}
    for part in config["target"]:
        target.update(_mapping(step, part, "target"))
    target = _checked(target)
    variable = config["response_variable"]
    step.tell(params={"domain": domain, "service": name, "service_data": data, "target": target})
    result = step.hub.services.begin(
        domain, name, data, target=target or None, context=step.context, return_response=variable is not None
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
        name = str(_rendered(step, name, "the name of the service")).strip().lower()
        if not _NAME.fullmatch(name):
            raise ServiceError(f"'{name}' is no name of a service; write it like 'input_boolean.turn_on'")
    domain, _, service = name.partition(".")
    return domain, service


def _rendered(step: RunStep, written: Any, what: str) -> Any:
    """As a fault of this call, which ``continue_on_error`` covers."""
    try:
        return step.render(written)
    except TemplateError as error:
        raise ServiceError(f"{what} cannot be rendered: {error}") from error


def _checked(target: dict[str, Any]) -> dict[str, Any]:
    """With its entities as a list. Raises ``InvalidServiceData`` for what is no entity."""
    if "entity_id" not in target:
        return target
    try:
        return {**target, "entity_id": _entities(target["entity_id"])}
    except vol.Invalid as error:
        said = "; ".join(problem.sentence() for problem in explain(error, target["entity_id"], ()))
        raise InvalidServiceData(f"target > entity_id: {said}") from error


def _mapping(step: RunStep, written: Any, what: str) -> Mapping[str, Any]:
    value = _rendered(step, written, what)
    if not isinstance(value, Mapping):
        raise InvalidServiceData(f"{what} has to be a mapping, but its template gives '{value}'")
    return value
