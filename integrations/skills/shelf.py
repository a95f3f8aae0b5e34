"""The folders with skills, and what of them has changed since the last look. Everything here blocks."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nanobot.errors import ToolError
from nanobot.storage.folder import Folder

from .skill_file import SkillFile, parse

FILE = "SKILL.md"
MAX_TEXT = 200_000  # bytes of one SKILL.md
MAX_FILES = 300  # of one skill
MAX_BYTES = 5_000_000  # of all files of one skill
MAX_SKILLS = 500  # of one folder

Stamp = tuple[tuple[str, int, int, int], ...]
"""Path, time, size and inode of each file of a skill."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A skill as it lies on the disk. ``digest`` is of all its files, "" for one that comes with nanobot."""

    source: str
    folder: Path
    file: SkillFile
    stamp: Stamp
    digest: str


@dataclass(frozen=True, slots=True)
class Home:
    """A folder with skills. ``guarded``: others than the owner may write there, so no link in it is followed."""

    source: str
    path: Path
    guarded: bool = False


def look(homes: tuple[Home, ...], known: Mapping[tuple[str, str], OnDisk]) -> dict[tuple[str, str], OnDisk]:
    """What is there now, by source and name; files that are as they were are not read again."""
    found = {}
    for home in homes:
        for name in _folders(home):
            folder = home.path / name
            stamp = _stamp(home, folder)
            if stamp is None:
                continue
            before = known.get((home.source, name))
            if before is not None and before.stamp == stamp and before.folder == folder:
                found[home.source, name] = before
            else:
                found[home.source, name] = _read(home, folder, stamp)
    return found


def side_file(folder: Path, path: str) -> str:
    """A file that lies beside a ``SKILL.md``. Raises ``ToolError``; no link is followed."""
    return Folder(folder).read(path, MAX_TEXT).data.decode("utf-8-sig", errors="replace")


def _folders(home: Home) -> list[str]:
    try:
        with os.scandir(home.path) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith((".", "_")) and entry.is_dir(follow_symlinks=not home.guarded)
            )
    except OSError:
        return []
    return names[:MAX_SKILLS]


def _stamp(home: Home, folder: Path) -> Stamp | None:
    """None for a folder without a skill in it."""
    files = tuple(_files(folder, deep=home.source != "bundled"))
    return files if any(path == FILE for path, *_ in files) else None


def _files(folder: Path, *, deep: bool) -> Iterator[tuple[str, int, int, int]]:
    """Of those that come with nanobot only ``SKILL.md`` is looked at."""
    if not deep:
        try:
            status = (folder / FILE).stat()
        except OSError:
            return
        yield FILE, status.st_mtime_ns, status.st_size, status.st_ino
        return
    count = 0
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(above, name)  # noqa: PTH118 - many files, and this is quicker
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if not stat.S_ISREG(status.st_mode) and not (name == FILE and stat.S_ISLNK(status.st_mode)):
                continue
            count += 1
            yield os.path.relpath(path, folder), status.st_mtime_ns, status.st_size, status.st_ino
            if count > MAX_FILES:
                return


def _read(home: Home, folder: Path, stamp: Stamp) -> OnDisk:
    file = _parsed(home, folder)
    if home.source == "bundled":
        return OnDisk(home.source, folder, file, stamp, "")
    if len(stamp) > MAX_FILES or sum(size for _, _, size, _ in stamp) > MAX_BYTES:
        file = replace(file, wrong=f"it has more than {MAX_FILES} files or {MAX_BYTES // 1_000_000} MB")
        return OnDisk(home.source, folder, file, stamp, "too large")
    digest = _digest(folder, stamp)
    if _stamp(home, folder) != stamp:  # what was read and what was counted may not be the same
        return OnDisk(home.source, folder, SkillFile(folder.name, wrong="it is being changed right now"), (), digest)
    return OnDisk(home.source, folder, file, stamp, digest)


def _parsed(home: Home, folder: Path) -> SkillFile:
    try:
        if home.guarded:
            data = Folder(folder).read(FILE, MAX_TEXT).data
        else:
            data = (folder / FILE).read_bytes()
            if len(data) > MAX_TEXT:
                return SkillFile(folder.name, wrong=f"SKILL.md has more than {MAX_TEXT} bytes")
    except (OSError, ToolError) as error:
        why = str(error) if isinstance(error, ToolError) else error.strerror
        return SkillFile(folder.name, wrong=f"SKILL.md cannot be read: {why}")
    return parse(folder.name, data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n"))


def _digest(folder: Path, stamp: Stamp) -> str:
    digest = hashlib.sha256()
    for path, *_ in stamp:
        try:
            data = (folder / path).read_bytes()
        except OSError:
            data = b"\0unreadable"
        digest.update(f"{path}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        digest.update(data)
    return digest.hexdigest()
