"""Puts what blueprints stand for in the place of the items that use them, each on its own.

It is done while loading, so that validation and the comparison of what is wanted with what runs see the automation as
if somebody had written it out. Where each piece came from stays known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanobot.config.blueprint import Blueprint, understand
from nanobot.config.items import name_of, title_of
from nanobot.config.problem import Problem
from nanobot.config.resolve import Broken, Resolver
from nanobot.config.same import same
from nanobot.config.selectors import value_problems
from nanobot.config.source import Source
from nanobot.config.wrong import kind_of
from nanobot.paths import bundled
from nanobot.util.text import nearest
from nanobot.util.yaml import Input
from nanobot.util.yaml import Path as Steps

if TYPE_CHECKING:
    from nanobot.config.load import Loaded

USE = "use_blueprint"
FOLDER = "blueprints"
OF_THE_USER = ("name", "unique_id", "variables")
"""What stands beside ``use_blueprint`` of an entity and belongs to the one entity that the blueprint stands for."""

Cache = dict[Any, Any]


class FromBlueprint(dict[str, Any]):
    """An item that a blueprint was made into. ``path`` names the blueprint, ``written`` is the item as it was written,
    ``inputs`` has all that was put in, defaults included."""

    path: str = ""
    written: Mapping[str, Any] = {}
    inputs: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Known:
    """A blueprint that was read. ``blueprint`` is None when it cannot be used; ``why`` says so."""

    path: str
    source: Source | None
    blueprint: Blueprint | None
    problems: tuple[Problem, ...] = ()
    faults: tuple[Problem, ...] = ()
    """Those of the problems that the file has as YAML."""

    @property
    def why(self) -> str:
        """What has to be mended first."""
        errors = [problem for problem in self.problems if problem.severity == "error"]
        return errors[0].told() if errors else ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a piece of a made item stands: in ``source``, or with None in the item as it was written.

    ``slot`` is, for what was given as an input, the place in the blueprint where it went.
    """

    source: Source | None
    steps: Steps
    slot: Steps | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """One item with where its pieces came from."""

    item: FromBlueprint
    known: Known

    def origin(self, path: Steps) -> Origin:
        """Where what stands at ``path`` in the item came from."""
        if not path:
            return Origin(None, ())
        own, blueprint = self.item.written, self.known.blueprint
        assert blueprint is not None
        if (key := spelled(path[0], own)) is not None and key != USE:
            return Origin(None, (key, *path[1:]))
        path = (spelled(path[0], blueprint.body) or path[0], *path[1:])
        here: Any = blueprint.body
        for position, step in enumerate((*path, None)):
            if isinstance(here, Input):
                return self._of_input(here.name, path[:position], path[position:])
            if position == len(path):
                break
            try:
                here = here[step]
            except (LookupError, TypeError):
                break
        return Origin(self.known.source, path)

    def explained(self, problem: Problem, loaded: Loaded) -> Problem:
        """A problem in the item, saying what the blueprint has to do with it, with the path that its writer knows."""
        at, told = problem.path[:2], dict(problem.placeholders)
        origin = self.origin(problem.path[2:])
        path = problem.path
        if origin.source is not None or not origin.steps:
            file, line = loaded.source.locate(at)
            told |= {"of_blueprint": self.item.path, "used_in": f"{file}:{line}"}
        elif origin.slot is not None:
            path = at + origin.steps
            told |= {"for_blueprint": self.item.path, "slot": " > ".join(map(str, origin.slot))}
        return replace(problem, placeholders=told, path=path)

    def _of_input(self, name: str, slot: Steps, rest: Steps) -> Origin:
        given = (self.item.written[USE].get("input") or {}) if isinstance(self.item.written.get(USE), dict) else {}
        if name in given:
            return Origin(None, (USE, "input", name, *rest), slot)
        assert self.known.blueprint is not None
        return Origin(self.known.source, (*self.known.blueprint.inputs[name].place, "default", *rest))


