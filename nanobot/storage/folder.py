"""A folder in which somebody who is not trusted names files, and out of which no name leads.

Each folder on the way to a file is opened in the one above it and never through a link. So it does not matter what is
swapped in the meantime: what is open is what was found inside. Everything here blocks, and is called in threads.

The errors are sentences for whoever gave the name; for a language model, as a rule.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from nanobot.errors import ToolError
from nanobot.storage.media import size_text
from nanobot.storage.naming import IN_THE_MAKING, MAX_DEPTH, parts_of, shown
from nanobot.util.text import nearest

MAX_ENTRIES = 10_000  # of one folder that are looked at
MAX_SEARCHED = 2000  # files among which one of a similar name is looked for
LEFT_BEHIND = 3600.0  # s after which a file in the making is one that a crash has left
BLOCK = 4096  # bytes that the smallest file takes

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_REASONS = {
    errno.ENOSPC: "The disk is full",
    errno.EDQUOT: "The disk is full",
    errno.EFBIG: "The disk takes no file of this size",
    errno.EROFS: "The disk is read-only",
    errno.EACCES: "nanobot lacks the permission",
    errno.EPERM: "nanobot lacks the permission",
    errno.ENAMETOOLONG: "The name is too long",
}


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one content of a file from the next."""

    inode: int
    modified_ns: int
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """What stood in a file when it had this version."""

    data: bytes
    version: Version


@dataclass(frozen=True, slots=True)
class Found:
    """Something in the folder. ``kind`` is ``file``, ``folder`` or ``other`` (a link, a device: of no use here)."""

    path: str
    kind: str
    size: int


