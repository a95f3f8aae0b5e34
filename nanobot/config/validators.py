"""The words of schemas: ``from nanobot.config import validators as cv``.

Each takes what stands in YAML and gives what code wants, or raises a ``vol.Invalid`` that says what would be right.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

from nanobot.config.items import Items
from nanobot.config.times import date, datetime, positive_time_period, time, time_period, weekday, weekdays
from nanobot.config.wrong import Wrong, expected, not_one_of, out_of_range
from nanobot.util.secrets import Secret, SecretText
from nanobot.util.text import nearest, shorten, slugify
from nanobot.util.yaml import Input

__all__ = [
    "Items",
    "Wrong",
    "boolean",
    "chat_id",
    "country",
    "currency",
    "date",
    "datetime",
    "ensure_list",
    "ensure_list_csv",
    "entity_domain",
    "entity_id",
    "entity_ids",
    "existing_file",
    "existing_folder",
    "has_at_least_one_key",
    "has_at_most_one_key",
    "icon",
    "identifier",
    "language",
    "latitude",
    "longitude",
    "match_all",
    "number",
    "one_of",
    "port",
    "positive_float",
    "positive_int",
    "positive_time_period",
    "secret",
    "service_name",
    "size",
    "slug",
    "slug_keys",
    "small_float",
    "string",
    "string_with_no_html",
    "template",
    "time",
    "time_period",
    "time_zone",
    "url",
    "weekday",
    "weekdays",
    "whole_number",
]

SECRETS: ContextVar[set[str] | None] = ContextVar("secrets", default=None)
"""Where ``secret`` leaves the values it has seen, so that the log can hide them."""

_ENTITY_ID = re.compile(r"(?!_)[a-z0-9_]+(?<!_)\.(?!_)[a-z0-9_]+(?<!_)")
_SLUG = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*(?:([kmgt])i?b?|b|bytes?)?", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4}|-[0-9]{3})*")

TRUE = frozenset({"1", "true", "yes", "on", "enable"})
FALSE = frozenset({"0", "false", "no", "off", "disable"})


# -- simple values --------------------------------------------------------------------------------


def string(value: Any) -> str:
    """Text; numbers and truth values are taken as they are written in Python."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (dict, list, Input)):
        text = getattr(value, "text", None)  # of a template whose result reads like a list, such as "milk, eggs"
        if isinstance(text, str):
            return text
        raise expected("text", value)
    return str(value)


def string_with_no_html(value: Any) -> str:
    """Text that a page may show as it is."""
    text = string(value)
    if re.search(r"<[a-zA-Z/!]", text):
        raise Wrong("has_html", value=shorten(value))
    return text