def substitute(
    loaded: Loaded,
    resolver: Resolver,
    merge_of: Callable[[str], str | None],
    blueprints_of: Callable[[str], Collection[str] | None],
    cache: Cache,
) -> None:
    """Replace the items of ``loaded`` that use blueprints. One that cannot be made stays as it is, and is broken."""
    work: _Substitution | None = None
    for key, value in loaded.data.items():
        platforms = blueprints_of(key.partition(" ")[0])
        if platforms is None or not isinstance(value, (dict, list)):
            continue
        if isinstance(value, dict) and USE in value and merge_of(key.partition(" ")[0]) == "list":
            value = loaded.data[key] = [value]
            loaded.source.elsewhere[key, 0] = loaded.source.elsewhere[(key,)]
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        users = [(step, item) for step, item in pairs if isinstance(item, dict) and USE in item]
        if users:
            work = work or _Substitution(loaded, resolver, cache)
            loaded.data[key] = work.items(key, value, users, platforms)
    if work is not None:
        work.done()
    else:
        cache.pop(_Substitution, None)


def find(config_dir: Path, domain: str, path: str) -> Path | None:
    """The file of a blueprint: the user's, or else the one that comes with nanobot. None: there is none."""
    homes = [home / domain / path for home in (config_dir / FOLDER, bundled(FOLDER))]
    return next((file for file in homes if file.is_file()), None)


def is_inside(path: str) -> bool:
    """Whether a path stays in the folder of its domain and may be that of a blueprint."""
    parts = path.split("/")
    return not any(part in ("", ".", "..") or part.startswith(".") or "\\" in part or "\0" in part for part in parts)


def names(config_dir: Path, domain: str) -> dict[str, Path]:
    """All blueprint files of a domain, by path; the user's first."""
    found: dict[str, Path] = {}
    for home in (config_dir / FOLDER / domain, bundled(FOLDER) / domain):
        for file in sorted(home.rglob("*.yaml")) if home.is_dir() else ():
            path = file.relative_to(home).as_posix()
            if is_inside(path) and file.is_file():
                found.setdefault(path, file)
    return found


def read(resolver: Resolver, domain: str, path: str, file: Path, before: Known | None = None) -> Known:
    """Read a blueprint. The problems have file and line. ``before``: what it was; given back when it is the same."""
    count = len(resolver.problems)
    source = resolver.blueprint(file)
    faults = tuple(resolver.problems[count:])
    del resolver.problems[count:]
    if source is None:
        return Known(path, None, None, faults, faults)
    same = before is not None and before.source is not None and before.source.data is source.data
    if before is not None and same and before.faults == faults:
        return before
    blueprint, problems = understand(source.data, domain)
    placed = []
    for problem in problems:
        name, line = source.locate(problem.path, key=problem.key.startswith("unknown_option"))
        placed.append(replace(problem, file=name, line=line))
    if any(fault.severity == "error" and "kept" not in fault.placeholders for fault in faults):
        blueprint = None
    return Known(path, source, blueprint, (*faults, *placed), faults)


def fill(
    known: Known, written: Mapping[str, Any], platforms: Collection[str] = (), *, fitting: bool = True
) -> tuple[FromBlueprint | None, list[Problem]]:
    """What an item that uses a blueprint stands for; None when something is wrong. The problems have paths in it.

    ``fitting=False``: the values are not compared with the selectors, as they may be tags.
    """
    blueprint = known.blueprint
    if blueprint is None:
        return None, [Problem("blueprint_unusable", {"blueprint": known.path, "reason": known.why}, path=(USE, "path"))]
    given = written[USE].get("input") or {}
    problems = _wrong_inputs(known, blueprint, given, fitting=fitting)
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    inputs = {name: given.get(name, one.default) for name, one in blueprint.inputs.items()}
    own = {key: value for key, value in written.items() if key != USE}
    made = FromBlueprint(_filled(blueprint.body, inputs))
    for key in own:
        other = spelled(key, made)
        if other is not None and other != key:
            del made[other]
    made.update(own)
    made.path, made.written, made.inputs = known.path, written, inputs
    if platforms:
        problems += _one_platform(known, made, platforms)
    failed = any(problem.severity == "error" for problem in problems)
    return None if failed else made, problems


