"""One hub per folder: the lock that refuses a second one, and what other processes may know of the first."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from nanobot.errors import NanobotError, StorageError
from nanobot.storage.files import close_to_others, make_private, sweep

fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None  # Windows: two hubs are not told apart

TRIES = 5
PAUSE = 0.05  # s; ``holder`` may have its hand on the lock for a moment

_log = logging.getLogger(__name__)


class AlreadyRunning(NanobotError):
    """Another hub has this folder. ``pid`` is its process, None when it does not say."""

    def __init__(self, config_dir: Path, pid: int | None) -> None:
        who = f"another nanobot (process {pid})" if pid else "another nanobot"
        super().__init__(f"{who} runs on {config_dir} already; stop it first, or use another folder with --config")
        self.pid = pid


class Instance:
    """Holds ``.storage/hub.lock`` for as long as the hub runs; the system frees it when the process dies."""

    def __init__(self, config_dir: Path) -> None:
        self.config_dir = config_dir
        self._folder = config_dir / ".storage"
        self._handle: int | None = None
        self._info: RunInfo | None = None

    def __enter__(self) -> Instance:
        """Raises ``AlreadyRunning``, or ``StorageError`` for a folder that cannot be written to."""
        path = self._folder / "hub.lock"
        try:
            make_private(self._folder)
            close_to_others(self._folder)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"{path} cannot be opened: {error.strerror or error}") from error
        try:
            self._lock(handle)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        sweep(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._info is not None:
            self._info.remove()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def info(self, known: Mapping[str, Any]) -> RunInfo:
        """What is told about this hub: begins with ``known``, and is on disk from the first change on."""
        self._info = RunInfo(self._folder / "run.json", known)
        return self._info

    def _lock(self, handle: int) -> None:
        if fcntl is None:
            return
        for attempt in range(TRIES):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if attempt == TRIES - 1:
                    raise AlreadyRunning(self.config_dir, _pid_in(handle)) from error
            time.sleep(PAUSE)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)


class RunInfo(dict[str, Any]):
    """The mapping behind ``hub.run_info``; each change is written to ``.storage/run.json`` (mode 0600)."""

    def __init__(self, path: Path, known: Mapping[str, Any]) -> None:
        super().__init__(known)
        self._path = path

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._write()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._write()

    def update(self, *args: Any, **values: Any) -> None:
        """One write for several changes."""
        super().update(*args, **values)
        self._write()

    def pop(self, key: str, *default: Any) -> Any:
        """As of any mapping."""
        value = super().pop(key, *default)
        self._write()
        return value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As of any mapping."""
        if key not in self:
            self[key] = default
        return self[key]

    def remove(self) -> None:
        """The hub is gone: there is nothing to know any more."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _write(self) -> None:
        # Not write_atomically: this is worthless after a crash, so it need not wait for the disk.
        try:
            make_private(self._path.parent)
            handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".run.", suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(orjson.dumps(dict(self)))
                Path(temporary).replace(self._path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise
        except OSError as error:
            _log.warning("run.json cannot be written (%s); `nanobot status` will not find this hub", error)


def read_info(config_dir: Path) -> dict[str, Any] | None:
    """What the hub on this folder tells about itself; None when none has said anything."""
    try:
        data = orjson.loads((config_dir / ".storage" / "run.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return data if isinstance(data, dict) else None


def holder(config_dir: Path) -> int | None:
    """The process that runs a hub on this folder, None when nobody does. Takes nothing and writes nothing."""
    path = config_dir / ".storage" / "hub.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if fcntl is None:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _pid_in(handle) or 0
        return None
    finally:
        os.close(handle)


def _pid_in(handle: int) -> int | None:
    text = os.pread(handle, 20, 0).strip()
    return int(text) if text.isdigit() else None
