"""The folder of the media as the operating system sees it. Everything here blocks, and is called in threads.

No path is ever used as a whole: each folder is opened in the one above it, and never through a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from nanobot.errors import StorageError

FOLDER = "media"

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SOURCE = re.compile(r"[a-z0-9_]{1,64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WHOLE = re.compile(r"([0-9A-HJKMNP-TV-Z]{26})_[^/\0]+")
_PART = re.compile(r"\.([0-9A-HJKMNP-TV-Z]{26})\.part")
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EROFS: "the disk is read-only",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies: ``media/<source>/<day>``."""

    source: str
    day: str


class Shelf:
    """``media/`` in the configuration folder. Raises ``StorageError``."""

    def __init__(self, config_dir: Path) -> None:
        self._config_dir = config_dir
        self.folders = threading.Lock()
        """Held while one is removed because it is empty, or made and given its first file."""

    def begin(self, place: Place, number: str, name: str) -> Part:
        """A file that is not there yet; ``number`` is its ULID."""
        return Part(self, place, number, name)

    def look(self, before: float, fresh: Collection[str]) -> tuple[int, list[str]]:
        """How many bytes all whole files have, and the paths of those last changed before a time.

        Files whose numbers are in ``fresh`` do not count; it may grow while this looks. Parts of other files, which
        nobody is making any more, are deleted.
        """
        size, old = 0, []
        try:
            for place, folder in self._days():
                for entry in _entries(folder):
                    whole, part = _WHOLE.fullmatch(entry.name), _PART.fullmatch(entry.name)
                    if (found := whole or part) is None or found[1] in fresh:
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        if part:
                            os.unlink(entry.name, dir_fd=folder)
                        elif stat.S_ISREG(status.st_mode):
                            size += status.st_size
                            if status.st_mtime < before:
                                old.append(f"{FOLDER}/{place.source}/{place.day}/{entry.name}")
        except OSError as error:
            raise sentence(error, "looked through") from error
        return size, old

    def delete(self, path: str) -> int:
        """Delete a file that was made here; gives back the bytes it had, 0 for what is none or is gone."""
        parts = path.split("/")
        if len(parts) != 4 or parts[0] != FOLDER or not _is_place(*parts[1:3]) or not _WHOLE.fullmatch(parts[3]):
            return 0
        try:
            with _opened(self.open(Place(*parts[1:3]), make=False)) as folder:
                status = os.stat(parts[3], dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    return 0
                os.unlink(parts[3], dir_fd=folder)
                return status.st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise sentence(error, "deleted") from error

    def tidy(self) -> None:
        """Remove the folders of days that hold nothing, and those of sources."""
        with self.folders, contextlib.suppress(OSError), _opened(self._top()) as top:
            for source in _folders(top, _SOURCE):
                with contextlib.suppress(OSError), _opened(_open_in(top, source)) as inner:
                    for day in _folders(inner, _DAY):
                        with contextlib.suppress(OSError):  # not empty, as a rule
                            os.rmdir(day, dir_fd=inner)
                with contextlib.suppress(OSError):
                    os.rmdir(source, dir_fd=top)

    def open(self, place: Place, *, make: bool) -> int:
        """A handle of the folder of a place."""
        with _opened(self._top(make=make)) as top, _opened(_open_in(top, place.source, make=make)) as source:
            return _open_in(source, place.day, make=make)

    def _top(self, *, make: bool = False) -> int:
        with _opened(os.open(self._config_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as config_dir:
            top = _open_in(config_dir, FOLDER, make=make)
        if make and (mode := os.fstat(top).st_mode) & 0o077:  # closed, whatever lies below is out of reach
            with contextlib.suppress(OSError):
                os.fchmod(top, stat.S_IMODE(mode) & 0o700)
        return top

    def _days(self) -> Iterator[tuple[Place, int]]:
        try:
            handle = self._top()
        except FileNotFoundError:
            return
        with _opened(handle) as top:
            for source in _folders(top, _SOURCE):
                with contextlib.suppress(FileNotFoundError), _opened(_open_in(top, source)) as inner:
                    for day in _folders(inner, _DAY):
                        with contextlib.suppress(FileNotFoundError), _opened(_open_in(inner, day)) as folder:
                            yield Place(source, day), folder


class Part:
    """A file in the making. One call after the other, except ``abandon``, which may come while another one runs."""

    def __init__(self, shelf: Shelf, place: Place, number: str, name: str) -> None:
        self.number = number
        self.name = f"{number}_{name}"
        self._shelf = shelf
        self._place = place
        self._hidden = f".{number}.part"
        self._folder = self._file = -1
        self._abandoned = False
        self._lock = threading.Lock()

    def write(self, data: bytes | bytearray) -> None:
        """Add to it. Raises ``StorageError``."""
        with self._lock, _told("kept"):
            self._write(data)

    def finish(self, data: bytes | bytearray, time: float) -> None:
        """Add the rest, and have it lie there whole, last changed at ``time``. Raises ``StorageError``."""
        with self._lock, _told("kept"):
            self._write(data)
            if self._abandoned:
                return
            os.utime(self._file, (time, time))
            os.fsync(self._file)
            os.rename(self._hidden, self.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            os.fsync(self._folder)
            self._close()

    def abandon(self) -> None:
        """Leave nothing of it, whether or not it was finished."""
        with self._lock:
            self._abandoned = True
            self._close()
            with contextlib.suppress(OSError), _opened(self._shelf.open(self._place, make=False)) as folder:
                for name in (self._hidden, self.name):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)

    def _write(self, data: bytes | bytearray) -> None:
        if self._abandoned:
            return
        if self._file < 0:
            self._open()
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def _open(self) -> None:
        with self._shelf.folders:
            self._folder = self._shelf.open(self._place, make=True)
            self._file = os.open(self._hidden, _FILE_FLAGS, 0o600, dir_fd=self._folder)

    def _close(self) -> None:
        for handle in (self._file, self._folder):
            if handle >= 0:
                with contextlib.suppress(OSError):
                    os.close(handle)
        self._file = self._folder = -1


def sentence(error: OSError, verb: str) -> StorageError:
    """What a person is told of it."""
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        reason = f"'{error.filename}' is a link or no folder; remove it" if error.filename else "a folder is a link"
    else:
        reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
    return StorageError(f"files in {FOLDER}/ cannot be {verb}: {reason}")


@contextlib.contextmanager
def _told(verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise sentence(error, verb) from error


@contextlib.contextmanager
def _opened(handle: int) -> Iterator[int]:
    try:
        yield handle
    finally:
        os.close(handle)


def _open_in(folder: int, name: str, *, make: bool = False) -> int:
    try:
        return os.open(name, _FOLDER_FLAGS, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)
    return os.open(name, _FOLDER_FLAGS, dir_fd=folder)


def _entries(folder: int) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _folders(folder: int, named: re.Pattern[str]) -> list[str]:
    return [
        entry.name for entry in _entries(folder) if named.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
    ]


def _is_place(source: str, day: str) -> bool:
    return bool(_SOURCE.fullmatch(source) and _DAY.fullmatch(day))
