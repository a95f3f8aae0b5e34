"""Updates on their way: one after the other within a chat, chats beside one another, and which are dealt with."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from telegram import Update

from nanobot.hub.entry import Entry
from nanobot.util.aio import Tasks

Take = Callable[[Sequence[Update]], Awaitable[None]]
"""Deals with one message; an album is one of several updates. When it returns, they may be acknowledged."""


@dataclass(slots=True)
class Parcel:
    """Updates, by number, that are dealt with together; none where nothing is to be done."""

    numbers: list[int]
    updates: list[Update] = field(default_factory=list)
    chat: int = 0
    album: str | None = None

    @classmethod
    def of(cls, number: int, update: Update) -> Parcel:
        """With what is needed to put it in its place."""
        chat, message = update.effective_chat, update.message
        album = message.media_group_id if message is not None else None
        return cls([number], [update], chat.id if chat is not None else 0, album)


class Lanes:
    """``start``: the number that the first update is expected to have, 0 where nobody knows."""

    def __init__(self, take: Take, entry: Entry, start: int) -> None:
        self.failure: tuple[int, Exception] | None = None
        """The number of the first update that could not be dealt with, and why."""
        self._take = take
        self._next = start
        self._done: dict[int, bool] = {}
        self._queues: dict[int, deque[Parcel]] = {}
        self._tasks = Tasks("updates", entry.log)
        self._idle = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether something is not dealt with."""
        return bool(self._queues)

    def __contains__(self, number: object) -> bool:
        return number in self._done

    @property
    def offset(self) -> int:
        """The first number that is not dealt with."""
        return min((number for number, done in self._done.items() if not done), default=self._next)

    def put(self, parcels: Sequence[Parcel]) -> None:
        """Have them dealt with, each after what came before it in its chat."""
        for parcel in _joined(parcels):
            self._done.update(dict.fromkeys(parcel.numbers, not parcel.updates))
            if not parcel.updates:
                continue
            self._idle.clear()
            if parcel.chat in self._queues:
                self._queues[parcel.chat].append(parcel)
            else:
                self._queues[parcel.chat] = deque([parcel])
                self._tasks.spawn(self._work(parcel.chat), f"updates of {parcel.chat}")
        # Not the highest ever: after a week without any, Telegram begins anew at some number.
        self._next = max((number for parcel in parcels for number in parcel.numbers), default=self._next - 1) + 1

    async def rest(self, limit: float) -> None:
        """Until all is dealt with or something failed, for ``limit`` seconds at most."""
        if self._queues and self.failure is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await self._idle.wait()
        oldest = self.offset
        self._done = {number: done for number, done in self._done.items() if self._queues and number >= oldest}

    async def close(self) -> None:
        """Cut off what is on its way."""
        await self._tasks.cancel()

    async def _work(self, chat: int) -> None:
        queue = self._queues[chat]
        while queue:
            parcel = queue[0]
            try:
                await self._take(parcel.updates)
            except Exception as error:  # told by ``failure`` to whoever asks; the lane stands still
                self.failure = self.failure or (parcel.numbers[0], error)
                self._idle.set()
                return
            queue.popleft()
            self._done.update(dict.fromkeys(parcel.numbers, True))
        del self._queues[chat]
        if not self._queues:
            self._idle.set()


def _joined(parcels: Sequence[Parcel]) -> list[Parcel]:
    """Those of one album as one, in the place of the first."""
    whole: dict[tuple[int, int | str], Parcel] = {}
    for parcel in parcels:
        first = whole.setdefault((parcel.chat, parcel.album or parcel.numbers[0]), parcel)
        if first is not parcel:
            first.numbers += parcel.numbers
            first.updates += parcel.updates
    return list(whole.values())
