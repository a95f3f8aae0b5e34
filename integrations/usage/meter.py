"""Told of every request to a model; writes them down a moment later, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from nanobot.contracts.meter import Meter, Spent
from nanobot.errors import StorageError
from nanobot.hub.entry import Entry

from .log import Log

DELAY = 1.0  # s between a request and the write
MOST_WAITING = 10_000  # requests that are kept in memory while the disk takes none
DAY = 86_400.0  # s


class UsageMeter(Meter):
    """``keep_days``: how long the log goes back."""

    keep_days = 90.0

    def __init__(self, entry: Entry, log: Log) -> None:
        super().__init__(entry.id)
        self.log = log
        self._entry = entry
        self._clock = entry.hub.clock
        self._waiting: list[Spent] = []
        self._timer: Callable[[], None] | None = None
        self._writing = asyncio.Lock()
        self._purged = 0.0
        self._failing = False

    def spent(self, spent: Spent) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(spent)
        if self._timer is None:
            self._timer = self._entry.call_later(DELAY, self.flush)

    async def calls_of(self, turn: str) -> Sequence[Spent]:
        await self.flush()
        return await self.log.of_turn(turn)

    async def flush(self) -> None:
        """Write what waits. What cannot be written waits on, and is told once."""
        if self._timer is not None:
            self._timer()
            self._timer = None
        async with self._writing:
            some, self._waiting = self._waiting, []
            if not some:
                return
            try:
                await self.log.append(some)
                self._told(None)
                if self._clock.time() - self._purged > DAY:
                    await self.purge()
            except StorageError as error:
                self._waiting = [*some, *self._waiting][:MOST_WAITING]
                self._told(error)

    async def purge(self) -> None:
        """Forget what is older than it is to be kept."""
        self._purged = self._clock.time()
        await self.log.forget(self._purged - self.keep_days * DAY)

    async def report(self, start: float, work: Callable[[Any], Any]) -> Any:
        """``work`` on all from then on, also those of this moment."""
        await self.flush()
        return await self.log.since(start, work)

    def _told(self, error: StorageError | None) -> None:
        if error is not None and not self._failing:
            self._entry.log.error("what models took cannot be written down: %s", error)
        self._failing = error is not None
