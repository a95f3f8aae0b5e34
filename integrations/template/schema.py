"""What may be written of a template entity, and of a section of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.parse import actions, conditions, item_id, renamed, triggers, variables
from nanobot.config import validators as cv
from nanobot.config.wrong import expected
from nanobot.templates import compile_value, has_template
from nanobot.templates import validators as tv

from .classes import BINARY_SENSOR_CLASSES, BUTTON_CLASSES, SENSOR_CLASSES, STATE_CLASSES

OLD_KEYS = {"trigger": "triggers", "condition": "conditions", "action": "actions"}
ELSEWHERE = frozenset(
    {"alarm_control_panel", "cover", "event", "fan", "image", "light", "lock", "update", "vacuum", "weather"}
)
"""Kinds of template entities that Home Assistant has and that have no meaning here."""
OLD_FORMS = frozenset({"sensors", "binary_sensors"})
OTHERS = ELSEWHERE | OLD_FORMS
"""Keys of a section that are wrong and say nothing about the entities of other kinds in it."""


def _attributes(value: Any) -> dict[str, Any]:
    """Names to templates."""
    if not isinstance(value, Mapping):
        raise expected("mapping", value)
    made: dict[str, Any] = {}
    for name, one in value.items():
        try:
            made[str(name)] = tv.template(one)
        except vol.Invalid as error:
            error.prepend([name])
            raise
    return made


def _period(value: Any) -> Any:
    """A duration, a template for one, or a mapping with templates in it."""
    if has_template(value):
        tv.template_value(value)
        return compile_value(value)
    return cv.positive_time_period(value)


def _class_of(classes: frozenset[str]) -> Any:
    return vol.Any(None, cv.one_of(*sorted(classes), fold=True))


def _pattern(value: Any) -> str:
    text = cv.string(value)
    try:
        re.compile(text)
    except re.error as error:
        raise vol.Invalid(f"is no regular expression: {error}") from error
    return text


def _unique_id(value: Any) -> str:
    return item_id(value)


_COMMON: Mapping[Any, Any] = {
    vol.Optional("unique_id"): _unique_id,
    vol.Optional("default_entity_id"): cv.entity_id,
    vol.Optional("icon"): tv.template,
    vol.Optional("picture"): tv.template,
    vol.Optional("availability"): tv.template,
    vol.Optional("attributes"): _attributes,
    vol.Optional("variables", default=dict): variables,
}
_NAME: Mapping[Any, Any] = {vol.Optional("name"): tv.template}


def _name(default: str) -> Mapping[Any, Any]:
    """The name that Home Assistant gives to one that can be acted on and has none."""
    return {vol.Optional("name", default=default): tv.template}


def _last_reset_of_a_total(config: dict[str, Any]) -> dict[str, Any]:
    if "last_reset" in config and config.get("state_class") != "total":
        raise vol.Invalid("has a meaning only with state_class: total", path=["last_reset"])
    return config


def _from_least_to_most(config: dict[str, Any]) -> dict[str, Any]:
    if config["min"] > config["max"]:
        raise vol.Invalid("is more than max", path=["min"])
    return config


_LENGTH = vol.All(cv.whole_number, vol.Range(min=0, max=255))

ENTITIES: Mapping[str, vol.Schema] = {
    "sensor": vol.Schema(
        vol.All(
            {
                **_COMMON,
                **_NAME,
                vol.Required("state"): tv.template,
                vol.Optional("unit_of_measurement"): vol.Any(None, cv.string),
                vol.Optional("device_class"): _class_of(SENSOR_CLASSES),
                vol.Optional("state_class"): _class_of(STATE_CLASSES),
                vol.Optional("last_reset"): tv.template,
            },
            _last_reset_of_a_total,
        )
    ),
    "binary_sensor": vol.Schema(
        {
            **_COMMON,
            **_NAME,
            vol.Required("state"): tv.template,
            vol.Optional("device_class"): _class_of(BINARY_SENSOR_CLASSES),
            vol.Optional("delay_on"): _period,
            vol.Optional("delay_off"): _period,
            vol.Optional("auto_off"): _period,
        }
    ),
    "select": vol.Schema(
        {
            **_COMMON,
            **_name("Template Select"),
            vol.Optional("state"): tv.template,
            vol.Required("options"): tv.template,
            vol.Required("select_option"): actions,
            vol.Optional("optimistic", default=False): cv.boolean,
        }
    ),
    "number": vol.Schema(
        {
            **_COMMON,
            **_name("Template Number"),
            vol.Optional("state"): tv.template,
            vol.Required("set_value"): actions,
            vol.Optional("min"): tv.template,
            vol.Optional("max"): tv.template,
            vol.Optional("step"): tv.template,
            vol.Optional("unit_of_measurement"): vol.Any(None, cv.string),
            vol.Optional("optimistic", default=False): cv.boolean,
        }
    ),
    "button": vol.Schema(
        {
            **_COMMON,
            **_name("Template Button"),
            vol.Required("press"): actions,
            vol.Optional("device_class"): _class_of(BUTTON_CLASSES),
        }
    ),
    "switch": vol.Schema(
        {
            **_COMMON,
            **_name("Template Switch"),
            vol.Optional("state"): tv.template,
            vol.Required("turn_on"): actions,
            vol.Required("turn_off"): actions,
        }
    ),
    "text": vol.Schema(
        vol.All(
            {
                **_COMMON,
                **_name("Template Text"),
                vol.Optional("state"): tv.template,
                vol.Required("set_value"): actions,
                vol.Optional("min", default=0): _LENGTH,
                vol.Optional("max", default=255): _LENGTH,
                vol.Optional("pattern"): _pattern,
                vol.Optional("mode", default="text"): cv.one_of("text", "password"),
                vol.Optional("optimistic", default=False): cv.boolean,
            },
            _from_least_to_most,
        )
    ),
}
"""By domain."""


def _known_keys(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise expected("mapping", value)
    given = renamed(value, OLD_KEYS)
    wrong: list[vol.Invalid] = []
    for key in given:
        if key in ELSEWHERE:
            known = ", ".join(ENTITIES)
            wrong.append(vol.Invalid(f"there are no template entities of this kind here; there are {known}", [key]))
        elif key in OLD_FORMS:
            new = key.removesuffix("s")
            wrong.append(
                vol.Invalid(f"is the old form; write '{new}:' with 'state:' in place of 'value_template:'", [key])
            )
    if wrong:
        raise vol.MultipleInvalid(wrong)
    return given


def _triggers_where_needed(section: dict[str, Any]) -> dict[str, Any]:
    for key in ("conditions", "actions"):
        if key in section and "triggers" not in section:
            raise vol.Invalid(
                "needs 'triggers' beside it; without them, entities follow what their templates read", [key]
            )
    if "triggers" in section and section.get("button"):
        raise vol.Invalid(
            "has no state that a trigger could give it; put it into a section without triggers", ["button"]
        )
    return section


HEAD = vol.Schema(
    {
        vol.Optional("triggers"): triggers,
        vol.Optional("conditions"): conditions,
        vol.Optional("actions"): actions,
        vol.Optional("variables", default=dict): variables,
        vol.Optional("unique_id"): _unique_id,
    }
)
"""What all entities of a section share."""

SECTION = vol.Schema(
    vol.All(
        _known_keys,
        HEAD.extend({vol.Optional(domain): vol.Any(one, [one]) for domain, one in ENTITIES.items()}),
        _triggers_where_needed,
    )
)
