"""From loaded data to entries: each key checked with its integration's own schema, all problems told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import voluptuous as vol

from nanobot.config.core import CoreConfig, check_core
from nanobot.config.explain import explain
from nanobot.config.items import Items, items_of, title_of
from nanobot.config.load import Loaded
from nanobot.config.problem import Problem
from nanobot.config.resolve import Broken
from nanobot.config.same import same
from nanobot.config.substitute import spelled
from nanobot.config.thorough import all_errors
from nanobot.config.validators import SECRETS
from nanobot.errors import ConfigError
from nanobot.util.collector import no_collecting
from nanobot.util.secrets import Scrubber
from nanobot.util.text import nearest
from nanobot.util.yaml import Path as Steps
from nanobot.util.yaml import Unusable

_DOMAIN = re.compile(r"[a-z_][a-z0-9_]*")
_ABOUT_KEYS = {"unknown_integration", "unknown_option", "unknown_option_of", "no_options", "takes_no_options",
               "domain_name", "not_used"}  # fmt: skip
_NOTHING: tuple[Any, ...] = (None, {}, [], "")


class Manifest(Protocol):
    """What checking and planning want to know of a manifest."""

    @property
    def merge(self) -> str | None: ...
    @property
    def dependencies(self) -> Iterable[str]: ...


class Integration(Protocol):
    """An integration on disk."""

    @property
    def domain(self) -> str: ...
    @property
    def manifest(self) -> Manifest: ...
    @property
    def custom(self) -> bool: ...
    @property
    def folder(self) -> Path: ...
    def schema(self) -> Any:
        """``CONFIG_SCHEMA`` of its module, None when it takes no options. Imports it; may raise anything."""


class Catalogue(Protocol):
    """The integrations that there are."""

    def names(self) -> Iterable[str]:
        """The domains that can be configured."""
        ...

    def find(self, domain: str) -> Integration | None:
        """The integration of that name. Raises a ``ConfigError`` with a ``problem`` for one that is broken."""
        ...


@dataclass(slots=True)
class ItemTable:
    """A configuration of many items: what each was written as and what was made of the good ones, by name."""

    kind: Items
    raw: dict[Hashable, Any] = field(default_factory=dict)
    good: dict[Hashable, Any] = field(default_factory=dict)


@dataclass(slots=True)
class EntryConfig:
    """One entry as it is wanted. ``raw`` is what stands in the files, ``config`` what the schema made of it.

    Not ``ok``: unusable as a whole, so what runs goes on. ``left_out``: items that are wrong, by name, while the rest
    is in ``config``; ``keep_running`` puts their running version back.
    """

    id: str
    domain: str
    label: str
    raw: Any
    config: Any
    problems: list[Problem] = field(default_factory=list)
    ok: bool = True
    left_out: dict[Hashable, list[Problem]] = field(default_factory=dict)
    items: ItemTable | None = field(default=None, repr=False, compare=False)
    schema: Any = field(default=None, repr=False, compare=False)

    def same_as(self, other: EntryConfig) -> bool:
        """Whether both were written the same."""
        return same(self.raw, other.raw)


@dataclass(slots=True)
class Checked:
    """A whole configuration. ``problems`` are all there are, those of loading too, by file and line."""

    loaded: Loaded
    core: CoreConfig
    core_ok: bool
    entries: dict[str, EntryConfig]
    problems: list[Problem]
    secrets: frozenset[str] = frozenset()
    """Values that must not be printed: those of ``!secret`` and what a schema takes as a secret."""


def check(loaded: Loaded, catalogue: Catalogue, previous: Checked | None = None) -> Checked:
    """Check everything. Imports integrations, so call it in a thread.

    What did not change since ``previous`` is not validated again.
    """
    seen: set[str] = set() if previous is None else set(previous.secrets)  # what is reused is not seen again
    token = SECRETS.set(seen)
    try:
        with no_collecting():
            return _Check(loaded, catalogue, previous).run(seen)
    finally:
        SECRETS.reset(token)


def keep_running(wanted: EntryConfig, running: EntryConfig) -> EntryConfig:
    """``wanted`` with the running version of each item that is left out; a new item that is wrong stays out."""
    if wanted.items is None or running.items is None or not wanted.left_out:
        return wanted
    raw, good = dict(wanted.items.raw), {}
    for key in wanted.items.raw:
        if key in wanted.items.good:
            good[key] = wanted.items.good[key]
        elif key in running.items.good:
            raw[key], good[key] = running.items.raw[key], running.items.good[key]
    kind = wanted.items.kind
    whole = wanted.raw if isinstance(wanted.raw, dict) and kind.by == "index" else kind.whole(list(raw.items()))
    return replace(wanted, raw=whole, config=kind.whole(list(good.items())), items=ItemTable(kind, raw=raw, good=good))


class _Check:
    """One run of ``check``."""

    def __init__(self, loaded: Loaded, catalogue: Catalogue, previous: Checked | None) -> None:
        self.loaded = loaded
        self.catalogue = catalogue
        self.before = {} if previous is None else previous.entries
        self.hidden = Scrubber(loaded.secrets)
        self.problems: list[Problem] = list(loaded.problems)

    def run(self, seen: set[str]) -> Checked:
        core, problems = check_core(_usable(self.loaded.core), self.loaded.core_key)
        self.problems += [
            placed(problem, {self.loaded.core_key: self.loaded.core}, self.loaded, self.hidden) for problem in problems
        ]
        entries = {key: self._entry(key, value) for key, value in self.loaded.data.items()}
        core_ok = not any(p.severity == "error" and _of_core(p.path, self.loaded.core_key) for p in self.problems)
        once = {(p.told(), p.severity): p for p in self.problems}  # of two instances of one integration, the same
        ordered = sorted(once.values(), key=lambda p: (p.file or "", p.line or 0))
        return Checked(self.loaded, core, core_ok, entries, ordered, self.loaded.secrets | seen)

    # -- one entry --------------------------------------------------------------------------------

    def _entry(self, key: str, value: Any) -> EntryConfig:
        domain, _, label = key.partition(" ")
        entry = EntryConfig(key, domain, label.strip(), {} if value is None else value, None)
        entry.problems += [problem for _, problem in self.loaded.concerning.get(key, ())]
        broken = [b for b in self.loaded.broken if b.path[:1] == (key,)]
        found = self._schema(entry)
        if found is None:
            entry.ok = False
            return entry
        integration, entry.schema = found
        items = items_of(entry.schema)
        before = self.before.get(key)
        if before is not None and (before.schema is not entry.schema or entry.schema is None):
            before = None
        if items is not None and not isinstance(entry.raw, Unusable):
            self._items(entry, items, broken, before)
            return entry
        if broken:
            entry.ok = False
        if before is not None and entry.ok and before.ok and not before.problems and same(before.raw, entry.raw):
            entry.config = before.config
        elif not isinstance(entry.raw, Unusable):
            entry.config = self._validate(entry, integration, broken)
        return entry

    def _schema(self, entry: EntryConfig) -> tuple[Integration, Any] | None:
        """The integration of an entry and its schema; None when it has none that could be used."""
        try:
            if not _DOMAIN.fullmatch(entry.domain):
                self._add(entry, Problem("domain_name", {"name": entry.domain}, path=(entry.id,)))
                return None
            integration = self.catalogue.find(entry.domain)
            if integration is None:
                told = {"name": entry.domain}
                if near := nearest(entry.domain, self.catalogue.names()):
                    told["nearest"] = near
                self._add(entry, Problem("unknown_integration", told, path=(entry.id,)))
                return None
            return integration, integration.schema()
        except ConfigError as error:
            problem = getattr(error, "problem", None) or Problem("custom", {"message": str(error)}, path=(entry.id,))
        except Exception as error:  # the module of an integration runs here, and it may be anybody's
            told = {"domain": entry.domain, "error": f"{type(error).__name__}: {error}"}
            problem = Problem("integration_broken", told, path=(entry.id,))
        self._add(entry, problem)
        return None

    def _validate(self, entry: EntryConfig, integration: Integration, broken: list[Broken]) -> Any:
        schema = entry.schema
        if schema is None:
            if entry.raw not in _NOTHING:
                named: list[Steps] = [(entry.id, name) for name in entry.raw] if isinstance(entry.raw, dict) else []
                for path in named or [(entry.id,)]:
                    self._add(entry, Problem("takes_no_options", {"domain": entry.domain}, path=path))
                entry.ok = False
            return {}
        raw = {} if entry.raw == "" else entry.raw
        found = self._run(schema, raw, (entry.id,), integration.domain)
        if isinstance(found, list):
            problems = [p for p in found if not _because_of(p.path, broken)]
            for problem in problems:
                self._add(entry, _with_a_way_out(problem, entry, raw))
            entry.ok = False
            return None
        return found.value

    def _items(self, entry: EntryConfig, items: Items, broken: list[Broken], before: EntryConfig | None) -> None:
        """Check a configuration item by item; what is wrong is left out."""
        table = entry.items = ItemTable(items)
        known = before.items if before is not None else None
        try:
            pairs, steps = items.pairs(entry.raw), items.steps(entry.raw)
        except vol.Invalid as error:
            for problem in explain(error, entry.raw, (entry.id,), items):
                self._add(entry, problem)
            entry.ok = False
            return
        affected = {b.path[1] for b in broken if len(b.path) > 1}
        shown: dict[Hashable, Any] = {}
        for step, (key, item) in zip(steps, pairs, strict=True):
            table.raw[key] = item
            if known is not None and key in known.good and step not in affected and same(known.raw[key], item):
                table.good[key] = known.good[key]
                continue
            path = (entry.id, step)
            here = [b for b in broken if b.path[:2] == path]
            told: list[Problem] = []
            if not isinstance(item, Unusable):
                found = self._run(items.one, item, path, entry.domain, items.item, key)
                if not isinstance(found, list):
                    if not here:
                        table.good[key] = found.value
                        continue
                    found = []
                told = [self._add(entry, p) for p in found if not _because_of(p.path, here)]
            why = [problem for place, problem in self.loaded.concerning.get(entry.id, ()) if place[:2] == path]
            standing = items.stand_in(key, item, "; ".join(problem.told() for problem in (*why, *told)))
            if standing is None:
                entry.left_out[key] = [*why, *told]
            else:
                shown[key] = standing
        every = table.good | shown
        entry.config = items.whole([(key, every[key]) for key in table.raw if key in every])

    def _run(
        self, schema: Callable[..., Any], raw: Any, path: Steps, domain: str, nav: Any = None, key: Hashable = None
    ) -> _Value | list[Problem]:
        """What the schema makes of the data, or what is wrong with it."""
        try:
            return _Value(schema(raw) if nav is None else schema(key, raw))
        except vol.Invalid as error:
            nav = schema if nav is None else nav
            every = all_errors(nav, {} if raw is None else raw, error)
            return explain(every, raw, path, nav, self.hidden.scrub)
        except Exception as error:  # a validator is code of an integration, and it may be anybody's
            text = self.hidden.scrub(f"{type(error).__name__}: {error}")
            return [Problem("validator_failed", {"domain": domain, "error": text}, path=path)]

    # -- problems ---------------------------------------------------------------------------------

    def _add(self, entry: EntryConfig, problem: Problem) -> Problem:
        told = placed(problem, self.loaded.data, self.loaded, self.hidden)
        entry.problems.append(told)
        self.problems.append(told)
        return told


def _with_a_way_out(problem: Problem, entry: EntryConfig, raw: Any) -> Problem:
    """For whoever wrote several of what stands alone as a list, as many other programs want it."""
    if problem.path != (entry.id,) or not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        return problem
    return replace(problem, placeholders={**problem.placeholders, "labels": entry.domain})


def placed(problem: Problem, data: Mapping[str, Any], loaded: Loaded, hidden: Scrubber) -> Problem:
    """The problem with file and line, and its path as it is written, with names for items of lists."""
    if problem.file is not None or not problem.path:
        return problem
    problem = replace(problem, path=_as_written(problem.path, data))
    file, line = loaded.locate(problem.path, key=problem.key in _ABOUT_KEYS)
    if (made := loaded.made.get(problem.path[:2])) is not None:
        problem = made.explained(problem, loaded)
    written = loaded.written(problem.path)
    shift = len(written) - len(problem.path)
    names: dict[int, str] = {}
    here: Any = data
    for position, step in enumerate(problem.path):
        try:
            here = here[step]
        except (LookupError, TypeError):
            break
        title = title_of(here) if position == 1 else here.get("alias") if isinstance(here, dict) else None
        if isinstance(step, int) and isinstance(title, str) and position + shift >= 0:
            names[position + shift] = hidden.scrub(title)
    return replace(problem, file=file, line=line, path=written, names=names)


def _as_written(path: Steps, data: Mapping[str, Any]) -> Steps:
    """A path with the keys as they stand in the file, which may say ``trigger`` for ``triggers``."""
    steps = list(path)
    here: Any = data
    for position, step in enumerate(steps):
        if isinstance(here, dict) and step not in here and (other := spelled(step, here)) is not None:
            steps[position] = step = other
        try:
            here = here[step]
        except (LookupError, TypeError):
            break
    return tuple(steps)


@dataclass(slots=True)
class _Value:
    value: Any


def _because_of(path: Steps, broken: Iterable[Broken]) -> bool:
    """Whether an error is only the echo of something that could not be made out, at, above or below its place."""
    return any(path == b.path[: len(path)] or b.path == path[: len(b.path)] for b in broken)


def _usable(core: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in core.items() if not isinstance(value, Unusable)}


def _of_core(path: Steps, core_key: str) -> bool:
    return path[:1] == (core_key,) and path[1:2] != ("packages",)
