"""A file of JSON lines for each session, which is only ever appended to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from nanobot.conversations.deletions import digest
from nanobot.conversations.following import News, Position, key_of
from nanobot.errors import StorageError
from nanobot.storage.files import make_private, write_atomically

from .store import Store

POSITION = ".position.json"
LONGEST_NAME = 200  # characters of the name of a file, before its ending
LATE = 3600.0  # s; a line that much older than the last one may come from an import, and be there already
TAIL = 64 * 1024  # bytes at the end of a file in which its last line is looked for
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


@dataclass(slots=True)
class _Known:
    """What a file looks like: its ``size`` in bytes, its last head, and the time of its last line. ``keys`` are those
    of its lines, where they were read just now."""

    size: int = 0
    head: dict[str, Any] = field(default_factory=dict)
    last: float = 0.0
    keys: set[str] = field(default_factory=set)
    unended: bool = False


class Folder(Store):
    """The files are their owner's alone. What a person does to them between two turns is noticed by their size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, _Known] = {}

    def position(self) -> Position:
        try:
            return Position.of(orjson.loads((self.folder / POSITION).read_bytes()))
        except (FileNotFoundError, TypeError, ValueError):  # without it, all is compared with what is there
            self._known.clear()
            return Position()
        except OSError as error:
            raise self._failed(error) from error

    def write(self, news: News) -> None:
        try:
            make_private(self.folder)
            if news.deleted:
                self._remove([path for path in self._files() if digest(_session_in(path)) in news.deleted])
            for session, head in news.heads.items():
                self._append(session, head, news.lines.get(session, []))
            write_atomically(self.folder / POSITION, orjson.dumps(news.position.as_dict()))
        except OSError as error:
            self._known.clear()  # what was written of it is looked up
            raise self._failed(error) from error
        except BaseException:
            self._known.clear()
            raise

    def expire(self, before: float) -> int:
        try:
            old = [path for path in self._files() if _last_time(path) < before]
            self._remove(old)
        except OSError as error:
            raise self._failed(error) from error
        return len(old)

    def _files(self) -> Iterator[Path]:
        return self.folder.glob("*.jsonl")

    def _remove(self, paths: list[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
        self._known.clear()

    def _append(self, session: str, head: dict[str, Any], lines: list[tuple[str, dict[str, Any]]]) -> None:
        path = self.folder / f"{name_of(session)}.jsonl"
        known = self._known.get(session)
        size = path.stat().st_size if path.exists() else 0
        if known is None or known.size != size or any(_may_be_there(line, known.last) for _, line in lines):
            known = _read(path)
        fresh = [line for key, line in lines if key not in known.keys]
        known.keys = set()
        if head != known.head and (fresh or known.size):
            fresh.insert(0, head)
        if fresh:
            data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in fresh)
            known.size = _write(path, known.size, b"\n" + data if known.unended else data)
            known.head, known.unended = head, False
            known.last = max([known.last, *map(_time, fresh)])
        self._known[session] = known

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(f"{self.folder.name}/ cannot be written: {error.strerror or error}")


def name_of(session: str) -> str:
    """What the file of a session is called, without its ending: another name for each session, that every file system
    takes."""
    name = quote(session, safe=":@+,", errors="replace").replace(":", "=")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= LONGEST_NAME else f"{name[:150]}={digest(session)[:20]}"


def _write(path: Path, size: int, data: bytes) -> int:
    """Append, and have it on the disk; all of it or, where that fails, nothing. Gives the new size."""
    handle = os.open(path, _FLAGS, 0o600)
    try:
        if os.name == "posix" and os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):  # else it is a torn line, which the next try cuts off
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    return size + len(data)


def _read(path: Path) -> _Known:
    """Look through a file. A last line that is torn is cut off; what is no line of ours is left as it is."""
    known = _Known()
    steps: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for raw in file:
            line = _line(raw)
            if not raw.endswith(b"\n"):
                if line is None:
                    os.truncate(path, known.size)
                    break
                known.unended = True
            known.size += len(raw)
            if line is None:
                continue
            if line.get("type") == "session":
                known.head = line
                continue
            with contextlib.suppress(KeyError, TypeError, ValueError):
                known.keys.add(key_of(line, steps))
                known.last = max(known.last, _time(line))
    return known


def _may_be_there(line: dict[str, Any], last: float) -> bool:
    """Whether a line that is new in the database may stand in the file, whose last one is of that time."""
    return line["type"] == "undone" or _time(line) < last - LATE


def _line(raw: bytes) -> dict[str, Any] | None:
    try:
        line = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return line if isinstance(line, dict) else None


def _time(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["time"]).timestamp() if "time" in line else 0.0


def _session_in(path: Path) -> str:
    with path.open("rb") as file:
        return str((_line(file.readline()) or {}).get("session"))


def _last_time(path: Path) -> float:
    """When something was said there last; where no line says it, when the file was changed."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        for raw in reversed(file.read().splitlines()):
            with contextlib.suppress(KeyError, TypeError, ValueError):
                if (line := _line(raw)) is not None and "time" in line:
                    return _time(line)
    return path.stat().st_mtime
