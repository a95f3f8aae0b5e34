"""Long polling that acknowledges an update only when it was dealt with.

Telegram takes a question for what comes from ``offset`` on as a receipt for all before it. So the offset stays at
the oldest update that is still being dealt with, and while that takes long, what came meanwhile is asked for again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container, Iterable
from typing import Any

from telegram import Update
from telegram.error import Conflict

from nanobot.errors import NotReady, StorageError
from nanobot.hub.entry import Entry

from .connection import Connection
from .lanes import Lanes, Parcel, Take

MARGIN = 10.0  # s that an answer may come later than it was asked for
LOOK_AGAIN = 1.0  # s after which what came meanwhile is looked at, while something takes long
ALBUM_REST = 0.5  # s in which the next picture of an album comes, or it was the last
ALBUM_ROUNDS = 6  # times that an album is waited for
WEBHOOK_AGAIN = 3600.0  # s within which a webhook is deleted once
TRIES = 3  # after which an update that makes nanobot fail is left out


class Poller:
    """One per bot. The figures are attributes, for tests."""

    def __init__(self, connection: Connection, entry: Entry, timeout: float) -> None:
        self.margin = MARGIN
        self.look_again = LOOK_AGAIN
        self.album_rest = ALBUM_REST
        self._connection = connection
        self._entry = entry
        self._timeout = timeout
        self._next = 0
        self._contested = False
        self._webhook_deleted: float | None = None
        self._failed: Counter[int] = Counter()

    async def run(self, take: Take) -> None:
        """Until cancelled. Raises ``NotReady``, ``AuthFailed``, and what ``take`` raises: then that comes again."""
        lanes = Lanes(take, self._entry, self._next)
        proven = False
        try:
            while True:
                # the first question, which proves that somebody is there, and those in between are answered at once
                soon = lanes.busy or not (proven or self._contested)
                answer = await self._ask(lanes.offset, 0.0 if soon else self._timeout)
                lanes.put(await self._whole(self._read(answer, [lanes]), lanes))
                await lanes.rest(self.look_again)
                if lanes.failure is not None:
                    self._note(*lanes.failure)
                    raise lanes.failure[1]
                proven, self._contested = True, False
                self._entry.beat()
        finally:
            self._next = lanes.offset
            await lanes.close()

    async def _ask(self, offset: int, timeout: float) -> list[Any]:
        with self._connection.told():
            try:
                return await self._connection.updates(offset, timeout, self.margin)
            except Conflict as error:
                if "webhook" not in str(error).lower():
                    self._contested = True
                    raise NotReady(
                        "another program receives the messages of this bot. Stop it, or give one of the two a bot of"
                        " its own; when the other one has stopped, it goes on by itself"
                    ) from error
            await self._delete_webhook()
            return []

    async def _delete_webhook(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._webhook_deleted is not None and now - self._webhook_deleted < WEBHOOK_AGAIN:
            raise NotReady(
                "another program keeps setting a webhook for this bot, so that its messages go there. Stop it, or give"
                " one of the two a bot of its own"
            )
        await self._connection.bot.delete_webhook(drop_pending_updates=False)
        self._webhook_deleted = now
        self._entry.log.warning("a webhook was set for this bot; it was deleted, so that the messages come here")

    def _read(self, answer: list[Any], known: Iterable[Container[int]]) -> list[Parcel]:
        """What is not known in an answer, in order. What cannot be read is logged, and a parcel with nothing in it."""
        found: list[Parcel] = []
        numbered = False
        for raw in answer:
            number = raw.get("update_id") if isinstance(raw, dict) else None
            if type(number) is not int:
                self._entry.log.warning("Telegram sent an update without a number; it was left out")
                continue
            numbered = True
            if not any(number in numbers for numbers in known):
                found.append(self._parcel(number, raw))
        if answer and not numbered:
            raise NotReady("Telegram's answer holds nothing that can be read")
        return found

    def _parcel(self, number: int, raw: dict[str, Any]) -> Parcel:
        if self._failed[number] >= TRIES:
            self._entry.log.error("update %d failed %d times; it was left out", number, TRIES)
            return Parcel([number])
        try:
            return Parcel.of(number, Update.de_json(raw, self._connection.bot))
        except Exception as error:  # whatever is wrong with one update, the others are to come through
            text = self._entry.hub.scrubber.scrub(f"{type(error).__name__}: {error}")
            self._entry.log.warning("update %d cannot be read (%s); it was left out", number, text)
            return Parcel([number])

    async def _whole(self, found: list[Parcel], lanes: Lanes) -> list[Parcel]:
        """With the rest of the albums in it: their pictures come one after the other, each in an update of its own."""
        growing = any(parcel.album for parcel in found)
        for _ in range(ALBUM_ROUNDS if growing else 0):
            await asyncio.sleep(self.album_rest)
            offset = min(found[0].numbers[0], lanes.offset)
            answer = await self._ask(offset, 0.0)
            more = self._read(answer, [lanes, {parcel.numbers[0] for parcel in found}])
            found = found + more
            if not any(parcel.album for parcel in more):
                break
        return found

    def _note(self, number: int, error: Exception) -> None:
        """Count how often an update failed, where it may be the update's fault."""
        if not isinstance(error, (StorageError, NotReady)):
            self._failed[number] += 1
