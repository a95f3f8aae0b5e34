"""Documents as JSON files, replaced atomically and readable by their owner alone."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from nanobot.errors import StorageError

ABANDONED_AFTER = 60.0  # s since the last change of a file in the making; whoever lives is done in less


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file so that after a crash either the old or the new one is there, whole, with that mode.

    Raises ``StorageError``.
    """
    try:
        make_private(path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if mode != 0o600:
                Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise StorageError(f"{path.name} cannot be written: {error.strerror or error}") from error


def make_private(folder: Path) -> None:
    """Make a folder, with mode 0700, if it is missing."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make a file that is missing, and its folder, before the library that writes it does: at no time can others read
    it. From one that is there their rights are taken. Raises ``OSError``."""
    make_private(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def close_to_others(folder: Path) -> None:
    """Take everybody else's rights from a folder that a backup or another program made too open.

    What is below it is out of reach then, whatever its own mode. Raises ``OSError``.
    """
    mode = folder.stat().st_mode
    if os.name == "posix" and mode & 0o077:
        folder.chmod(mode & 0o700)


def sweep(folder: Path) -> None:
    """Delete what crashes have left half made in a folder and below it."""
    before = time.time() - ABANDONED_AFTER
    for path in folder.rglob(".*.tmp"):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < before:
                path.unlink()


class Files:
    """``Storage`` in one folder: a file ``<key>.json`` for each document."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: str) -> dict[str, Any] | None:
        """A damaged file is set aside as ``<key>.json.damaged`` and ``StorageError`` raised."""
        path = self._path(key)
        try:
            data = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{path.name} cannot be read: {error.strerror or error}") from error
        except orjson.JSONDecodeError as error:
            aside = path.with_name(path.name + ".damaged")
            with contextlib.suppress(OSError):
                path.replace(aside)
            raise StorageError(f"{path.name} is damaged ({error}); it was set aside as {aside.name}") from error
        if not isinstance(data, dict):
            raise StorageError(f"{path.name} holds a {type(data).__name__} where an object was expected")
        return data

    def save(self, key: str, data: dict[str, Any]) -> None:
        """Raises ``StorageError``, also for data that JSON cannot hold."""
        try:
            text = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
        except TypeError as error:
            raise StorageError(f"{key} cannot be written: {error}") from error
        write_atomically(self._path(key), text)

    def delete(self, key: str) -> None:
        """Nothing happens when there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._path(key).unlink()

    def _path(self, key: str) -> Path:
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in key)
        return self.folder / f"{safe.lstrip('.')}.json"
