"""The blueprints that there are: listed, looked at, tried, saved, deleted, and written out as what they stand for.

For commands and the API. Everything here blocks and reads from disk; call it in a thread. What cannot be done raises
``BlueprintError`` with a sentence.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanobot.config.blueprint import DOMAINS, Blueprint, understand
from nanobot.config.blueprint_text import dump, with_source
from nanobot.config.files import Files
from nanobot.config.items import name_of, title_of
from nanobot.config.load import Loaded, load
from nanobot.config.problem import Problem
from nanobot.config.resolve import Resolver
from nanobot.config.substitute import FOLDER, USE, FromBlueprint, Known, fill, find, is_inside, names, read
from nanobot.errors import NanobotError
from nanobot.storage.files import write_atomically
from nanobot.util.text import nearest
from nanobot.util.yaml import Path as Steps
from nanobot.util.yaml import Tag, Unparsable, parse


class BlueprintError(NanobotError):
    """Something that cannot be done with a blueprint. ``missing``: because there is none of that path."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class User:
    """An item that uses a blueprint. ``written`` is the item with the tags that stand in its file."""

    title: str
    file: str | None
    line: int | None
    known_as: frozenset[str]
    at: Steps
    inner: Steps
    """Where it stands in its file."""
    written: Mapping[str, Any]

    def __str__(self) -> str:
        return f'"{self.title}" ({self.file}:{self.line})'


def every(config_dir: Path, domain: str) -> dict[str, Known]:
    """All blueprints of a domain by path, those that cannot be used too."""
    return {path: _read(config_dir, domain, path, file) for path, file in names(config_dir, domain).items()}


def look(config_dir: Path, domain: str, path: str) -> Known:
    """One blueprint. Raises ``BlueprintError`` when there is none of that path."""
    file = find(config_dir, domain, path) if is_inside(path) else None
    if file is None:
        near = nearest(path, names(config_dir, domain))
        hint = f"; did you mean '{near}'?" if near else ""
        raise BlueprintError(f"there is no {domain} blueprint '{path}'{hint}", missing=True)
    return _read(config_dir, domain, path, file)


def is_shipped(config_dir: Path, domain: str, path: str) -> bool:
    """Whether it is one that comes with nanobot."""
    return not (config_dir / FOLDER / domain / path).is_file()


def listing(config_dir: Path, domain: str) -> dict[str, dict[str, Any]]:
    """``{path: {"metadata": {…}} or {"error": "…"}}``, as ``blueprint/list`` of Home Assistant (2025.4) gives it."""
    return {
        path: {"error": known.why} if known.blueprint is None else {"metadata": metadata(known.blueprint)}
        for path, known in every(config_dir, domain).items()
    }


def metadata(blueprint: Blueprint) -> dict[str, Any]:
    """What stands under ``blueprint:``; never without ``input``."""
    return {**blueprint.head, "input": blueprint.head.get("input") or {}}


def understand_text(text: str, domain: str | None = None) -> tuple[Blueprint | None, list[str]]:
    """What a text is as a blueprint, None when it is none, and what is wrong with it, with line numbers."""
    try:
        document = parse(text)
    except Unparsable as error:
        fault = Problem(error.fault.key, error.fault.placeholders, line=error.fault.line)
        return None, [f"line {error.fault.line}: {fault.sentence()}"]
    blueprint, problems = understand(document.data, domain)
    for name, tag in _tags(document.data):
        problems.append(Problem("secret_in_blueprint", {"name": str(tag.argument)}, path=name))
        blueprint = None
    told = [
        f"line {document.line(problem.path)}: {': '.join(filter(None, (problem.where(), problem.sentence())))}"
        for problem in problems
    ]
    return blueprint, told


