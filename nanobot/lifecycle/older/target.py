"""Our folder: what is configured in it already, and whether what would be passes the check of ``nanobot check``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanobot.config.check import check
from nanobot.config.edit import CannotEdit, change
from nanobot.config.files import Files, Read
from nanobot.config.load import MAIN, Unreadable, load
from nanobot.config.nodes import read as nodes_of
from nanobot.config.problem import Problem
from nanobot.config.resolve import SECRETS
from nanobot.config.written import write
from nanobot.errors import NanobotError
from nanobot.lifecycle.loader import Loader
from nanobot.util.translate import translate
from nanobot.util.yaml import Unparsable, parse

FOLDER, NAME = "imported", "older"
OWN_WORKSPACE = "workspace"


@dataclass(slots=True)
class Target:
    """``data`` are the entries that are configured; ``texts`` the files as they are, None where there is none."""

    folder: Path
    loader: Loader
    language: str
    data: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Whether there is no configuration in it."""
        return self.texts[MAIN] is None

    @property
    def workspace(self) -> Path:
        """Where the agent keeps its files."""
        files = self.data.get("files")
        given = files.get("folder") if isinstance(files, dict) else None
        return self.folder / Path(str(given or OWN_WORKSPACE)).expanduser()

    @property
    def models(self) -> set[str]:
        """The names of the models that are configured."""
        listed = (entry.get("models") for entry in self.data.values() if isinstance(entry, dict))
        return {str(name) for models in listed if isinstance(models, dict) for name in models}

    def has(self, domain: str) -> bool:
        """Whether there is an integration of that name, which is foreign words."""
        try:
            return domain.isidentifier() and self.loader.find(domain) is not None
        except NanobotError:  # one that cannot be loaded
            return True

    def place(self) -> tuple[str, str]:
        """A file for a package that is not there yet, and the text of the main file that includes it.

        Raises ``NanobotError`` where the main file is written in a way that cannot be kept.
        """
        text = self.texts[MAIN] or ""
        number, name = 1, NAME
        folder = self._packages(text)
        while (self.folder / (folder or FOLDER) / f"{name}.yaml").exists():
            number += 1
            name = f"{NAME}_{number}"
        if folder is not None:
            return f"{folder}/{name}.yaml", text
        file = f"{FOLDER}/{name}.yaml"
        try:
            return file, _including(text, f"{FOLDER}_{name}", file)
        except (CannotEdit, Unparsable) as error:
            raise self.refused("cannot_edit", file=file, package=f"{FOLDER}_{name}", error=error) from error

    def problems(self, texts: Mapping[str, str]) -> list[Problem]:
        """The errors of the folder with these files in it. Imports integrations."""
        files = _Overlay({self.folder / name: text for name, text in texts.items()})
        try:
            loaded = load(
                self.folder, merge_of=self.loader.merge_of, blueprints_of=self.loader.blueprints_of, files=files
            )
        except Unreadable as error:
            return error.problems
        found = check(loaded, self.loader).problems
        return [problem for problem in found if problem.severity == "error"]

    def refused(self, key: str, **told: object) -> NanobotError:
        """The sentence why nothing can be imported."""
        return NanobotError(translate(f"import.refused.{key}", self.language, **told))

    def _packages(self, text: str) -> str | None:
        """The folder whose files are packages, where there is one."""
        root = nodes_of(text)
        value = root.value if root is not None else {}
        core = value.get(_core_key(value)) if isinstance(value, dict) else None
        packages = core.get("packages") if isinstance(core, dict) else None
        tag, _, folder = packages.partition(" ") if isinstance(packages, str) else ("", "", "")
        inside = folder and not folder.startswith("/") and ".." not in folder.split("/")
        return folder.strip("/") if tag == "!include_dir_named" and inside else None


def look(folder: Path, language: str) -> Target:
    """What is there. Raises ``NanobotError`` for a configuration that cannot be read."""
    loader = Loader(folder)
    loader.mount()
    target = Target(folder, loader, language)
    for name in (MAIN, SECRETS):
        path = folder / name
        try:
            target.texts[name] = path.read_text(encoding="utf-8-sig") if path.exists() or path.is_symlink() else None
        except (OSError, UnicodeDecodeError) as error:
            raise target.refused("unreadable", file=name, error=error) from error
    try:
        secrets = parse(target.texts[SECRETS] or "").data or {}
    except Unparsable as error:
        raise target.refused("unreadable", file=SECRETS, error=f"line {error.fault.line}") from error
    if not isinstance(secrets, dict):
        raise target.refused("unreadable", file=SECRETS, error="no mapping")
    target.secrets = secrets
    if not target.is_new:
        try:
            target.data = load(folder, merge_of=loader.merge_of, blueprints_of=loader.blueprints_of).data
        except Unreadable as error:
            raise target.refused("unreadable", file=MAIN, error=error.problems[0].sentence(language)) from error
    return target


def with_secrets(text: str | None, new: Mapping[str, str]) -> str:
    """``secrets.yaml`` with more at its end. Raises ``CannotEdit`` where that would change what is there."""
    before = text or ""
    after = before + ("\n" if before and not before.endswith("\n") else "") + write(dict(new))
    old = parse(before).data or {}
    with contextlib.suppress(Unparsable):
        if parse(after).data == {**old, **new}:
            return after
    raise CannotEdit("it is written in a way that cannot be kept")


class _Overlay(Files):
    """The files on disk, but for those that are to be written."""

    def __init__(self, texts: Mapping[Path, str]) -> None:
        super().__init__()
        self._texts = texts

    def read(self, path: Path) -> Read:
        if path not in self._texts:
            return super().read(path)
        try:
            return Read(parse(self._texts[path]))
        except Unparsable as error:
            return Read(None, error.fault)

    def listed(self, folder: Path, paths: Iterable[Path]) -> Iterable[Path]:
        new = {path for path in self._texts if path.is_relative_to(folder) and path.name not in (MAIN, SECRETS)}
        return sorted({*paths, *new})


def _core_key(value: Mapping[str, Any]) -> str:
    return "homeassistant" if "homeassistant" in value and "nanobot" not in value else "nanobot"


def _including(text: str, package: str, file: str) -> str:
    """The main file with one package more."""
    root = nodes_of(text)
    value = root.value if root is not None and root.value is not None else {}
    core_key = _core_key(value)
    core = value.get(core_key) or {}
    packages = core.get("packages") or {} if isinstance(core, dict) else None
    if not isinstance(packages, dict):
        raise CannotEdit("its packages stand elsewhere")
    include = f"!include {file}"
    new = {**value, core_key: {**core, "packages": {**packages, package: include}}}
    return change(text, (), new, among_others=True, tags={include})
