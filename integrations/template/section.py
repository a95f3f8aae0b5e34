"""One section as it stands in the YAML: its triggers, if it has some, and its entities, each understood on its own."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import voluptuous as vol

from nanobot.automation.parse import renamed
from nanobot.config import validators as cv
from nanobot.config.items import Pairs
from nanobot.config.same import same

from .schema import ENTITIES, HEAD, OLD_KEYS, OTHERS, SECTION


@dataclass(frozen=True, slots=True)
class Spec:
    """One entity. ``key`` is what it is known by from edit to edit: its unique id, else its name.

    ``feed``: the key of the section whose triggers give it its values; None: its templates are tracked.
    ``variables`` are the section's, where it has no triggers, and its own.
    """

    key: str
    domain: str
    raw: Mapping[str, Any]
    config: Mapping[str, Any]
    variables: Mapping[str, Any]
    written_variables: Any
    unique_id: str | None
    feed: str | None

    def same_as(self, other: Spec) -> bool:
        """Nobody has to notice when this takes the place of the other."""
        return (
            self.feed == other.feed
            and same(self.raw, other.raw)
            and same(self.written_variables, other.written_variables)
        )


@dataclass(frozen=True, slots=True)
class Section:
    """``head`` is what HEAD made of what all share, None when that is wrong. ``wrong``: the keys of the entities that
    cannot be used, with ``head`` None those of all; ``error`` says why."""

    key: str
    raw_head: Mapping[str, Any]
    head: Mapping[str, Any] | None
    specs: tuple[Spec, ...]
    wrong: frozenset[str] = frozenset()
    error: str | None = None

    @property
    def is_triggered(self) -> bool:
        """Whether triggers give the values."""
        return self.head is not None and "triggers" in self.head


class Sections(cv.Items):
    """The list of all sections. A wrong entity does not keep the others of its section from working."""

    def __init__(self) -> None:
        super().__init__(SECTION, by="index")

    def pairs(self, value: Any) -> Pairs:
        pairs: Pairs = []
        seen: dict[str, int] = {}
        for index, item in enumerate(self._list(value)):
            key = _section_key(item, index)
            seen[key] = seen.get(key, 0) + 1
            pairs.append((key if seen[key] == 1 else f"{key} ({seen[key]})", item))
        return pairs

    def one(self, key: Hashable, item: Any) -> Section:
        config = super().one(key, item)
        given = renamed(item, OLD_KEYS)
        head = {name: one for name, one in config.items() if name not in ENTITIES}
        made = {place: _list(config[place[0]])[place[1]] for place, _ in _written(given)}
        return _section(str(key), given, head, made)

    def stand_in(self, key: Hashable, item: Any, error: str) -> Section:
        """The entities of the section that are not wrong."""
        given = dict(item) if isinstance(item, Mapping) else {}
        head: Mapping[str, Any] | None = None
        try:
            given = renamed(given, OLD_KEYS)
            if not any(name not in HEAD.schema and name not in ENTITIES and name not in OTHERS for name in given):
                head = HEAD({name: one for name, one in given.items() if name in HEAD.schema})
                head = None if "triggers" not in given and ("conditions" in given or "actions" in given) else head
        except vol.Invalid:
            pass  # the values of all depend on what is wrong
        made: dict[tuple[str, int], Mapping[str, Any]] = {}
        for place, one in _written(given):
            if place[0] == "button" and "triggers" in given:
                continue
            try:
                made[place] = ENTITIES[place[0]](one)
            except vol.Invalid:
                continue
        return _section(str(key), given, head, made, error)

    def whole(self, pairs: Pairs) -> list[Section]:
        """Entities of the same key are told apart by their place."""
        seen: dict[str, int] = {}
        sections = []
        for _, section in pairs:
            specs = []
            for spec in section.specs:
                count = seen[spec.key] = seen.get(spec.key, 0) + 1
                specs.append(spec if count == 1 or spec.unique_id else replace(spec, key=f"{spec.key} ({count})"))
            sections.append(replace(section, specs=tuple(specs)))
        return sections


def _section(
    key: str,
    given: Mapping[str, Any],
    head: Mapping[str, Any] | None,
    made: Mapping[tuple[str, int], Mapping[str, Any]],
    error: str | None = None,
) -> Section:
    raw_head = {name: one for name, one in given.items() if name not in ENTITIES}
    triggered = "triggers" in raw_head
    shared = {} if triggered or head is None else head["variables"]
    wrong, specs = set(), []
    for place, raw in _written(given):
        spec_key, unique_id = _key_of(place, raw, given, key)
        config = made.get(place)
        if config is None or head is None:
            wrong.add(spec_key)
            continue
        written_variables = None if triggered else raw_head.get("variables")
        variables = {**shared, **config["variables"]}
        feed = key if triggered else None
        specs.append(Spec(spec_key, place[0], raw, config, variables, written_variables, unique_id, feed))
    return Section(key, raw_head, head, tuple(specs), frozenset(wrong), error)


def _written(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], Any]]:
    """The entities of a section as they are written, by domain and place in its list."""
    for domain in given:
        if domain in ENTITIES:
            for index, one in enumerate(_list(given[domain])):
                yield (domain, index), one


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _key_of(place: tuple[str, int], raw: Any, given: Mapping[str, Any], section: str) -> tuple[str, str | None]:
    """What an entity is known by, and its unique id."""
    domain, index = place
    about = raw if isinstance(raw, Mapping) else {}
    unique_id, of_section, name = about.get("unique_id"), given.get("unique_id"), about.get("name")
    if isinstance(unique_id, (str, int)) and str(unique_id):
        prefix = f"{of_section}-" if isinstance(of_section, (str, int)) and str(of_section) else ""
        return f"{domain} id {prefix}{unique_id}", f"{prefix}{unique_id}"
    if isinstance(name, (str, int, float)):
        return f"{domain} {name}", None
    return f"{domain} {section} {index}", None


def _section_key(item: Any, index: int) -> str:
    """Its unique id, or what its first entity is known by, or else its place."""
    given = item if isinstance(item, Mapping) else {}
    unique_id = given.get("unique_id")
    if isinstance(unique_id, (str, int)) and str(unique_id):
        return f"id {unique_id}"
    for place, raw in _written(given):
        if isinstance(raw, Mapping) and ("unique_id" in raw or "name" in raw):
            return _key_of(place, raw, given, "")[0]
    return f"#{index}"
