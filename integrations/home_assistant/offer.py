"""A service of a server as it describes itself: its fields, what it acts on, what it may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response
from nanobot.contracts.tool import Risk
from nanobot.hub.collection import TARGETS
from nanobot.util.text import one_line

LONGEST = 300  # characters of a description

Name = tuple[str, str]
"""Domain and service."""

READS = frozenset({"weather.get_forecasts", "calendar.get_events", "todo.get_items", "recorder.get_statistics"})
_AT_HOME = (
    "alarm_control_panel automation button camera climate counter cover fan group humidifier image input_boolean "
    "input_button input_datetime input_number input_select input_text lawn_mower light lock media_player number remote "
    "scene schedule select siren switch text timer todo vacuum valve water_heater zone"
)
_ANY_ENTITIES: Mapping[str, Any] = {
    "description": "One or several entities.",
    "selector": {"entity": {"multiple": True}},
}
AT_HOME = frozenset(_AT_HOME.split())
"""Domains whose services act on things of the house."""
HARMFUL = frozenset(
    {"backup", "command_line", "hassio", "homeassistant", "pyscript", "python_script", "recorder", "shell_command"}
    | {"zha", "zwave_js"}
)
"""Domains whose services may do what cannot be undone."""
OPENING = frozenset({"alarm_control_panel.alarm_disarm", "lock.open", "lock.unlock"})


@dataclass(frozen=True, slots=True)
class Offer:
    """``fields`` in the shape of services.yaml, those of sections among the others. The rest as in ``Service``."""

    domain: str
    name: str
    title: str
    description: str
    fields: Mapping[str, Any]
    entity_domain: str | None
    response: Response

    @classmethod
    def of(cls, domain: str, name: str, told: Any) -> Offer:
        """``told``: from ``get_services``."""
        told = told if isinstance(told, Mapping) else {}
        response = told.get("response")
        fields, entity_domain = _flat(told.get("fields")), _entity_domain(told.get("target"))
        if entity_domain is None and isinstance(told.get("target"), Mapping):
            fields["entity_id"] = _ANY_ENTITIES
        return cls(
            domain,
            name,
            one_line(str(told.get("name") or ""), 80),
            one_line(str(told.get("description") or ""), LONGEST),
            fields,
            entity_domain,
            Response.NONE
            if not isinstance(response, Mapping)
            else Response.OPTIONAL
            if response.get("optional")
            else Response.ONLY,
        )

    @property
    def risk(self) -> Risk:
        """What is not known to stay in the house may reach others."""
        called = f"{self.domain}.{self.name}"
        if called in READS:
            return Risk.READ
        if self.domain in HARMFUL or called in OPENING:
            return Risk.DANGEROUS
        return Risk.WRITE if self.domain in AT_HOME else Risk.OUTSIDE

    def schema(self) -> vol.Schema:
        """Checks what is certain from the description; the server itself checks all of it."""
        checks: dict[str, Callable[[Any], Any]] = {}
        required: list[str] = []
        for name, about in self.fields.items():
            selector = about.get("selector")
            kind = next(iter(selector), "") if isinstance(selector, Mapping) else ""
            if kind in _CHECKS and not (selector.get(kind) or {}).get("multiple"):
                checks[name] = _CHECKS[kind]
            if about.get("required") is True and "default" not in about and self.domain != "script":
                required.append(name)

        def check(data: Any) -> dict[str, Any]:
            found = dict(data)
            missing = [name for name in required if name not in found]
            errors: list[vol.Invalid] = [
                vol.RequiredFieldInvalid("required key not provided", [one]) for one in missing
            ]
            for name, is_right in checks.items():
                if name in found:
                    try:
                        is_right(found[name])
                    except vol.Invalid as error:
                        error.prepend([name])
                        errors.append(error)
            if errors:
                raise vol.MultipleInvalid(errors)
            if "entity_id" in found:
                found["entity_id"] = _ids(found["entity_id"])
            return found

        return vol.Schema(check)


_CHECKS: Mapping[str, Callable[[Any], Any]] = {"boolean": cv.boolean, "number": cv.number}
"""By the kind of the selector."""


def _ids(given: Any) -> list[str]:
    if isinstance(given, str):
        given = given.split(",")
    ids = [str(one).strip().lower() for one in given] if isinstance(given, list) else []
    return [] if ids == ["none"] else ids


def _flat(told: Any) -> dict[str, Any]:
    """The fields, with those that are grouped into sections."""
    fields: dict[str, Any] = {}
    for name, about in told.items() if isinstance(told, Mapping) else ():
        if not isinstance(about, Mapping):
            about = {}
        if isinstance(about.get("fields"), Mapping):
            fields.update(_flat(about["fields"]))
        elif name == "entity_id" or name not in TARGETS:
            fields[str(name)] = dict(about)
    return fields


def _entity_domain(target: Any) -> str | None:
    """The one domain that it acts on; None where it is none or several."""
    found: set[str] = set()
    entities = target.get("entity") if isinstance(target, Mapping) else None
    for one in entities if isinstance(entities, list) else [entities]:
        domains = one.get("domain") if isinstance(one, Mapping) else None
        if not domains:
            return None
        found.update([domains] if isinstance(domains, str) else map(str, domains))
    return found.pop() if len(found) == 1 else None