class Folder:
    """``path`` itself may be a link, as whoever configured it likes; what is inside may not.

    Paths are relative to it and written with ``/``. ``top`` stands before them in sentences. All raise ``ToolError``.
    """

    def __init__(self, path: Path, *, top: str = "") -> None:
        self.path = path
        self._top = top

    def read(self, path: str, limit: int) -> Content:
        """A plain file of at most ``limit`` bytes."""
        with self._told(path), self._above(path) as (above, name):
            handle = self._open_file(above, name, path)
            with os.fdopen(handle, "rb") as file:
                data = file.read(limit + 1)
                version = _version(os.fstat(handle))
        if len(data) > limit:
            size = size_text(max(version.size, len(data)))
            raise ToolError(f"{self._name(path)} is too large: it has {size}, and {size_text(limit)} are the most.")
        return Content(data, version)

    def peek(self, path: str, count: int) -> Content:
        """The first bytes of a plain file of any size."""
        with self._told(path), self._above(path) as (above, name):
            handle = self._open_file(above, name, path)
            with os.fdopen(handle, "rb") as file:
                return Content(file.read(count), _version(os.fstat(handle)))

    def write(self, path: str, data: bytes, *, replaces: Version | None = None) -> bool:
        """Replace a file as a whole, or make it, with the folders above it; gives back whether there was one.

        After a failure or a crash the old content is there, whole. With ``replaces`` it must not have changed since.
        """
        with self._told(path), self._above(path, make=True) as (above, name):
            old = self._status(above, name, path)
            if replaces is not None:
                self._check_unchanged(above, name, path, replaces)
            new = f".nanobot-{secrets.token_hex(8)}.tmp"
            handle = os.open(new, _NEW, 0o600, dir_fd=above)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    if old is not None:
                        _make_alike(handle, old)
                    os.fsync(handle)  # takes its time
                if replaces is not None:
                    self._check_unchanged(above, name, path, replaces)
                os.replace(new, name, src_dir_fd=above, dst_dir_fd=above)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(new, dir_fd=above)
                raise
            os.fsync(above)
        return old is not None

    def _check_unchanged(self, above: int, name: str, path: str, version: Version) -> None:
        status = self._status(above, name, path)
        if status is None or _version(status) != version:
            raise ToolError(f"{self._name(path)} was changed by somebody else just now. Read it again.")

    def walk(self, path: str = "", *, depth: int = 1, hidden: bool = True) -> Iterator[Found]:
        """What is in a folder, by name, each folder before what is in it; ``depth`` 1 leaves those closed.

        Without ``hidden`` what begins with a dot is left out, and not looked into.
        """
        parts = parts_of(path)
        with self._told(path), self._open(parts, make=False) as folder:
            for _, found in _walk(folder, "/".join(parts), depth, hidden=hidden):
                if not IN_THE_MAKING.fullmatch(found.path.rpartition("/")[2]):
                    yield found

    def total(self, enough: int) -> int:
        """The bytes that all of it takes on a disk, roughly; no further than ``enough``. Sweeps up after crashes."""
        taken, now = 0, time.time()
        try:
            with self._open((), make=False) as folder:
                for above, found in _walk(folder, "", MAX_DEPTH):
                    name = found.path.rpartition("/")[2]
                    if IN_THE_MAKING.fullmatch(name):
                        _sweep(above, name, now - LEFT_BEHIND)
                    taken += blocks(found.size)
                    if taken > enough:
                        break
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise ToolError(_reason(error)) from error
        return taken

    # -- inside ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _above(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder in which a file lies, and the file's name in it."""
        parts = parts_of(path)
        if not parts or path.endswith("/"):
            raise ToolError(f"Name a file: {self._name(path)} is a folder.")
        with self._open(parts[:-1], make=make) as folder:
            yield folder, parts[-1]

    @contextlib.contextmanager
    def _open(self, parts: tuple[str, ...], *, make: bool) -> Iterator[int]:
        if make:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for count, part in enumerate(parts, 1):
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=folder)
                below = self._step(folder, part, "/".join(parts[:count]))
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    def _step(self, folder: int, part: str, path: str) -> int:
        try:
            return os.open(part, _FOLDER, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                with contextlib.suppress(OSError):
                    self._refuse_link(os.stat(part, dir_fd=folder, follow_symlinks=False), path)
                raise ToolError(f"{self._name(path)} is not a folder.") from error
            raise

    def _open_file(self, above: int, name: str, path: str) -> int:
        if self._status(above, name, path) is None:  # looked at before: to open a pipe or a device does something
            raise FileNotFoundError(errno.ENOENT, "", name)
        handle = os.open(name, _READ, dir_fd=above)
        try:
            self._check(os.fstat(handle), path)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _status(self, above: int, name: str, path: str) -> os.stat_result | None:
        """Of a plain file; None when there is nothing of that name."""
        try:
            status = os.stat(name, dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            return None
        self._check(status, path)
        return status

    def _check(self, status: os.stat_result, path: str) -> None:
        self._refuse_link(status, path)
        if stat.S_ISDIR(status.st_mode):
            raise ToolError(f"Name a file: {self._name(path)} is a folder.")
        if not stat.S_ISREG(status.st_mode):
            raise ToolError(f"{self._name(path)} is not a plain file.")
        if status.st_nlink > 1:  # the other name may lie anywhere
            raise ToolError(f"{self._name(path)} has a second name elsewhere (a hard link) and is left alone.")

    def _refuse_link(self, status: os.stat_result, path: str) -> None:
        if stat.S_ISLNK(status.st_mode):
            raise ToolError(f"{self._name(path)} is a link, and links are not followed.")

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Errors of the system as sentences."""
        try:
            yield
        except FileNotFoundError as error:
            raise ToolError(f"There is no {self._name(path)}.{self._hint(path)}") from error
        except OSError as error:
            raise ToolError(f"{_reason(error)}: {self._name(path)}.") from error

    def _hint(self, path: str) -> str:
        """One of the same name elsewhere, or of a similar name."""
        try:
            with self._open((), make=False) as folder:
                known = [found.path for _, found in islice(_walk(folder, "", MAX_DEPTH), MAX_SEARCHED)]
        except OSError:
            return ""
        name = path.rstrip("/").rpartition("/")[2].casefold()
        same = (other for other in known if other.rpartition("/")[2].casefold() == name)
        near = next(same, None) or nearest(path, known)
        return f" Did you mean {self._name(near)}?" if near else ""

    def _name(self, path: str) -> str:
        return shown(self._top + path.strip("/")) if path.strip("/.") or self._top else "the workspace"


def blocks(size: int) -> int:
    """The bytes that a file of this size takes on a disk."""
    return max(1, -(-size // BLOCK)) * BLOCK


def _walk(folder: int, above: str, depth: int, *, hidden: bool = True) -> Iterator[tuple[int, Found]]:
    """Everything in an open folder, each with the handle of the folder it lies in."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in islice(entries, MAX_ENTRIES) if hidden or entry.name[0] != ".")
    for name in names:
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:  # gone meanwhile
            continue
        path = f"{above}/{name}" if above else name
        if stat.S_ISREG(status.st_mode):
            yield folder, Found(path, "file", status.st_size)
        elif not stat.S_ISDIR(status.st_mode):
            yield folder, Found(path, "other", 0)
        else:
            yield folder, Found(path, "folder", 0)
            if depth > 1:
                yield from _below(folder, name, path, depth - 1, hidden=hidden)


def _below(folder: int, name: str, path: str, depth: int, *, hidden: bool) -> Iterator[tuple[int, Found]]:
    try:
        below = os.open(name, _FOLDER, dir_fd=folder)
    except OSError:  # gone meanwhile, or closed to nanobot
        return
    try:
        yield from _walk(below, path, depth, hidden=hidden)
    finally:
        os.close(below)


def _sweep(above: int, name: str, before: float) -> None:
    with contextlib.suppress(OSError):
        if os.stat(name, dir_fd=above, follow_symlinks=False).st_mtime < before:
            os.unlink(name, dir_fd=above)


def _version(status: os.stat_result) -> Version:
    return Version(status.st_ino, status.st_mtime_ns, status.st_size)


def _make_alike(handle: int, old: os.stat_result) -> None:
    """Mode and owner of the file that is replaced, as far as nanobot may give them."""
    if old.st_uid != os.geteuid():
        with contextlib.suppress(OSError):
            os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode) & 0o777)


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, error.strerror or "It failed")