def boolean(value: Any) -> bool:
    """Also on, off, yes, no, enable, disable, 1 and 0."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.strip().lower()) in TRUE | FALSE:
        return word in TRUE
    if isinstance(value, (int, float)):
        return value != 0
    raise expected("bool", value)


def number(value: Any) -> float:
    """Any number, also as text."""
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        raise expected("float", value)
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise expected("float", value) from None
    if found != found or found in (float("inf"), float("-inf")):
        raise expected("float", value)
    return found


def whole_number(value: Any) -> int:
    """A number without a fraction, also as text."""
    if type(value) is int:
        return value
    found = number(value)
    if found != int(found):
        raise expected("int", value)
    return int(value) if isinstance(value, int) else int(found)


def _within(kind: Callable[[Any], Any], low: float | None, high: float | None = None) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        found = kind(value)
        if (low is not None and found < low) or (high is not None and found > high):
            raise out_of_range(value, low, high)
        return found

    return check


def positive_int(value: Any) -> int:
    """0 or more."""
    return int(_within(whole_number, 0)(value))


def positive_float(value: Any) -> float:
    """0 or more."""
    return float(_within(number, 0)(value))


def small_float(value: Any) -> float:
    """From 0 to 1."""
    return float(_within(number, 0, 1)(value))


def port(value: Any) -> int:
    """A TCP or UDP port."""
    return int(_within(whole_number, 1, 65535)(value))


def latitude(value: Any) -> float:
    """Degrees north."""
    return float(_within(number, -90, 90)(value))


def longitude(value: Any) -> float:
    """Degrees east."""
    return float(_within(number, -180, 180)(value))


def size(value: Any) -> int:
    """Bytes: a number, or text such as ``20 MB``, where each unit is 1024 of the one before."""
    if isinstance(value, (bool, dict, list)) or value is None:
        raise Wrong("not_a_size", value=shorten(value))
    found = _SIZE.fullmatch(str(value).strip())
    if found is None:
        raise Wrong("not_a_size", value=shorten(value))
    power = "kmgt".index(found[2].lower()) + 1 if found[2] else 0
    return int(float(found[1]) * 1024**power)


def one_of(*options: Any, fold: bool = False) -> Callable[[Any], Any]:
    """One of these values; ``fold``: capital letters do not matter."""

    def check(value: Any) -> Any:
        wanted = value.lower() if fold and isinstance(value, str) else value
        for option in options:
            if wanted == option and isinstance(wanted, bool) == isinstance(option, bool):
                return option
        raise not_one_of(value, options)

    check.options = options  # type: ignore[attr-defined]
    return check


def match_all(value: Any) -> Any:
    """Anything."""
    return value


def secret(value: Any) -> Secret:
    """Text that is never to be printed. The log hides it from now on."""
    if isinstance(value, Secret):
        return value
    if value is None or isinstance(value, (dict, list, bool, Input)) or not str(value):
        raise Wrong("not_a_secret")
    seen = SECRETS.get()
    if seen is not None:
        seen.add(str(value))
    return Secret(str(value))


def template(value: Any) -> Any:
    """Text with or without ``{{ }}``. Rendered by whoever takes it."""
    if isinstance(value, (dict, list)) or value is None:
        raise expected("text", value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)


# -- names ----------------------------------------------------------------------------------------


def slug(value: Any) -> str:
    """Small letters, digits and single underscores, as in the second half of an entity id."""
    text = string(value)
    if not _SLUG.fullmatch(text):
        raise Wrong("not_a_slug", value=shorten(value), nearest=slugify(text))
    return text


def identifier(value: Any) -> str:
    """A name as Python has it: small letters, digits and underscores, no digit first."""
    text = string(value)
    if not _IDENTIFIER.fullmatch(text):
        raise Wrong("not_a_slug", value=shorten(value), nearest=slugify(text))
    return text


def entity_id(value: Any) -> str:
    """``light.kitchen``; capital letters are made small."""
    text = string(value).strip().lower()
    if not _ENTITY_ID.fullmatch(text):
        raise Wrong("not_an_entity_id", value=shorten(value))
    return text


def entity_ids(value: Any) -> list[str]:
    """One entity id, several with commas between, or a list."""
    if value is None:
        raise expected("entity_id,list", value)
    if isinstance(value, str):
        return [entity_id(part.strip()) for part in value.split(",") if part.strip()]
    return _each(entity_id, ensure_list(value))


def entity_domain(*domains: str) -> Callable[[Any], str]:
    """An entity id of one of these domains."""

    def check(value: Any) -> str:
        found = entity_id(value)
        if found.partition(".")[0] not in domains:
            raise Wrong("wrong_domain", value=shorten(value), domains=", ".join(domains))
        return found

    return check


def service_name(value: Any) -> str:
    """``light.turn_on``."""
    text = string(value).strip().lower()
    if not _ENTITY_ID.fullmatch(text):
        raise Wrong("not_a_service", value=shorten(value))
    return text


def icon(value: Any) -> str:
    """``mdi:lightbulb``: a set and a name in it."""
    text = string(value)
    if not re.fullmatch(r"[a-z0-9-]+:[a-z0-9_-]+", text):
        raise Wrong("not_an_icon", value=shorten(value))
    return text


def chat_id(value: Any) -> str:
    """The id of a person or chat on some platform, a number or a name; ``*`` for everybody is never one."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise Wrong("not_a_chat", value=shorten(value))
    return str(value).strip()


