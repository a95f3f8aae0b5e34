"""The folders of the older nanobot, read with care: no link is followed, nothing is read without end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nanobot.conversations.packing import whole
from nanobot.errors import NanobotError, ToolError
from nanobot.storage.folder import Folder, Found

from .note import Notes

CONFIG = "config.json"
WORKSPACE = "workspace"
SMALL = 20_000_000  # bytes of a JSON file
LARGE = 64_000_000  # bytes of a session
DEPTH = 8  # folders in folders


class NothingThere(NanobotError):
    """The source holds nothing of the older nanobot."""

    exit_code = 2


class Home:
    """``source`` is its folder, its ``config.json`` under whichever name, or a workspace alone."""

    def __init__(self, source: Path, notes: Notes) -> None:
        self.notes = notes
        self.path, self._config = (source.parent, source.name) if source.is_file() else (source, CONFIG)
        self.workspace = self.path / WORKSPACE

    def config(self) -> Any:
        """What stands in ``config.json``; None where there is none that can be read."""
        return self.json(self.path, self._config)

    def use_workspace(self, given: str | None) -> None:
        """``given`` as the configuration names it; else the usual folder, else the source itself."""
        if given and "${" not in given:
            named = self.path / Path(given).expanduser()
            if named.is_dir():
                self.workspace = named
                return
            if not self.workspace.is_dir():
                self.notes.add("no_workspace", folder=named)
        if not self.workspace.is_dir() and not (self.path / self._config).exists():
            self.workspace = self.path

    def json(self, folder: Path, name: str) -> Any:
        """A JSON file; None where it is missing, or wrong, which is told."""
        data = self.read(folder, name, SMALL)
        if data is None:
            return None
        try:
            return _parsed(data)
        except UnicodeDecodeError as error:
            self.notes.add("no_json", file=name, line=data[: error.start].count(b"\n") + 1, error="not UTF-8")
        except json.JSONDecodeError as error:
            self.notes.add("no_json", file=name, line=error.lineno, error=error.msg)
        except (RecursionError, ValueError) as error:
            self.notes.add("no_json", file=name, line=1, error=type(error).__name__)
        return None

    def lines(self, folder: Path, name: str, limit: int = SMALL) -> Iterator[tuple[int, dict[str, Any]]]:
        """The mappings of a JSONL file with their line numbers. What is wrong is told and left out."""
        rows = (self.read(folder, name, limit) or b"").split(b"\n")
        while rows and not rows[-1].strip():
            rows.pop()
        for number, row in enumerate(rows, 1):
            if not row.strip():
                continue
            try:
                found = _parsed(row)
            except (ValueError, RecursionError):
                self.notes.add("torn_line" if number == len(rows) else "bad_line", file=name, line=number)
                continue
            if isinstance(found, dict):
                yield number, found
            else:
                self.notes.add("bad_line", file=name, line=number)

    def read(self, folder: Path, name: str, limit: int) -> bytes | None:
        """A plain file; None where there is none, or it must not be read, which is told."""
        path = folder / name
        if not path.is_symlink() and not path.exists():
            return None
        try:
            return Folder(folder).read(name, limit).data
        except ToolError as error:
            self.notes.add("unreadable", file=name, error=error)
            return None

    def walk(self, folder: Path, below: str = "", depth: int = DEPTH) -> Iterator[Found]:
        """What lies in a folder and below it, by name; nothing where it is missing."""
        path = folder / below
        if path.is_dir() and not (below and path.is_symlink()):
            try:
                yield from Folder(folder).walk(below, depth=depth)
            except ToolError as error:
                self.notes.add("unreadable", file=below or folder.name, error=error)


def _parsed(data: bytes) -> Any:
    """JSON without what no file and no database takes: halves of characters, and numbers that are none."""
    return _clean(json.loads(data.decode("utf-8-sig"), parse_constant=lambda _: None))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