def _wrong_inputs(known: Known, blueprint: Blueprint, given: Mapping[str, Any], *, fitting: bool) -> list[Problem]:
    problems = []
    missing = [name for name, one in blueprint.inputs.items() if one.is_required and name not in given]
    for name, value in given.items():
        opening = blueprint.inputs.get(name)
        path = (USE, "input", name)
        if opening is None:
            told = {"blueprint": known.path, "name": str(name)}
            if near := nearest(name, missing or blueprint.inputs):
                told["nearest"] = near
            problems.append(Problem("input_unknown", told, path=path, severity="warning"))
        elif fitting and (opening.is_required or value != opening.default):
            problems += value_problems(opening.selector, value, path)
    if missing:
        told = {"blueprint": known.path, "names": ", ".join(f"'{name}'" for name in missing)}
        problems.append(Problem("inputs_missing", told, path=(USE,)))
    return problems


def _one_platform(known: Known, made: FromBlueprint, platforms: Collection[str]) -> list[Problem]:
    """An entity's blueprint stands for one entity, which gets the name that its user gave."""
    present = [platform for platform in platforms if platform in made]
    if len(present) != 1 or not isinstance(made[present[0]], dict):
        told = {"blueprint": known.path, "options": ", ".join(f"'{platform}'" for platform in platforms)}
        return [Problem("blueprint_platform", told, path=(USE, "path"))]
    entity = dict(made[present[0]])
    # variables beside triggers are for the conditions and actions as well, so they stay where they are
    stay = ("variables",) if spelled("triggers", made) else ()
    entity.update({key: made.pop(key) for key in OF_THE_USER if key in made and key not in stay})
    made[present[0]] = entity
    return []


def _filled(value: Any, inputs: Mapping[str, Any]) -> Any:
    """``value`` with its blanks filled; what has none is not copied."""
    copy: Any = None
    match value:
        case Input():
            return inputs[value.name]
        case dict():
            for key, item in value.items():
                if isinstance(item, (dict, list, Input)) and (new := _filled(item, inputs)) is not item:
                    copy = dict(value) if copy is None else copy
                    copy[key] = new
        case list():
            for index, item in enumerate(value):
                if isinstance(item, (dict, list, Input)) and (new := _filled(item, inputs)) is not item:
                    copy = list(value) if copy is None else copy
                    copy[index] = new
    return value if copy is None else copy


def spelled(key: Any, mapping: Mapping[str, Any]) -> str | None:
    """How ``key`` is written there: ``triggers`` may be ``trigger``, and the other way round."""
    if not isinstance(key, str):
        return None
    return next((name for name in (key, f"{key}s", key.removesuffix("s")) if name in mapping), None)


def _size(value: Any) -> int:
    match value:
        case dict():
            return 1 + sum(map(_size, value.values()))
        case list():
            return 1 + sum(map(_size, value))
    return 1


@dataclass(slots=True)
class _Kept:
    """What the last load made: an item that is written the same makes the same of the same blueprint."""

    known: dict[tuple[str, str], Known] = field(default_factory=dict)
    made: dict[Steps, tuple[Any, Known, FromBlueprint | None, list[Problem], int]] = field(default_factory=dict)
    """By entry and name of the item."""


