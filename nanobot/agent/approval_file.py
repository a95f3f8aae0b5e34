"""The file ``.storage/approvals.json``: what waits for people, and how far it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from nanobot.agent.approval import Approval, unpacked
from nanobot.contracts.storage import Storage
from nanobot.util.aio import in_thread

KEY = "approvals"
VERSION = 1

_log = logging.getLogger(__name__)


class ApprovalFile:
    """Written as a whole at each step. Raises ``StorageError``."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._writing = asyncio.Lock()

    async def load(self) -> tuple[int, list[Approval]]:
        """The last number that was given, and those that are not over."""
        document = await in_thread(self._storage.load, KEY)
        data = (document or {}).get("data") or {}
        found = []
        for kept in data.get("approvals", ()):
            try:
                found.append(unpacked(kept))
            except (LookupError, TypeError, ValueError):
                _log.error("an approval on disk cannot be read and is left out")
        return int(data.get("last", 0)), found

    async def save(self, last: int, approvals: Iterable[Approval]) -> None:
        """On disk when this returns."""
        async with self._writing:
            data = {"last": last, "approvals": [one.packed() for one in approvals]}
            document = {"version": VERSION, "key": KEY, "data": data}
            await asyncio.shield(in_thread(self._storage.save, KEY, document))
