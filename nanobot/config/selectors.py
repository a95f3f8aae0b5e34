"""The kinds of input that a blueprint may ask for: how each is written, and which values it takes.

The names and options are Home Assistant's (2025.4). A value may always be a template, and values that only do not
look like what was meant, such as an entity of another domain, are doubted, not refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from nanobot.config import selector_checks as checks
from nanobot.config import validators as cv
from nanobot.config.explain import explain, flat
from nanobot.config.problem import Problem
from nanobot.config.selector_checks import Check, Doubt, is_template
from nanobot.util.text import nearest
from nanobot.util.yaml import Path as Steps


@dataclass(frozen=True, slots=True)
class Selector:
    """``options`` is the schema of what may stand behind its name, ``check`` raises for values that do not fit.

    ``may_be_empty``: nothing chosen is also a choice.
    """

    options: vol.Schema
    check: Check
    may_be_empty: bool = False


# -- all of them ------------------------------------------------------------------------------------

_MANY = {vol.Optional("multiple"): cv.boolean}
_ENTITY_FILTER: dict[Any, Any] = {
    vol.Optional("integration"): cv.string,
    vol.Optional("domain"): vol.All(cv.ensure_list, [cv.string]),
    vol.Optional("device_class"): vol.All(cv.ensure_list, [cv.string]),
    vol.Optional("supported_features"): cv.match_all,
}
_DEVICE_FILTER: dict[Any, Any] = {
    vol.Optional("integration"): cv.string,
    vol.Optional("manufacturer"): cv.string,
    vol.Optional("model"): cv.string,
    vol.Optional("model_id"): cv.string,
}
_OF_PLACES = {
    vol.Optional("entity"): vol.All(cv.ensure_list, [_ENTITY_FILTER]),
    vol.Optional("device"): vol.All(cv.ensure_list, [_DEVICE_FILTER]),
    **_MANY,
}
_SELECT_OPTION = vol.Any(
    vol.Schema({vol.Required("value"): cv.string, vol.Required("label"): cv.string}, extra=vol.ALLOW_EXTRA),
    vol.Any(str, int, float, bool),
)


def _of(options: Mapping[Any, Any], check: Check, *, may_be_empty: bool = False, then: Any = None) -> Selector:
    schema = vol.Schema(dict(options))
    return Selector(schema if then is None else vol.Schema(vol.All(schema, then)), check, may_be_empty)


_TEXT = checks.plain(cv.string)
_TEXTS = checks.one_or_many(cv.string)

SELECTORS: Mapping[str, Selector] = {
    "action": _of({}, checks.plain(checks.listed_mappings(texts=True)), may_be_empty=True),
    "addon": _of({vol.Optional("name"): cv.string, vol.Optional("slug"): cv.string}, _TEXT),
    "area": _of(_OF_PLACES, _TEXTS, may_be_empty=True),
    "assist_pipeline": _of({}, _TEXT),
    "attribute": _of(
        {vol.Required("entity_id"): cv.match_all, vol.Optional("hide_attributes"): [cv.string]},
        _TEXT,
        may_be_empty=True,
    ),
    "backup_location": _of({}, _TEXT),
    "boolean": _of({}, checks.plain(checks.boolean)),
    "color_rgb": _of({}, checks.plain(checks.color)),
    "color_temp": _of(
        {
            vol.Optional("unit"): cv.one_of("kelvin", "mired"),
            **{vol.Optional(name): cv.number for name in ("min", "max", "min_mireds", "max_mireds")},
        },
        checks.color_temp,
    ),
    "condition": _of({}, checks.plain(checks.listed_mappings(texts=True)), may_be_empty=True),
    "config_entry": _of({vol.Optional("integration"): cv.string}, _TEXT),
    "constant": _of(
        {
            vol.Required("value"): vol.Any(str, int, float, bool),
            vol.Optional("label"): cv.string,
            vol.Optional("translation_key"): cv.string,
        },
        checks.constant,
    ),
    "conversation_agent": _of({vol.Optional("language"): cv.string}, _TEXT),
    "country": _of(
        {vol.Optional("countries"): [cv.string], vol.Optional("no_sort"): cv.boolean}, checks.plain(cv.country)
    ),
    "date": _of({}, checks.plain(cv.date)),
    "datetime": _of({}, checks.plain(cv.datetime)),
    "device": _of(
        {
            **_DEVICE_FILTER,
            **_OF_PLACES,
            vol.Optional("filter"): vol.All(cv.ensure_list, [_DEVICE_FILTER]),
        },
        _TEXTS,
        may_be_empty=True,
    ),
    "duration": _of(
        {vol.Optional(name): cv.boolean for name in ("enable_day", "enable_millisecond", "allow_negative")},
        checks.duration,
    ),
    "entity": _of(
        {
            **_ENTITY_FILTER,
            **_MANY,
            vol.Optional("filter"): vol.All(cv.ensure_list, [_ENTITY_FILTER]),
            vol.Optional("include_entities"): [cv.entity_id],
            vol.Optional("exclude_entities"): [cv.entity_id],
            vol.Optional("reorder"): cv.boolean,
        },
        checks.entity,
        may_be_empty=True,
    ),
    "file": _of({vol.Required("accept"): cv.string}, _TEXT),
    "floor": _of(_OF_PLACES, _TEXTS, may_be_empty=True),
    "icon": _of({vol.Optional("placeholder"): cv.string}, checks.plain(cv.icon), may_be_empty=True),
    "label": _of(_MANY, _TEXTS, may_be_empty=True),
    "language": _of(
        {
            vol.Optional("languages"): [cv.string],
            vol.Optional("native_name"): cv.boolean,
            vol.Optional("no_sort"): cv.boolean,
        },
        checks.plain(cv.language),
    ),
    "location": _of(
        {vol.Optional("radius"): cv.boolean, vol.Optional("icon"): cv.string}, checks.plain(checks.location)
    ),
    "media": _of({vol.Optional("accept"): [cv.string]}, checks.plain(checks.media), may_be_empty=True),
    "number": _of(
        {
            vol.Optional("min"): cv.number,
            vol.Optional("max"): cv.number,
            vol.Optional("step"): checks.step,
            vol.Optional("unit_of_measurement"): cv.string,
            vol.Optional("mode"): cv.one_of("box", "slider"),
            vol.Optional("translation_key"): cv.string,
        },
        checks.number,
        then=checks.slider,
    ),
    "object": _of({}, checks.anything),
    "qr_code": _of(
        {
            vol.Required("data"): cv.string,
            vol.Optional("scale"): cv.positive_int,
            vol.Optional("error_correction_level"): cv.one_of("low", "medium", "quartile", "high"),
        },
        checks.anything,
    ),
    "select": _of(
        {
            vol.Required("options"): [_SELECT_OPTION],
            vol.Optional("mode"): cv.one_of("dropdown", "list", "box"),
            vol.Optional("custom_value"): cv.boolean,
            vol.Optional("translation_key"): cv.string,
            vol.Optional("sort"): cv.boolean,
            **_MANY,
        },
        checks.select,
    ),
    "state": _of(
        {vol.Optional("entity_id"): cv.match_all, vol.Optional("hide_states"): [cv.string], **_MANY},
        _TEXTS,
        may_be_empty=True,
    ),
    "target": _of(
        {
            vol.Optional("entity"): vol.All(cv.ensure_list, [_ENTITY_FILTER]),
            vol.Optional("device"): vol.All(cv.ensure_list, [_DEVICE_FILTER]),
        },
        checks.plain(checks.target),
        may_be_empty=True,
    ),
    "template": _of({}, checks.plain(cv.template)),
    "text": _of(
        {
            vol.Optional("multiline"): cv.boolean,
            vol.Optional("prefix"): cv.string,
            vol.Optional("suffix"): cv.string,
            vol.Optional("type"): cv.one_of(
                *("number", "text", "search", "tel", "url", "email", "password"),
                *("date", "month", "week", "time", "datetime-local", "color"),
            ),
            vol.Optional("autocomplete"): cv.string,
            **_MANY,
        },
        _TEXTS,
        may_be_empty=True,
    ),
    "theme": _of({vol.Optional("include_default"): cv.boolean}, _TEXT),
    "time": _of({vol.Optional("no_second"): cv.boolean}, checks.plain(cv.time)),
    "trigger": _of({}, checks.plain(checks.listed_mappings(texts=False)), may_be_empty=True),
}


# -- what others ask ----------------------------------------------------------------------------------


def selector_problems(selector: Any, path: Steps) -> Iterator[Problem]:
    """What is wrong with a selector as it is written. One that is not known takes any value, with a warning."""
    if selector is None:
        return
    if isinstance(selector, str):
        selector = {selector: None}
    if not isinstance(selector, dict) or len(selector) != 1:
        yield Problem("selector_not_one", path=path)
        return
    name, options = next(iter(selector.items()))
    found = SELECTORS.get(name)
    if found is None:
        told = {"name": str(name)}
        if near := nearest(name, SELECTORS):
            told["nearest"] = near
        yield Problem("selector_unknown", told, path=(*path, name), severity="warning")
        return
    try:
        found.options({} if options is None else options)
    except vol.Invalid as error:
        for problem in explain(error, options, (*path, name), found.options):
            newer = problem.key.startswith(("unknown_option", "no_options"))  # a later release may know it
            yield _warning(problem) if newer else problem


def value_problems(selector: Any, value: Any, path: Steps) -> Iterator[Problem]:
    """What is wrong with the value that somebody gave where a blueprint has this selector."""
    if isinstance(selector, str):
        selector = {selector: None}
    name, options = next(iter(selector.items())) if isinstance(selector, dict) and selector else (None, None)
    found = SELECTORS.get(name) if isinstance(name, str) else None
    if found is None or is_template(value) or (found.may_be_empty and value in (None, "", [], {})):
        return
    try:
        found.check(options or {}, value)
    except vol.Invalid as error:
        for single in flat(error):
            for problem in explain(single, value, path):
                yield _warning(problem) if isinstance(single, Doubt) else problem


def _warning(problem: Problem) -> Problem:
    return Problem(problem.key, problem.placeholders, path=problem.path, severity="warning")