class _Substitution:
    """One load."""

    def __init__(self, loaded: Loaded, resolver: Resolver, cache: Cache) -> None:
        self._loaded = loaded
        self._resolver = resolver
        self._cache = cache
        self._before: _Kept = cache.get(_Substitution) or _Kept()
        self._now = _Kept()

    def done(self) -> None:
        """Keep what was made for the next load."""
        self._cache[_Substitution] = self._now

    def items(self, key: str, value: Any, users: list[tuple[Any, Any]], platforms: Collection[str]) -> Any:
        """The items of one entry with those of ``users`` replaced."""
        whole = value.copy()
        domain = key.partition(" ")[0]
        broken = {b.path[1] for b in self._loaded.broken if b.path[:1] == (key,) and len(b.path) > 1}
        for step, item in users:
            if step in broken:
                continue  # what could not be made out has been told
            known, item_problems = self._known(domain, item)
            made: FromBlueprint | None = None
            if known is not None:
                made, item_problems = self._fill(known, (key, name_of(item) or step), item, platforms)
            if made is not None and known is not None:
                whole[step] = made
                self._loaded.made[key, step] = Made(made, known)
            else:
                self._loaded.broken += (Broken((key, step)),)
            for problem in item_problems:
                self._tell(problem, (key, step), item)
        return whole

    def _known(self, domain: str, item: Mapping[str, Any]) -> tuple[Known | None, list[Problem]]:
        """The blueprint that an item uses, or what is wrong with how it says so."""
        use = item[USE]
        if not isinstance(use, dict):
            return None, [Problem("wrong_kind", {"expected": "@mapping", "got": f"@{kind_of(use)}"}, path=(USE,))]
        problems = []
        for name in use:
            if name not in ("path", "input"):
                told = {"name": str(name), "options": "'path', 'input'"}
                if near := nearest(name, ("path", "input")):
                    problems.append(Problem("unknown_option", {"name": str(name), "nearest": near}, path=(USE, name)))
                else:
                    problems.append(Problem("unknown_option_of", told, path=(USE, name)))
        path, given = use.get("path"), use.get("input")
        if given is not None and not isinstance(given, dict):
            told = {"expected": "@mapping", "got": f"@{kind_of(given)}"}
            problems.append(Problem("wrong_kind", told, path=(USE, "input")))
        if path is None:
            problems.append(Problem("required", {"name": "path"}, path=(USE,)))
        elif not isinstance(path, str) or not is_inside(path):
            problems.append(Problem("blueprint_path", {"blueprint": str(path)}, path=(USE, "path")))
        if problems:
            return None, problems
        return self._read(domain, str(path))

    def _read(self, domain: str, path: str) -> tuple[Known | None, list[Problem]]:
        if (domain, path) in self._now.known:
            return self._now.known[domain, path], []
        config_dir = self._resolver.config_dir
        own = config_dir / FOLDER / domain / path
        file = find(config_dir, domain, path) or own
        before = self._before.known.get((domain, path))
        if file == own and not own.is_file() and before is None:
            self._resolver.asked.add(own)
            told = {"blueprint": path, "folder": f"{FOLDER}/{domain}"}
            if near := _nearest_path(path, names(config_dir, domain)):
                told["nearest"] = near
            return None, [Problem("blueprint_missing", told, path=(USE, "path"))]
        known = self._now.known[domain, path] = read(self._resolver, domain, path, file, before)
        self._loaded.problems += known.problems
        return known, []

    def _fill(
        self, known: Known, name: Steps, item: Mapping[str, Any], platforms: Collection[str]
    ) -> tuple[FromBlueprint | None, list[Problem]]:
        before = self._before.made.get(name)
        if before is not None and before[1] is known and same(before[0], item):
            made, problems, size = before[2:]
        else:
            made, problems = fill(known, item, platforms)
            size = _size(made) if made is not None else 0
        if not self._resolver.takes(size):
            return None, [Problem("include_too_much", path=(USE,))]
        self._now.made[name] = (item, known, made, problems, size)
        return made, problems

    def _tell(self, problem: Problem, at: Steps, item: Mapping[str, Any]) -> None:
        loaded = self._loaded
        path = at + problem.path
        file, line = loaded.source.locate(path, key=problem.key in ("unknown_option", "unknown_option_of"))
        written = loaded.written(path)
        title = title_of(item)
        position = 1 + len(written) - len(path)
        named = {position: title} if title and isinstance(written[position], int) else {}
        told = replace(problem, file=file, line=line, path=written, names=named)
        loaded.problems.append(told)
        loaded.concerning.setdefault(str(at[0]), []).append((path, told))


def _nearest_path(path: str, known: Collection[str]) -> str | None:
    """The blueprint that was probably meant: spelled alike, or of that name in another folder."""
    name = path.rpartition("/")[2].removesuffix(".yaml")
    same = [other for other in known if other.rpartition("/")[2] == f"{name}.yaml"]
    return same[0] if same else nearest(path, known)
