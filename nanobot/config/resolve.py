"""Follows what a file points to: includes, secrets, the environment. A part that cannot be had is left out alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nanobot.config.files import Files
from nanobot.config.problem import Problem, Severity
from nanobot.config.source import Source
from nanobot.util.secrets import MASK, masked, texts
from nanobot.util.text import nearest
from nanobot.util.yaml import Document, Fault, Input, Tag, Unusable
from nanobot.util.yaml import Path as Steps

SECRETS = "secrets.yaml"
DEEPEST_INCLUDE = 20
LARGEST = 3_000_000  # nodes in all; files that include files that include files can stand for billions
WHOLE_FILE = ("file_missing", "file_not_a_file", "file_too_large", "file_unreadable")  # faults without a line
MOST = 10_000  # includes, for the same reason


@dataclass(frozen=True, slots=True)
class Broken:
    """A place in the configuration that could not be made out; ``partly``: what is there lacks something."""

    path: Steps
    partly: bool = False


@dataclass(frozen=True, slots=True)
class _At:
    """Where in the configuration a file's content lands. ``offset``: its list goes on where others ended."""

    path: Steps = ()
    offset: int = 0

    def join(self, inner: Steps) -> Steps:
        if inner and self.offset and isinstance(inner[0], int):
            inner = (inner[0] + self.offset, *inner[1:])
        return self.path + inner


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    source: Source
    at: _At
    above: tuple[Path, ...]
    secrets: bool
    inputs: bool = False
    """It is (part of) a blueprint."""


