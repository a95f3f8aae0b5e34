"""The journal: every change of the memory, so that each can be undone. One JSON object in a line; blocks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

FILE = ".changes.jsonl"
TRIM_ABOVE = 2_000_000  # bytes
KEPT = 2000  # changes that stay when it is trimmed
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines that were added to a file, and those that were taken out, each with the line before it."""

    path: str
    added: tuple[str, ...] = ()
    removed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """``by``: who made it, ``<channel>:<sender>`` or ``memory`` for what was gathered in the background."""

    id: str
    at: float
    by: str
    book: str
    edits: tuple[Edit, ...]
    undoes: str = ""

    def summary(self) -> dict[str, Any]:
        """For people. JSON-able."""
        return {
            "id": self.id,
            "at": self.at,
            "by": self.by,
            "book": self.book,
            "added": [line for edit in self.edits for line in edit.added],
            "removed": [line for edit in self.edits for line, _ in edit.removed],
        }


@dataclass(slots=True)
class Journal:
    """In the folder of the memory."""

    root: Path
    _size: int = field(default=0)

    def note(self, change: Change) -> None:
        """On the disk when this returns. Raises ``OSError``."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.root / FILE
        handle = os.open(path, _APPEND, 0o600)
        try:
            torn = self._is_torn(path)
            os.write(handle, (b"\n" if torn else b"") + orjson.dumps(asdict(change)) + b"\n")
            os.fsync(handle)
            large = os.fstat(handle).st_size > TRIM_ABOVE
        finally:
            os.close(handle)
        if large:
            self._trim(path)

    def open_changes(self) -> list[Change]:
        """Those that are not undone, oldest first."""
        changes = self._all()
        undone = {change.undoes for change in changes}
        return [change for change in changes if not change.undoes and change.id not in undone]

    def _all(self) -> list[Change]:
        try:
            lines = (self.root / FILE).read_bytes().splitlines()
        except OSError:
            return []
        return [change for line in lines if (change := _of(line)) is not None]

    def _is_torn(self, path: Path) -> bool:
        """Whether a crash has left a line without its end."""
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def _trim(self, path: Path) -> None:
        lines = path.read_bytes().splitlines(keepends=True)[-KEPT:]
        new = path.with_name(f"{FILE}.new")
        new.unlink(missing_ok=True)
        handle = os.open(new, _APPEND | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(handle)
        new.replace(path)


def _of(line: bytes) -> Change | None:
    """None for a line that a crash has torn."""
    try:
        data: Mapping[str, Any] = orjson.loads(line)
        edits = tuple(
            Edit(one["path"], tuple(one["added"]), tuple((line, before) for line, before in one["removed"]))
            for one in data["edits"]
        )
        return Change(data["id"], data["at"], data["by"], data["book"], edits, data["undoes"])
    except (ValueError, KeyError, TypeError):
        return None
