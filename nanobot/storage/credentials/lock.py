"""A lock between processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from nanobot.errors import StorageError
from nanobot.storage.files import make_private


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold it. It lies on a file of its own: the data file is replaced by each write. Raises ``StorageError``."""
    try:
        make_private(path.parent)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{path.name} cannot be opened: {error.strerror or error}") from error
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


try:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

except ImportError:  # Windows: closing the handle gives the lock back there as well
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
