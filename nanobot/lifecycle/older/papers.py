"""The files of the older workspace, its memory and its skills, as files of ours. What is there already stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanobot.errors import ToolError
from nanobot.storage.folder import Folder

from .home import SMALL, Home
from .note import Notes
from .talk import text_of

NEW, CHANGED, SAME, KEPT = "new", "changed", "same", "kept"
MEMORY, HISTORY, JOURNAL = "MEMORY.md", "HISTORY.md", "history.jsonl"
OWN = ("memory", "sessions", "cron", "triggers", "prompts", "plugins", "configuration.yaml", "secrets.yaml")
"""What of a workspace is no file of the person, and is looked at elsewhere, or not at all."""
KNOWN = ("AGENTS.md", "HEARTBEAT.md", "IDENTITY.md", "SOUL.md", "TOOLS.md", "USER.md", "skills")
MOST_FILES = 5000
MOST_BYTES = 500_000_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.md")
_EMPTY = re.compile(r"(?:#.*|-{3,}|[*_(<].*[*_)>]|[-*+]?\s*)\s*")
"""A line of a template: a heading, a rule, a hint in brackets, a bullet without anything."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that would be written to ``path``. ``state`` is one of the words above."""

    path: Path
    state: str
    data: Callable[[], bytes]


def workspace(home: Home, target: Path, notes: Notes) -> Iterator[Paper]:
    """All that a person or the agent keeps there, skills as well."""
    source, count, size = home.workspace, 0, 0
    if source.is_dir() and (source / "plugins").is_dir():
        notes.add("plugins")
    if source.resolve() == target.resolve():
        return
    tops = [one for one in home.walk(source, depth=1) if not one.path.startswith(".") and one.path not in OWN]
    if not source.resolve().is_relative_to(home.path.resolve()):  # a folder of projects, which may be all that there is
        notes.add("elsewhere", folder=source)
        tops = [one for one in tops if one.path in KNOWN]
    for top in tops:
        for found in home.walk(source, top.path) if top.kind == "folder" else (top,):
            if found.kind == "folder":
                continue
            if found.kind != "file" or found.size > SMALL:
                notes.add("not_copied", file=found.path)
                continue
            count, size = count + 1, size + found.size
            if count > MOST_FILES or size > MOST_BYTES:
                notes.add("too_many", count=MOST_FILES)
                return
            if (paper := _copy(source, found.path, target / found.path, notes)) is not None:
                yield paper


def skills(papers: list[Paper], home: Home, target: Path) -> list[str]:
    """The names of those that come along."""
    if home.workspace.resolve() == target.resolve():
        there = (one.path.split("/") for one in home.walk(target, "skills", 2))
        return sorted(name for _, name, *file in there if file == ["SKILL.md"])
    return sorted(paper.path.parent.name for paper in papers if paper.state == NEW and _is_skill(paper.path, target))


def memory(home: Home, target: Path, notes: Notes) -> Iterator[Paper]:
    """Facts, history and notes of days; what is there already is not added again."""
    source = home.workspace / "memory"
    if source.resolve() == target.resolve():
        return
    facts = _text(home, source, MEMORY)
    if any(not _EMPTY.fullmatch(line) for line in facts.splitlines()):
        yield _joined(target / MEMORY, facts.splitlines(), "\n")
    told = [part for part in re.split(r"\n\s*\n", _text(home, source, HISTORY)) if part.strip()]
    told += [_paragraph(row) for _, row in home.lines(source, JOURNAL)]
    if told := [part.strip("\n") for part in told if part.strip()]:
        yield _joined(target / HISTORY, told, "\n\n")
    for found in home.walk(source, depth=1):
        if found.kind == "file" and _DAY.fullmatch(found.path):
            yield _joined(target / found.path, _text(home, source, found.path).splitlines(), "\n")


# -- inside ---------------------------------------------------------------------------------------


def _copy(source: Path, name: str, path: Path, notes: Notes) -> Paper | None:
    def data() -> bytes:
        return Folder(source).read(name, SMALL).data

    try:
        Folder(source).peek(name, 1)
    except ToolError as error:
        notes.add("unreadable", file=name, error=error)
        return None
    if not path.exists() and not path.is_symlink():
        return Paper(path, NEW, data)
    try:
        same = path.is_file() and path.read_bytes() == data()
    except (OSError, ToolError):
        same = False
    if not same:
        notes.add("kept", file=name)
    return Paper(path, SAME if same else KEPT, data)


def _joined(path: Path, parts: list[str], between: str) -> Paper:
    """A file with the parts that it lacks at its end."""
    try:
        before = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        if path.exists():
            return Paper(path, KEPT, lambda: b"")
        before = ""
    there = {part.strip() for part in before.split(between)}
    new = [part for part in parts if not before or part.strip() not in there]
    if not any(part.strip() for part in new):
        return Paper(path, SAME, before.encode)
    begin = before.rstrip("\n") + (between if before.strip() else "")
    return Paper(path, CHANGED if before else NEW, (begin + between.join(new).strip("\n") + "\n").encode)


def _paragraph(row: dict[str, Any]) -> str:
    content = re.sub(r"\n\s*\n+", "\n", text_of(row.get("content"))).strip()
    when = row.get("timestamp")
    return f"[{when[:16].replace('T', ' ')}] {content}" if content and isinstance(when, str) else content


def _text(home: Home, folder: Path, name: str) -> str:
    data = home.read(folder, name, SMALL) or b""
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")


def _is_skill(path: Path, target: Path) -> bool:
    return path.name == "SKILL.md" and path.parent.parent == target / "skills"