class Resolver:
    """One load. Problems, files and secrets are gathered on the way."""

    def __init__(self, config_dir: Path, files: Files, environ: Mapping[str, str]) -> None:
        self.config_dir = config_dir
        self.problems: list[Problem] = []
        self.broken: list[Broken] = []
        self.secrets: set[str] = set()
        self.asked: set[Path] = set()
        self.read: set[Path] = set()
        self.texts: dict[str, str] = {}
        self._files = files
        self._environ = environ
        self._size = 0
        self._includes = 0
        self._full = False
        self._told: set[Path] = set()
        self._secret_files: dict[Path, Mapping[str, Any] | None] = {}
        self._tags: dict[str, Callable[[Tag, _File, Steps], Any]] = {
            "!include": self._include,
            "!include_dir_list": self._include_dir_list,
            "!include_dir_merge_list": self._include_dir_merge_list,
            "!include_dir_named": self._include_dir_named,
            "!include_dir_merge_named": self._include_dir_merge_named,
            "!secret": self._secret,
            "!env_var": self._env_var,
        }

    def name(self, path: Path) -> str:
        """A file for a person: relative to the configuration folder where it lies inside."""
        try:
            return path.relative_to(self.config_dir).as_posix()
        except ValueError:
            return str(path)

    def main(self, path: Path) -> Source | None:
        """The main file with everything that it points to. None when it cannot be read at all."""
        self.asked.add(path)
        read = self._files.read(path)
        if read.fault is not None or read.document is None:
            self._fault(read.fault or Fault("file_missing"), path, ())
            return None
        return self._follow(path, read.document, _At(), (), secrets=True)

    def also(self, main: Source, path: Path, at: Steps) -> tuple[Any, Steps] | None:
        """A file that belongs to the main one without being named there: what stands in it, and ``at``, its place.

        None when there is no such file, or one that is included somewhere is it.
        """
        self.asked.add(path)
        if path in self.read:
            return None
        read = self._files.read(path)
        if read.fault is not None and read.fault.key == "file_missing":
            return None
        if read.fault is not None:
            self._fault(read.fault, path, at, {"kept": self.name(path)} if read.document else {})
        if read.document is None:
            return Unusable("include"), at
        found = self._follow(path, read.document, _At(at), (), secrets=True)
        main.elsewhere[at] = (found, ())
        return found.data, at

    def blueprint(self, path: Path) -> Source | None:
        """A blueprint with what it points to; each ``!input`` stays in it. None when it cannot be read at all.

        What is wrong in it is added to ``problems``, with paths within it; nothing is added to ``broken``.
        """
        self.asked.add(path)
        read = self._files.read(path)
        if read.fault is not None and path not in self._told:
            self._told.add(path)
            self._fault(read.fault, path, (), {"kept": self.name(path)} if read.document else {})
        if read.document is None:
            return None
        before = len(self.broken)
        source = self._follow(path, read.document, _At(), (), secrets=False, inputs=True)
        del self.broken[before:]
        return source

    def takes(self, count: int) -> bool:
        """Whether so many nodes more can be loaded."""
        self._size += count
        return self._size <= LARGEST

    # -- files ----------------------------------------------------------------------------------

    def _file(self, path: Path, at: _At, by: _File, line: int) -> Source | None:
        """A file that another one includes in ``line``."""
        told_here = partial(self._problem, file=by.source.file, line=line, path=at.path)
        if path in by.above or path == by.path:
            chain = " > ".join(map(self.name, (*by.above, by.path, path)))
            told_here("include_cycle", {"chain": chain})
            return None
        if len(by.above) >= DEEPEST_INCLUDE:
            told_here("include_too_deep", {"limit": str(DEEPEST_INCLUDE)})
            return None
        self.asked.add(path)
        read = self._files.read(path)
        document = read.document
        if read.fault is not None:
            kept = {} if document is None else {"kept": self.name(path)}
            if read.fault.key.startswith("file_"):  # nothing to see inside: the line to mend is the include
                told = {**read.fault.placeholders, "target": self.name(path), **kept}
                if read.fault.key == "file_missing" and (near := nearest(path.stem, _stems(path.parent))):
                    told["nearest"] = f"{near}{path.suffix}"
                told_here(read.fault.key.replace("file_", "include_"), told)
            elif path not in self._told:
                self._told.add(path)
                self._fault(read.fault, path, at.path, kept)
        if document is None:
            return None
        self._size += document.size
        self._includes += 1
        if self._size > LARGEST or self._includes > MOST:
            if not self._full:
                self._full = True
                told_here("include_too_much", {})
            return None
        return self._follow(path, document, at, (*by.above, by.path), secrets=by.secrets, inputs=by.inputs)

    def _follow(
        self,
        path: Path,
        document: Document,
        at: _At,
        above: tuple[Path, ...],
        *,
        secrets: bool,
        inputs: bool = False,
    ) -> Source:
        self.read.add(path)
        source = Source(self.name(path), document, document.data)
        if path not in self._told:
            self._told.add(path)
            self.texts[self.name(path)] = document.text
            for fault in document.faults:
                self._fault(fault, path, at.join(fault.path))
        if document.tagged:
            source.data = self._walk(document.data, _File(path, source, at, above, secrets, inputs), ())
        return source

    def _walk(self, value: Any, file: _File, path: Steps) -> Any:
        """``value`` with its tags followed; what has none in it is not copied."""
        copy: Any = None
        match value:
            case dict():
                for key, item in value.items():
                    if isinstance(item, (dict, list, Tag, Input, Unusable)):
                        new = self._walk(item, file, (*path, key))
                        if new is not item:
                            copy = dict(value) if copy is None else copy
                            copy[key] = new
            case list():
                for index, item in enumerate(value):
                    if isinstance(item, (dict, list, Tag, Input, Unusable)):
                        new = self._walk(item, file, (*path, index))
                        if new is not item:
                            copy = list(value) if copy is None else copy
                            copy[index] = new
            case Tag():
                return self._tag(value, file, path)
            case Unusable():  # has been told as a fault of the document
                self.broken.append(Broken(file.at.join(path)))
            case Input() if not file.inputs:
                line = file.source.document.line(path) if file.source.document else 1
                return self._fail("input_outside_blueprint", {"name": value.name}, file, path, line)
        return value if copy is None else copy

    # -- tags -----------------------------------------------------------------------------------

    def _tag(self, tag: Tag, file: _File, path: Steps) -> Any:
        follow = self._tags.get(tag.name)
        if follow is None:
            told = {"tag": tag.name}
            if near := nearest(tag.name, (*self._tags, "!input")):
                told["nearest"] = near
            return self._fail("tag_unknown", told, file, path, tag.line)
        if not tag.argument:
            return self._fail("tag_empty", {"tag": tag.name}, file, path, tag.line)
        return follow(tag, file, path)

    def _include(self, tag: Tag, file: _File, path: Steps) -> Any:
        target = _beside(file.path, tag.argument)
        found = self._file(target, _At(file.at.join(path)), file, tag.line)
        if found is None:
            return self._lost(file, path)
        file.source.elsewhere[path] = (found, ())
        return {} if found.data is None else found.data

    def _include_dir_list(self, tag: Tag, file: _File, path: Steps) -> Any:
        data: list[Any] = []
        for target in self._folder(tag, file, path):
            inner = (*path, len(data))
            found = self._file(target, _At(file.at.join(inner)), file, tag.line)
            if found is None:
                data.append(self._lost(file, inner))
            elif found.data is not None:
                file.source.elsewhere[inner] = (found, ())
                data.append(found.data)
        return data

    def _include_dir_merge_list(self, tag: Tag, file: _File, path: Steps) -> Any:
        data: list[Any] = []
        for target in self._folder(tag, file, path):
            found = self._file(target, _At(file.at.join(path), len(data)), file, tag.line)
            if found is None:
                self.broken.append(Broken(file.at.join(path), partly=True))
            elif isinstance(found.data, list):
                for index, item in enumerate(found.data):
                    file.source.elsewhere[*path, len(data)] = (found, (index,))
                    data.append(item)
            elif found.data is not None:
                self._unsuited("include_not_list", found, file.at.join(path))
        return data

    def _include_dir_named(self, tag: Tag, file: _File, path: Steps) -> Any:
        data: dict[str, Any] = {}
        for target in self._folder(tag, file, path):
            inner = (*path, target.stem)
            before = file.source.elsewhere.get(inner)
            found = self._file(target, _At(file.at.join(inner)), file, tag.line)
            if found is None:
                data[target.stem] = self._lost(file, inner)
                continue
            if before is not None:
                self._twice(target.stem, before, found, (), file.at.join(inner))
            file.source.elsewhere[inner] = (found, ())
            data[target.stem] = {} if found.data is None else found.data
        return data

    def _include_dir_merge_named(self, tag: Tag, file: _File, path: Steps) -> Any:
        data: dict[Any, Any] = {}
        for target in self._folder(tag, file, path):
            found = self._file(target, _At(file.at.join(path)), file, tag.line)
            if found is None:
                self.broken.append(Broken(file.at.join(path), partly=True))
            elif isinstance(found.data, dict):
                for key, value in found.data.items():
                    if key in data:
                        self._twice(key, file.source.elsewhere[*path, key], found, (key,), file.at.join((*path, key)))
                    file.source.elsewhere[*path, key] = (found, (key,))
                    data[key] = value
            elif found.data is not None:
                self._unsuited("include_not_mapping", found, file.at.join(path))
        return data

    def _folder(self, tag: Tag, file: _File, path: Steps) -> Iterable[Path]:
        folder = _beside(file.path, tag.argument)
        if not folder.is_dir():
            told = {"target": self.name(folder)}
            self._problem("include_folder_missing", told, file=file.source.file, line=tag.line, path=file.at.join(path),
                          severity="warning")  # fmt: skip
        return self._files.listed(folder, _yaml_files(folder))

    def _env_var(self, tag: Tag, file: _File, path: Steps) -> Any:
        name, *default = (tag.argument or "").split()
        if name in self._environ:
            return self._environ[name]
        if default:
            return " ".join(default)
        return self._fail("env_var_unset", {"name": name}, file, path, tag.line)

    # -- secrets --------------------------------------------------------------------------------

    def _secret(self, tag: Tag, file: _File, path: Steps) -> Any:
        wanted = str(tag.argument)
        if file.inputs:
            return self._fail("secret_in_blueprint", {"name": wanted}, file, path, tag.line)
        if not file.secrets:
            return self._fail("secret_in_secrets", {}, file, path, tag.line)
        known: list[object] = []
        for folder in self._upwards(file.path.parent):
            found = self._secrets_of(folder / SECRETS)
            if found is None:
                return self._lost(file, path)
            if wanted in found:
                value = found[wanted]
                if isinstance(value, Unusable):
                    return self._lost(file, path)
                self.secrets.update(texts(value))
                return masked(value)
            known += found
        told = {"name": wanted}
        if near := nearest(wanted, known):
            told["nearest"] = near
        return self._fail("secret_unknown" if known else "secret_nowhere", told, file, path, tag.line)

    def _upwards(self, folder: Path) -> Iterator[Path]:
        """From the folder of a file up to the configuration folder; from outside of that straight to it."""
        while folder != self.config_dir:
            yield folder
            folder = folder.parent if folder.is_relative_to(self.config_dir) else self.config_dir
        yield self.config_dir

    def _secrets_of(self, path: Path) -> Mapping[str, Any] | None:
        """The secrets in a file; empty when there is none, None when it cannot be read."""
        if path not in self._secret_files:
            self.asked.add(path)
            read = self._files.read(path)
            found: Mapping[str, Any] | None = {}
            if read.fault is not None and (read.fault.key != "file_missing" or read.document is not None):
                self._fault(read.fault, path, (), {"kept": self.name(path)} if read.document else {})
                found = None
            if read.document is not None:
                before = len(self.broken)
                data = self._follow(path, read.document, _At(), (), secrets=False).data
                del self.broken[before:]  # a broken secret breaks only where it is used
                found = data if isinstance(data, dict) else {}
                if data is not None and not isinstance(data, dict):
                    self._problem("secrets_not_mapping", {}, file=self.name(path), line=1)
            self._secret_files[path] = found
        return self._secret_files[path]

    # -- problems -------------------------------------------------------------------------------

    def _problem(
        self,
        key: str,
        told: Mapping[str, str],
        *,
        file: str | None,
        line: int | None,
        path: Steps = (),
        severity: Severity = "error",
    ) -> None:
        self.problems.append(Problem(key, dict(told), file, line, path, severity))

    def _fault(self, fault: Fault, path: Path, at: Steps, more: Mapping[str, str] | None = None) -> None:
        severity: Severity = "warning" if fault.key == "duplicate_key" else "error"
        told = {**fault.placeholders, **(more or {})}
        if path.name == SECRETS and "value" in told:
            told["value"] = MASK
        line = None if fault.key in WHOLE_FILE else fault.line
        self._problem(fault.key, told, file=self.name(path), line=line, path=at, severity=severity)

    def _fail(self, key: str, told: Mapping[str, str], file: _File, path: Steps, line: int) -> Unusable:
        self._problem(key, told, file=file.source.file, line=line, path=file.at.join(path))
        return self._lost(file, path, key)

    def _lost(self, file: _File, path: Steps, reason: str = "include") -> Unusable:
        self.broken.append(Broken(file.at.join(path)))
        return Unusable(reason)

    def _unsuited(self, key: str, found: Source, path: Steps) -> None:
        self._problem(key, {}, file=found.file, line=1, path=path, severity="warning")

    def _twice(self, key: Any, before: tuple[Source, Steps], found: Source, inner: Steps, path: Steps) -> None:
        source, steps = before
        first = "{}:{}".format(*source.locate(steps))
        file, line = found.locate(inner)
        self._problem("named_twice", {"name": str(key), "first": first}, file=file, line=line or 1, path=path,
                      severity="warning")  # fmt: skip


def _beside(file: Path, argument: str | None) -> Path:
    return Path(os.path.normpath(file.parent / str(argument)))


def _stems(folder: Path) -> list[str]:
    try:
        return [entry.stem for entry in folder.iterdir() if entry.name.endswith(".yaml")]
    except OSError:
        return []


def _yaml_files(folder: Path) -> Iterator[Path]:
    """``*.yaml`` in a folder, then in its folders, each sorted by name; no hidden ones and no secrets."""
    seen: set[str] = set()  # folders by their real name: a link may lead back to where it is
    pending = [folder]
    while pending:
        current = pending.pop(0)
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(e for e in current.iterdir() if not e.name.startswith("."))
        except OSError:
            continue
        yield from (e for e in entries if e.name.endswith(".yaml") and e.name != SECRETS and not e.is_dir())
        pending = [e for e in entries if e.is_dir()] + pending
