"""A choice of entities by ``include`` and ``exclude``, with the rules of Home Assistant's options of that name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from typing import Any

import voluptuous as vol

from . import validators as cv
from .globs import entity_globs

REMEMBERED = 10_000  # entity ids whose answer is kept


def _options() -> dict[vol.Marker, Any]:
    return {
        vol.Optional("domains", default=list): vol.All(cv.ensure_list, [cv.slug]),
        vol.Optional("entities", default=list): cv.entity_ids,
        vol.Optional("entity_globs", default=list): entity_globs,
    }


def options(more: Mapping[vol.Marker, Any] | None = None) -> dict[vol.Marker, Any]:
    """The two keys of a schema; ``more`` is what may stand below each beside domains, entities and globs."""
    return {
        vol.Optional("include", default=dict): {**_options(), **(more or {})},
        vol.Optional("exclude", default=dict): {**_options(), **(more or {})},
    }


def choice(config: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether an entity id is chosen, from the options that have passed ``options()``.

    An entity that is named counts most, then a glob, then a domain; including goes before excluding. Where something
    is included and nothing excluded, the rest is left out.
    """
    include, exclude = _Named(config["include"]), _Named(config["exclude"])
    decide = _rule(include, exclude)
    known: dict[str, bool] = {}

    def chosen(entity_id: str) -> bool:
        answer = known.get(entity_id)
        if answer is None:
            if len(known) >= REMEMBERED:
                known.clear()
            answer = known[entity_id] = decide(entity_id)
        return answer

    return chosen


class _Named:
    """What one of the two lists names."""

    def __init__(self, listed: Mapping[str, Any]) -> None:
        self.entities = frozenset(listed.get("entities", ()))
        self.domains = frozenset(listed.get("domains", ()))
        self.glob = _pattern(listed.get("entity_globs", ()))

    def __bool__(self) -> bool:
        return bool(self.entities) or self.is_wide

    @property
    def is_wide(self) -> bool:
        """Whether it names more than single entities."""
        return bool(self.domains) or self.glob is not None

    def matches(self, entity_id: str) -> bool:
        return self.glob is not None and self.glob.match(entity_id) is not None

    def has_domain_of(self, entity_id: str) -> bool:
        return entity_id.partition(".")[0] in self.domains

    def __contains__(self, entity_id: str) -> bool:
        return entity_id in self.entities or self.has_domain_of(entity_id) or self.matches(entity_id)


def _rule(include: _Named, exclude: _Named) -> Callable[[str], bool]:
    if not include:
        return lambda entity_id: entity_id not in exclude
    if not exclude:
        return lambda entity_id: entity_id in include

    def wide(entity_id: str) -> bool:
        if entity_id in include.entities:
            return True
        if entity_id in exclude.entities:
            return False
        if include.matches(entity_id):
            return True
        return include.has_domain_of(entity_id) and not exclude.matches(entity_id)

    def narrow(entity_id: str) -> bool:
        return entity_id in include.entities or entity_id not in exclude

    if include.is_wide:
        return wide
    return narrow if exclude.is_wide else include.entities.__contains__


def _pattern(globs: Iterable[str]) -> re.Pattern[str] | None:
    parts = [translate(glob) for glob in globs]
    return re.compile("|".join(parts)) if parts else None