def made(config_dir: Path, domain: str, path: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a blueprint stands for with these inputs."""
    item, problems = fill(look(config_dir, domain, path), {USE: {"path": path, "input": dict(inputs)}})
    if item is None:
        raise BlueprintError("; ".join(p.sentence() for p in problems if p.severity == "error"))
    return dict(item)


def save(
    config_dir: Path, domain: str, path: str, text: str, *, source_url: str | None = None, replace: bool = False
) -> bool:
    """Write a blueprint as it is, comments and all, with the address it came from; true when it replaced another."""
    if domain not in DOMAINS:
        raise BlueprintError(f"there are no blueprints for '{domain}', only for {', '.join(DOMAINS)}")
    path = path if path.endswith(".yaml") else f"{path}.yaml"
    if not is_inside(path):
        raise BlueprintError(f"'{path}' cannot be the path of a blueprint; write it like 'nanobot/remind.yaml'")
    blueprint, told = understand_text(text, domain)
    if blueprint is None:
        raise BlueprintError("; ".join(told))
    file = config_dir / FOLDER / domain / path
    there = file.exists()
    if there and not replace:
        raise BlueprintError(f"there is a blueprint '{path}' already; say that it is to be replaced, or name another")
    write(file, text if source_url is None else with_source(text, source_url))
    return there


def write(file: Path, text: str) -> None:
    """Replace a file of the configuration as a whole, keeping its mode."""
    mode = file.stat().st_mode & 0o777 if file.exists() else None
    write_atomically(file, text.encode())
    if mode is not None:
        file.chmod(mode)


def delete(config_dir: Path, domain: str, path: str) -> None:
    """Delete a blueprint of the user that nothing uses."""
    look(config_dir, domain, path)
    if is_shipped(config_dir, domain, path):
        raise BlueprintError(f"'{path}' comes with nanobot and cannot be deleted")
    if using := users(config_dir, domain, path):
        named = ", ".join(map(str, using))
        raise BlueprintError(f"'{path}' is used by {named}; change these first (`nanobot blueprint take-control`)")
    file = config_dir / FOLDER / domain / path
    file.unlink()
    if not any(file.parent.iterdir()):
        file.parent.rmdir()


def users(config_dir: Path, domain: str, path: str | None = None) -> list[User]:
    """The items of the configuration on disk that use a blueprint, or any. Raises ``Unreadable``."""
    loaded = load(config_dir, blueprints_of=lambda name: () if name == domain else None)
    return [user for user in _users(loaded, domain) if path is None or user.written[USE].get("path") == path]


def written_out(config_dir: Path, user: User, platforms: Collection[str] = ()) -> str:
    """The item of a user as YAML, without the blueprint. Secrets stay ``!secret``."""
    domain = str(user.at[0]).partition(" ")[0]
    known = look(config_dir, domain, str(user.written[USE]["path"]))
    item, problems = fill(known, user.written, platforms, fitting=False)
    if item is None:
        raise BlueprintError("; ".join(p.sentence() for p in problems if p.severity == "error"))
    return dump(_in_order(item))


def broken_by(config_dir: Path, domain: str, path: str, text: str) -> list[str]:
    """What would be wrong with those who use a blueprint if it were this text."""
    blueprint, _ = understand_text(text, domain)
    if blueprint is None:
        return []
    known = Known(path, None, blueprint)
    told = []
    for user in users(config_dir, domain, path):
        problems = fill(known, user.written)[1]
        told += [f"{user}: {problem.sentence()}" for problem in problems]
    return told


def _in_order(item: FromBlueprint) -> dict[str, Any]:
    """What a person looks for first comes first."""
    first = [key for key in ("id", "alias", "description") if key in item]
    return {key: item[key] for key in (*first, *(key for key in item if key not in first))}


def _users(loaded: Loaded, domain: str) -> Iterator[User]:
    for key, value in loaded.data.items():
        if key.partition(" ")[0] != domain:
            continue
        if isinstance(value, dict) and USE in value:
            pairs: list[tuple[Steps, Any]] = [((key,), value)]
        elif isinstance(value, (dict, list)):
            steps = value.items() if isinstance(value, dict) else enumerate(value)
            pairs = [((key, step), item) for step, item in steps]
        else:
            continue
        for at, item in pairs:
            written = item.written if isinstance(item, FromBlueprint) else item
            if isinstance(written, dict) and isinstance(written.get(USE), dict):
                yield _user(loaded, at, written)


def _user(loaded: Loaded, at: Steps, written: Mapping[str, Any]) -> User:
    source, inner = loaded.source.follow(at)
    file, line = source.locate(inner)
    raw: Any = source.document.data if source.document is not None else None
    for step in inner:
        raw = raw[step] if (isinstance(raw, dict) and step in raw) or isinstance(raw, list) else None
    title = title_of(written) or str(at[-1])
    known_as = {str(at[-1]), title, name_of(written) or title}
    return User(title, file, line, frozenset(known_as), at, inner, raw if _is_plain(raw) else written)


def _is_plain(raw: Any) -> bool:
    """Whether an item says in its own file which blueprint it uses, and how."""
    use = raw.get(USE) if isinstance(raw, dict) else None
    return isinstance(use, dict) and isinstance(use.get("path"), str) and isinstance(use.get("input", {}), dict | None)


def _read(config_dir: Path, domain: str, path: str, file: Path) -> Known:
    return read(Resolver(config_dir, Files(), os.environ), domain, path, file)


def _tags(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Tag]]:
    if isinstance(value, Tag):
        if value.name == "!secret":
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _tags(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _tags(item, (*path, index))
