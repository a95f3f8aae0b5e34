"""A store: one versioned document of one owner, saved a moment after it changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from nanobot.contracts.storage import Storage
from nanobot.errors import StorageError
from nanobot.util.aio import in_thread

DELAY = 1.0  # s between a change and the write that makes it last

Migrate = Callable[[int, dict[str, Any]], dict[str, Any]]
"""Called with the old version and its data; gives the data of today's version."""

_log = logging.getLogger(__name__)


class Store:
    """Load once, then ``save`` at each change; several changes within a second are one write.

    ``failed`` is told of a write that failed, and with None of the first one that worked again.
    """

    def __init__(
        self,
        storage: Storage,
        key: str,
        version: int = 1,
        *,
        migrate: Migrate | None = None,
        failed: Callable[[StorageError | None], None] | None = None,
    ) -> None:
        self.key = key
        self.version = version
        self._storage = storage
        self._migrate = migrate
        self._failed = failed
        self._data: Callable[[], dict[str, Any]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken = False

    async def load(self) -> dict[str, Any] | None:
        """The data, or None when nothing was saved or what was saved is unusable (which is logged)."""
        try:
            document = await in_thread(self._storage.load, self.key)
        except StorageError as error:
            _log.error("%s", error)
            return None
        if document is None:
            return None
        version, data = document.get("version"), document.get("data")
        if not isinstance(version, int) or not isinstance(data, dict):
            _log.error("%s is not a store of nanobot; it is ignored", self.key)
            return None
        if version != self.version:
            if self._migrate is None or version > self.version:
                _log.error("%s was written by another version (%s) and is ignored", self.key, version)
                return None
            data = self._migrate(version, data)
        return data

    def save(self, data: Callable[[], dict[str, Any]]) -> None:
        """Have ``data()`` written soon. It is called at the time of the write, on the event loop."""
        self._data = data
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY, self._due)

    async def flush(self) -> None:
        """Write now what still waits. Raises nothing: a failed write is told to ``failed`` and kept."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._write()

    async def delete(self) -> None:
        """Forget the document."""
        self._data = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        async with self._writing:
            await in_thread(self._storage.delete, self.key)

    def _due(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self._write(), name=f"save {self.key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self) -> None:
        async with self._writing:
            if self._data is None:
                return
            make, self._data = self._data, None
            document = {"version": self.version, "key": self.key, "data": make()}
            try:
                await in_thread(self._storage.save, self.key, document)
            except StorageError as error:
                if self._data is None:  # nothing newer came meanwhile
                    self._data = make
                self._told(error)
            else:
                self._told(None)

    def _told(self, error: StorageError | None) -> None:
        if error is not None and not self._broken:
            _log.error("%s", error)
        if self._failed is not None and (error is not None or self._broken):
            self._failed(error)
        self._broken = error is not None
