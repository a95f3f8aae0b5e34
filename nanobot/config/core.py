"""The block ``nanobot:`` (or ``homeassistant:``): what is true for the whole house."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.people import PEOPLE, People
from nanobot.config.problem import Problem
from nanobot.config.wrong import Wrong, expected
from nanobot.contracts.media import MediaLimits
from nanobot.util.text import shorten

KEEP_DAYS = 30
REQUIREMENTS = ("auto", "ask", "never")
UNIT_SYSTEMS = {"metric": "metric", "us_customary": "us_customary", "imperial": "us_customary"}
_MEDIA_TYPE = re.compile(r"\*/\*|[a-z]+/(?:\*|[a-z0-9][a-z0-9.+_-]*)")
NOT_USED = ("auth_mfa_modules", "auth_providers", "legacy_templates", "temperature_unit")
"""Home Assistant's options that mean nothing here; a warning says so."""


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """``customize``, ``customize_domain`` and ``customize_glob`` map entity ids, domains and patterns to attributes.

    ``requirements`` says whether libraries of integrations are installed by themselves. ``agent`` is the entry that
    answers where no other is named; None is the first there is. ``people``: who is the same person on several channels.
    """

    name: str = "Home"
    language: str = "en"
    time_zone: str = "UTC"
    country: str | None = None
    currency: str = "EUR"
    latitude: float = 0.0
    longitude: float = 0.0
    elevation: int = 0
    radius: int = 100
    unit_system: str = "metric"
    internal_url: str | None = None
    external_url: str | None = None
    allowlist_external_dirs: tuple[Path, ...] = ()
    allowlist_external_urls: tuple[str, ...] = ()
    media_dirs: Mapping[str, Path] = field(default_factory=dict)
    media: MediaLimits = field(default_factory=MediaLimits)
    customize: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    customize_domain: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    customize_glob: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    requirements: str = "auto"
    agent: str | None = None
    debug: bool = False
    people: People = field(default_factory=People)
    keep_days: int = KEEP_DAYS
    """Days that a message stays after it was answered or sent."""

    def customized(self, entity_id: str) -> dict[str, Any]:
        """The attributes that an entity is given: those of its domain, of each pattern that fits, then its own."""
        attributes = dict(self.customize_domain.get(entity_id.partition(".")[0], ()))
        for pattern, more in self.customize_glob.items():
            if fnmatchcase(entity_id, pattern):
                attributes.update(more)
        attributes.update(self.customize.get(entity_id, ()))
        return attributes


def _unit_system(value: Any) -> str:
    return UNIT_SYSTEMS[cv.one_of(*UNIT_SYSTEMS)(value)]


_unit_system.options = tuple(UNIT_SYSTEMS)  # type: ignore[attr-defined]


def _pattern(value: Any) -> str:
    text = cv.string(value).strip().lower()
    if not text or " " in text:
        raise expected("entity_id", value)
    return text


def _attributes(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise expected("mapping", value)
    return {cv.string(key): item for key, item in value.items()}


def _media_type(value: Any) -> str:
    """``image/png``, ``image/*``, or ``*`` for all."""
    text = cv.string(value).strip().lower()
    if text == "*":
        return "*/*"
    if not _MEDIA_TYPE.fullmatch(text):
        raise Wrong("not_a_media_type", value=shorten(value))
    return text


def _each(schema: Any) -> Any:
    return vol.All(cv.ensure_list, [schema], lambda values: tuple(values))


def _or_nothing(schema: Any) -> Any:
    return vol.All(lambda value: {} if value is None else value, schema)


SCHEMA = vol.Schema(
    {
        vol.Optional("name"): cv.string,
        vol.Optional("language"): cv.language,
        vol.Optional("time_zone"): cv.time_zone,
        vol.Optional("country"): cv.country,
        vol.Optional("currency"): cv.currency,
        vol.Optional("latitude"): cv.latitude,
        vol.Optional("longitude"): cv.longitude,
        vol.Optional("elevation"): cv.whole_number,
        vol.Optional("radius"): cv.positive_int,
        vol.Optional("unit_system"): _unit_system,
        vol.Optional("internal_url"): cv.url,
        vol.Optional("external_url"): cv.url,
        vol.Optional("allowlist_external_dirs"): _each(cv.existing_folder),
        vol.Optional("allowlist_external_urls"): _each(cv.url),
        vol.Optional("media_dirs"): _or_nothing({cv.slug: cv.existing_folder}),
        vol.Optional("media"): _or_nothing(
            {
                vol.Optional("max_size"): cv.size,
                vol.Optional("max_total"): cv.size,
                vol.Optional("keep_days"): vol.All(cv.whole_number, vol.Range(min=1, max=36_500)),
                vol.Optional("types"): _each(_media_type),
            }
        ),
        vol.Optional("customize"): _or_nothing({cv.entity_id: _attributes}),
        vol.Optional("customize_domain"): _or_nothing({cv.slug: _attributes}),
        vol.Optional("customize_glob"): _or_nothing({_pattern: _attributes}),
        vol.Optional("packages"): _or_nothing({cv.slug: dict}),
        vol.Optional("requirements"): cv.one_of(*REQUIREMENTS),
        vol.Optional("agent"): cv.string,
        vol.Optional("debug"): cv.boolean,
        vol.Optional("people"): PEOPLE,
        vol.Optional("messages"): _or_nothing(
            {vol.Optional("keep_days"): vol.All(cv.whole_number, vol.Range(min=1, max=36_500))}
        ),
    }
)


def check_core(data: Mapping[str, Any], key: str) -> tuple[CoreConfig, list[Problem]]:
    """The core's configuration and what is wrong with it; a wrong option has its default. ``key``: as it is written.

    The problems are without file and line.
    """
    problems = [Problem("not_used", {"name": name}, path=(key, name), severity="warning")
                for name in data if name in NOT_USED]  # fmt: skip
    wanted = {name: value for name, value in data.items() if name not in NOT_USED}
    valid: dict[str, Any] = {"time_zone": local_zone()}
    for name, value in wanted.items():
        try:
            valid.update(SCHEMA({name: value}))
        except vol.Invalid as error:
            problems += explain(error, wanted, (key,), SCHEMA)
            if isinstance(value, dict):
                valid.update(_what_is_good(name, value))
    valid["keep_days"] = valid.pop("messages", {}).get("keep_days", KEEP_DAYS)
    valid["people"] = People(valid.get("people", {}))
    valid["media"] = MediaLimits(**valid.get("media", {}))
    return CoreConfig(**valid), problems


def _what_is_good(name: str, value: dict[Any, Any]) -> dict[str, Any]:
    """Of a mapping with something wrong in it the rest."""
    good: dict[Any, Any] = {}
    for key, item in value.items():
        try:
            good.update(SCHEMA({name: {key: item}})[name])
        except vol.Invalid:
            continue
    return {name: good} if name in SCHEMA.schema else {}


def local_zone() -> str:
    """The time zone of the machine, UTC when it does not say."""
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    localtime = Path("/etc/localtime")
    if localtime.is_symlink():
        candidates.append(str(localtime.readlink()).partition("zoneinfo/")[2])
    with contextlib.suppress(OSError, UnicodeDecodeError):
        candidates.append(Path("/etc/timezone").read_text(encoding="utf-8").strip())
    for name in filter(None, candidates):
        try:
            return cv.time_zone(name)
        except vol.Invalid:
            continue
    return "UTC"