def language(value: Any) -> str:
    """``de`` or ``pt-BR``."""
    text = string(value)
    if not _LANGUAGE.fullmatch(text):
        raise Wrong("not_a_language", value=shorten(value))
    return text


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def time_zone(value: Any) -> str:
    """``Europe/Amsterdam``: a name of the IANA time zone database."""
    text = string(value)
    try:
        zoneinfo.ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        told = {"value": shorten(value)}
        near = nearest(text, _time_zones()) or nearest(text, (name.rpartition("/")[2] for name in _time_zones()))
        if near:
            told["nearest"] = next((zone for zone in sorted(_time_zones()) if zone.endswith(f"/{near}")), near)
        raise Wrong("not_a_time_zone", None, **told) from None
    return text


def country(value: Any) -> str:
    """Two capital letters, ISO 3166: ``NL``."""
    text = string(value).upper()
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise Wrong("not_a_country", value=shorten(value))
    return text


def currency(value: Any) -> str:
    """Three capital letters, ISO 4217: ``EUR``."""
    text = string(value).upper()
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise Wrong("not_a_currency", value=shorten(value))
    return text


def url(value: Any) -> str:
    """An address with ``http://`` or ``https://``. A ``SecretText`` stays one."""
    text = string(value)
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
        _ = parts.port  # raises when it is no number
    except ValueError:
        valid = False
    if not valid:
        raise Wrong("not_a_url", value=shorten(value))
    return text


def existing_file(value: Any) -> Path:
    """The path of a file that is there; ``~`` is the home folder."""
    found = Path(string(value)).expanduser()
    if not found.is_file():
        raise Wrong("no_such_file", value=shorten(value))
    return found


def existing_folder(value: Any) -> Path:
    """The path of a folder that is there; ``~`` is the home folder."""
    found = Path(string(value)).expanduser()
    if not found.is_dir():
        raise Wrong("no_such_folder", value=shorten(value))
    return found


# -- lists and mappings ---------------------------------------------------------------------------


def ensure_list(value: Any) -> list[Any]:
    """A list stays one, nothing is the empty list, anything else is a list of itself."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def ensure_list_csv(value: Any) -> list[Any]:
    """As ``ensure_list``; a text is cut at its commas."""
    if isinstance(value, str):
        cut = [part.strip() for part in value.split(",")]
        return [SecretText(part) for part in cut] if isinstance(value, SecretText) else cut
    return ensure_list(value)


def _each(check: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    found, errors = [], []
    for index, value in enumerate(values):
        try:
            found.append(check(value))
        except vol.Invalid as error:
            error.prepend([index])
            errors.append(error)
    if errors:
        raise vol.MultipleInvalid(errors)
    return found


def slug_keys(schema: Any) -> vol.Schema:
    """A mapping from names of the user's own to values of this schema."""
    return vol.Schema({slug: schema})


def has_at_least_one_key(*keys: str) -> Callable[[Any], Any]:
    """For ``vol.All({…}, cv.has_at_least_one_key("a", "b"))``."""

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise expected("mapping", value)
        if not any(key in value for key in keys):
            raise Wrong("needs_one_of", options=", ".join(f"'{key}'" for key in keys))
        return value

    return check


def has_at_most_one_key(*keys: str) -> Callable[[Any], Any]:
    """For ``vol.All({…}, cv.has_at_most_one_key("a", "b"))``."""

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise expected("mapping", value)
        if sum(key in value for key in keys) > 1:
            raise Wrong("only_one_of", options=", ".join(f"'{key}'" for key in keys))
        return value

    return check
