"""What the disk says to the conversations: that it fails, that it works again, and that it fills up with old rows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nanobot.errors import StorageError
from nanobot.util.backoff import Backoff

if TYPE_CHECKING:
    from nanobot.conversations.delivery import Delivery
    from nanobot.conversations.inbox import Inbox
    from nanobot.hub.hub import Hub

DAY = 86_400.0  # s
CLEAN_EVERY = DAY / 4
SLICE = 500  # rows deleted in one transaction
ISSUE = "messages.storage"

_log = logging.getLogger(__name__)


class Purged(Protocol):
    """A table whose old rows can be deleted."""

    async def purge(self, before: float, at_most: int) -> int:
        """Delete rows from before a time; gives back how many."""


class Disk:
    """Remembers whether the last write worked, and shows it to a person when it did not."""

    def __init__(self, hub: Hub, *, backoff: Backoff) -> None:
        self.hub = hub
        self.backoff = backoff
        self.broken = False

    def told(self, error: StorageError | None) -> None:
        """A write failed; None: one worked."""
        if error is not None:
            if not self.broken:
                _log.error("%s", error)
            self.hub.issues.create(ISSUE, "issues.messages_storage", error=str(error))
            self.broken = True
        elif self.broken:
            self.broken = False
            self.hub.issues.resolve(ISSUE)
            _log.info("messages can be written again")

    async def persist(self, write: Callable[[], asyncio.Future[None]], *, unless: Callable[[], bool]) -> bool:
        """Write again and again until it works. False: it failed, and ``unless()`` says that there is no more time."""
        failures = 0
        while True:
            try:
                await asyncio.shield(write())
            except StorageError as error:
                failures += 1
                self.told(error)
                if unless():
                    return False
                await asyncio.sleep(self.backoff.delay(failures))
            else:
                self.told(None)
                return True

    async def clean_up(self, inbox: Inbox, delivery: Delivery, kept: Sequence[Purged]) -> None:
        """Now and then, until cancelled, delete what is old, a little at a time."""
        while True:
            now = self.hub.clock.time()
            # with a message goes the knowledge that it was received
            before = now - self.hub.config.keep_days * DAY
            try:
                await delivery.expire()
                for one in kept:
                    await _purge(one.purge, before)
            except StorageError as error:
                self.told(error)
            await self._clean_up_files(inbox, delivery, now)
            await asyncio.sleep(CLEAN_EVERY)

    async def _clean_up_files(self, inbox: Inbox, delivery: Delivery, now: float) -> None:
        async def in_use() -> set[str]:
            return await inbox.files() | await delivery.outbox.files()

        try:
            await self.hub.media.clean_up(now, in_use)
        except StorageError as error:
            _log.warning("old files are not deleted: %s", error)


def ignore(future: asyncio.Future[Any]) -> None:
    """For a write that nobody waits for: that it failed is shown by the next one somebody waits for."""
    if not future.cancelled():
        future.exception()


async def _purge(purge: Callable[[float, int], Awaitable[int]], before: float) -> None:
    deleted = SLICE
    while deleted == SLICE:
        deleted = await purge(before, SLICE)
