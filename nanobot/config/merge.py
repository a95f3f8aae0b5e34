"""Joins what belongs together: packages with the main file, and labelled keys of a domain that is one entry.

The rules are Home Assistant's: lists are joined, mappings merged all the way down, and of a single value given twice
the first one counts, with a problem for the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.config.problem import Problem, Severity
from nanobot.config.source import Source
from nanobot.util.text import slugify
from nanobot.util.yaml import Path, Unusable

CORE_KEYS = ("nanobot", "homeassistant")
FOR_PACKAGES = ("customize", "customize_domain", "customize_glob")
"""What a package may say about the core."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What one place says about an entry; ``path`` is that place in the main file."""

    value: Any
    path: Path


class Merger:
    """Turns the main file into the entries' data and the core's. ``elsewhere`` tells where each piece stands."""

    def __init__(self, main: Source, merge_of: Callable[[str], str | None]) -> None:
        self.main = main
        self.merge_of = merge_of
        self.data: dict[str, Any] = {}
        self.core: dict[str, Any] = {}
        self.core_key = CORE_KEYS[0]
        self.problems: list[Problem] = []
        self.elsewhere: dict[Path, tuple[Source, Path]] = {(): (main, ())}
        self.moved: dict[Path, Path] = {}
        """Where in ``data`` a place of the main file went."""
        self.incomplete = False
        self.partial: set[Path] = set()
        """Entries of which a whole part is missing."""

    def run(self, *also: tuple[Any, Path] | None) -> None:
        """Do it all. ``also`` are packages that ``packages`` does not name, each with its place in the main file."""
        parts: dict[str, list[_Part]] = {}
        core: list[_Part] = []
        for key, value in self.main.data.items():
            if not isinstance(key, str):
                self._problem("key_not_text", {"name": str(key)}, (key,))
            elif key in CORE_KEYS:
                core.append(_Part(value, (key,)))
            else:
                parts.setdefault(self._target(key), []).append(_Part(value, (key,)))
        self._core(core)
        for package, path in (*self._packages(), *self._usable(also)):
            for key, value in package.items():
                place = (*path, key)
                if not isinstance(key, str):
                    self._problem("key_not_text", {"name": str(key)}, place)
                elif key in CORE_KEYS:
                    self._core_of_package(value, place)
                else:
                    parts.setdefault(self._target(key), []).append(_Part(value, place))
        for target, pieces in parts.items():
            self.data[target] = self._joined(target, pieces)

    def _target(self, key: str) -> str:
        domain = key.partition(" ")[0]
        return domain if self.merge_of(domain) else key

    # -- the core block ---------------------------------------------------------------------------

    def _core(self, parts: list[_Part]) -> None:
        for part in sorted(parts, key=lambda part: CORE_KEYS.index(str(part.path[0]))):
            key = str(part.path[0])
            if isinstance(part.value, Unusable):
                self.incomplete = True  # nobody knows which packages there are
                continue
            if part.value is not None and not isinstance(part.value, dict):
                self._problem("core_not_mapping", {"name": key}, part.path)
                continue
            if len(parts) > 1 and key != CORE_KEYS[0]:
                self._problem("core_twice", {"name": key, "other": CORE_KEYS[0]}, part.path)
            else:
                self.core_key = key
            self.core = {**(part.value or {}), **self.core}

    def _packages(self) -> Iterator[tuple[Mapping[Any, Any], Path]]:
        packages = self.core.pop("packages", None)
        at: Path = (self.core_key, "packages")
        if isinstance(packages, Unusable):
            self.incomplete = True
        elif packages is not None and not isinstance(packages, dict):
            self._problem("packages_not_mapping", {}, at)
        for name, package in (packages if isinstance(packages, dict) else {}).items():
            path = (*at, name)
            if isinstance(package, Unusable):
                self.incomplete = True
            elif not isinstance(name, str) or slugify(name) != name:
                self._problem("package_name", {"name": str(name), "nearest": slugify(str(name))}, path)
            elif isinstance(package, dict):
                yield package, path
            elif package is not None:
                self._problem("package_not_mapping", {"name": name}, path)

    def _usable(self, also: Iterable[tuple[Any, Path] | None]) -> Iterator[tuple[Mapping[Any, Any], Path]]:
        for package, path in filter(None, also):
            if isinstance(package, dict):
                yield package, path
            elif package is not None:
                self.incomplete = self.incomplete or isinstance(package, Unusable)
                self._problem("package_not_mapping", {"name": str(path[-1])}, path)

    def _core_of_package(self, value: Any, path: Path) -> None:
        if isinstance(value, Unusable) or value is None:
            return
        if not isinstance(value, dict):
            self._problem("core_not_mapping", {"name": str(path[-1])}, path)
            return
        for key, item in value.items():
            if key not in FOR_PACKAGES:
                self._problem("core_in_package", {"name": str(key)}, (*path, key), severity="warning")
            elif isinstance(item, dict) and isinstance(self.core.get(key, {}) or {}, dict):
                merged = dict(self.core.get(key) or {})
                self._merge(merged, _Part(item, (*path, key)), (self.core_key, key))
                self.core[key] = merged

    # -- entries ----------------------------------------------------------------------------------

    def _joined(self, target: str, parts: list[_Part]) -> Any:
        hint = self.merge_of(target.partition(" ")[0])
        usable = [part for part in parts if not isinstance(part.value, Unusable)]
        self._place((target,), parts[0].path)
        for part in parts:
            self.moved.setdefault(part.path, (target,))
        if len(parts) == 1 or not usable:
            return parts[0].value
        if len(usable) < len(parts):
            self.partial.add((target,))
        if hint is None:
            hint = "list" if any(isinstance(part.value, list) for part in usable) else "dict"
        if hint == "list":
            return self._listed(target, usable)
        merged: dict[Any, Any] = {}
        for part in usable:
            if isinstance(part.value, dict):
                self._merge(merged, part, (target,))
            elif part.value is not None and part.value != []:
                self._problem("merge_not_mapping", {"name": target}, part.path)
        return merged

    def _listed(self, target: str, parts: list[_Part]) -> list[Any]:
        joined: list[Any] = []
        for part in parts:
            if isinstance(part.value, list):
                for index, item in enumerate(part.value):
                    if item:
                        self._place((target, len(joined)), (*part.path, index))
                        joined.append(item)
            elif isinstance(part.value, dict):
                if part.value:
                    self._place((target, len(joined)), part.path)
                    joined.append(part.value)
            elif part.value is not None:
                self._problem("merge_not_list", {"name": target}, part.path)
        return joined

    def _merge(self, into: dict[Any, Any], part: _Part, at: Path) -> None:
        """Merge a mapping into ``into``, which is ours to change."""
        for key, value in part.value.items():
            place, path = (*part.path, key), (*at, key)
            there = into.get(key)
            if key not in into or (there is None and value is not None):
                into[key] = value
                self._place(path, place)
            elif isinstance(there, dict) and isinstance(value, dict):
                into[key] = dict(there)
                self._merge(into[key], _Part(value, place), path)
            elif isinstance(there, list) and isinstance(value, list):
                for index in range(len(value)):
                    self._place((*path, len(there) + index), (*place, index))
                into[key] = [*there, *value]
            elif value is not None and value != there:
                first = "{}:{}".format(*self._locate(path))
                self._problem("defined_twice", {"name": str(key), "first": first}, place)

    def _place(self, path: Path, place: Path) -> None:
        self.elsewhere[path] = (self.main, place)
        self.moved[place] = path

    def _locate(self, path: Path) -> tuple[str | None, int | None]:
        return Source(elsewhere=self.elsewhere).locate(path)

    def _problem(self, key: str, told: Mapping[str, str], path: Path, severity: Severity = "error") -> None:
        file, line = self.main.locate(path)
        self.problems.append(Problem(key, dict(told), file, line, path, severity))
