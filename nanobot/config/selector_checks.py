"""Which values fit the selectors of blueprints: one check for each kind that has rules of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.explain import flat
from nanobot.config.wrong import Wrong, expected, not_one_of, out_of_range
from nanobot.util.text import shorten

Options = Mapping[str, Any]
Check = Callable[[Options, Any], object]
"""Raises ``vol.Invalid`` for a value that does not fit, given what stands behind the selector's name."""

TARGET = ("entity_id", "device_id", "area_id", "floor_id", "label_id")
_TEMPLATE = re.compile(r"\{[{%#]")
_REGISTRY_ID = re.compile(r"[0-9a-f]{32}")


class Doubt(Wrong):
    """A value that probably is not what was meant, but may work."""


def is_template(value: Any) -> bool:
    """Whether the value is only made when it is used."""
    return isinstance(value, str) and _TEMPLATE.search(value) is not None


def one_or_many(check: Callable[[Any], Any]) -> Check:
    """One value, or with ``multiple: true`` also a list."""

    def checked(options: Options, value: Any) -> None:
        if not options.get("multiple"):
            check(value)
        else:
            every(check, value if isinstance(value, list) else [value])

    return checked


def every(check: Callable[[Any], Any], values: Iterable[Any]) -> None:
    errors: list[vol.Invalid] = []
    for index, value in enumerate(values):
        try:
            if not is_template(value):
                check(value)
        except vol.Invalid as error:
            error.prepend([index])
            errors += flat(error)
    if errors:
        raise vol.MultipleInvalid(errors)


def plain(check: Callable[[Any], Any]) -> Check:
    return lambda options, value: check(value)


def boolean(value: Any) -> None:
    word = value.strip().lower() if isinstance(value, str) else None
    if not isinstance(value, bool) and word not in cv.TRUE | cv.FALSE:
        raise expected("bool", value)


def number(options: Options, value: Any) -> None:
    found = cv.number(value)
    low, high = options.get("min"), options.get("max")
    if (low is not None and found < low) or (high is not None and found > high):
        raise out_of_range(value, low, high)


def duration(options: Options, value: Any) -> None:
    if isinstance(value, dict) and any(map(is_template, value.values())):
        value = {unit: 1 if is_template(amount) else amount for unit, amount in value.items()}
    (cv.time_period if options.get("allow_negative", True) else cv.positive_time_period)(value)


def color(value: Any) -> None:
    if not isinstance(value, list) or len(value) != 3:
        raise Wrong("not_a_color", value=shorten(value))
    for part in value:
        if not 0 <= cv.whole_number(part) <= 255:
            raise out_of_range(part, 0, 255)


def color_temp(options: Options, value: Any) -> None:
    names = ("min", "max") if options.get("unit") else ("min_mireds", "max_mireds")
    low, high = (options.get(name) for name in names)
    number({"min": low, "max": high}, value)


def select(options: Options, value: Any) -> None:
    known = [option["value"] if isinstance(option, dict) else option for option in options.get("options", ())]

    def one(item: Any) -> None:
        if isinstance(item, (dict, list)) or item is None:
            raise expected("text", item)
        if not options.get("custom_value") and item not in known and str(item) not in map(str, known):
            raise not_one_of(item, known)

    one_or_many(one)(options, value)


def entity(options: Options, value: Any) -> None:
    allowed = [set(cv.ensure_list(one.get("domain"))) for one in filters(options)]
    domains = sorted(set().union(*allowed)) if allowed and all(allowed) else []

    def one(item: Any) -> None:
        if isinstance(item, str) and (_REGISTRY_ID.fullmatch(item) or item in ("all", "none")):
            return
        found = cv.entity_id(item)
        if domains and found.partition(".")[0] not in domains:
            raise Doubt("wrong_domain", value=shorten(item), domains=", ".join(domains))
        include, exclude = options.get("include_entities"), options.get("exclude_entities") or ()
        if (include and found not in include) or found in exclude:
            raise Doubt("not_selectable", value=shorten(item))

    if isinstance(value, str) and "," in value:
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        one(value)
        return
    every(one, value)
    if not options.get("multiple"):  # most places take several all the same
        raise Doubt("wrong_kind", expected="@entity_id", got="@list")


def filters(options: Options) -> list[Mapping[str, Any]]:
    """Any one of these has to hold. The older spelling writes a single one into the selector itself."""
    given = cv.ensure_list(options.get("filter"))
    return given or [{"domain": options.get("domain")}]


def listed_mappings(*, texts: bool) -> Callable[[Any], None]:
    """Triggers, conditions or actions; what is wrong in them shows where the blueprint puts them."""

    def check(value: Any) -> None:
        for item in cv.ensure_list(value):
            if not isinstance(item, dict) and not (texts and isinstance(item, (str, bool))):
                raise expected("mapping,list", item)

    return check


def target(value: Any) -> None:
    if not isinstance(value, dict):
        raise expected("mapping", value)
    for key, given in value.items():
        if key not in TARGET:
            raise not_one_of(key, TARGET)
        every(cv.entity_id if key == "entity_id" else cv.string, cv.ensure_list(given))


def location(value: Any) -> None:
    vol.Schema(
        {
            vol.Required("latitude"): cv.latitude,
            vol.Required("longitude"): cv.longitude,
            vol.Optional("radius"): cv.positive_float,
        }
    )(value)


def media(value: Any) -> None:
    if not isinstance(value, dict):
        raise expected("mapping", value)


def constant(options: Options, value: Any) -> None:
    if value != options.get("value"):
        raise not_one_of(value, [options.get("value")])


def anything(options: Options, value: Any) -> None:
    return None


def slider(options: Any) -> Any:
    if options.get("mode") == "slider" and not {"min", "max"} <= options.keys():
        raise Wrong("slider_without_limits")
    low, high = options.get("min"), options.get("max")
    if low is not None and high is not None and low > high:
        raise Wrong("limits_crossed", low=f"{low:g}", high=f"{high:g}")
    return options


def step(value: Any) -> Any:
    return value if value == "any" else cv.positive_float(value)
