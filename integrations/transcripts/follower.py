"""Follows the sessions: woken by what happens, it gathers for a moment, then writes what is new in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from nanobot.conversations.following import News, Position, since
from nanobot.errors import StorageError
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread
from nanobot.util.backoff import Backoff

from .store import Store

WAKING = (
    "turn_finished",
    "message_sent",
    "message_failed",
    "session_compacted",
    "session_deleted",
    "session_restored",
)
GATHER = 1.0  # s in which more may happen that is written along
REST = 10.0  # times as long as the last writing took, the disk is left to others
LONGEST_REST = 15.0  # s
RETRY = Backoff(first=1.0, limit=60.0)
DAY = 86_400.0  # s
TIDY_EVERY = DAY / 4
LAST_LIMIT = 8.0  # s for what is still to be written at unload


class Follower:
    """Nothing is kept in memory: how far it has come stands where the lines stand."""

    def __init__(self, hub: Hub, entry: Entry, store: Store) -> None:
        self.hub = hub
        self.entry = entry
        self.store = store
        self._due = asyncio.Event()
        self._closing = asyncio.Event()
        self._rested = asyncio.Event()
        self._failures = 0
        self._tidy_at = 0.0
        self._took = 0.0
        self.take(entry.config)

    def take(self, config: Mapping[str, Any]) -> None:
        """Options that may change while it runs."""
        self._wanted = _chosen(config["include"], config["exclude"])
        self._keep_days: int | None = config.get("keep_days")
        self._tidy_at = 0.0
        self._due.set()

    def start(self) -> None:
        """Catch up with what happened before, and follow what happens from now on."""
        self.entry.on_unload(self._close_store)
        for kind in WAKING:
            self.entry.listen(kind, self._wake)
        self.entry.run(self._follow, name="transcripts")
        self.entry.on_unload(self.close)  # first of all: the last lines are written while it still runs

    async def close(self) -> None:
        """Write what is there to be written, where that works, and rest."""
        self._closing.set()
        self._due.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_LIMIT):
                await self._rested.wait()

    async def _close_store(self) -> None:
        await in_thread(self.store.close)

    def _wake(self, event: Event) -> None:
        self._due.set()

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TIDY_EVERY):
                    await self._due.wait()
            await self._pause(max(GATHER, min(REST * self._took, LONGEST_REST)))
            self._due.clear()
            try:
                await self._catch_up()
                await self._tidy()
            except StorageError as error:
                self._failed(error)
            else:
                self._works()
            if self._closing.is_set():
                self._rested.set()
                await asyncio.Event().wait()  # until it is cancelled
            if self._failures:
                await self._pause(RETRY.delay(self._failures))
                self._due.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _catch_up(self) -> None:
        more = True
        while more:
            position = await in_thread(self.store.position)
            news = await self._news(position)
            if news is None or (news.position == position and not news.lines):
                return
            began = time.monotonic()
            await in_thread(self._write, news)
            self._took = time.monotonic() - began
            more = news.more
            if more:
                await self._pause(self._took)  # a long way to catch up takes half of the disk's time

    async def _news(self, position: Position) -> News | None:
        """None when the messages cannot be read: the hub has told of it, and wakes us when it works again."""
        try:
            return await self.hub.conversations.database.read(since(position, self._wanted))
        except StorageError as error:
            self.entry.log.debug("%s", error)
            return None

    def _write(self, news: News) -> None:
        scrub = self.hub.scrubber.scrub
        news.heads = {name: {**_scrubbed(head, scrub), "session": name} for name, head in news.heads.items()}
        for session, lines in news.lines.items():
            news.lines[session] = [(key, _scrubbed(line, scrub)) for key, line in lines]
        self.store.write(news)

    async def _tidy(self) -> None:
        now = self.hub.clock.time()
        if self._keep_days is None or now < self._tidy_at:
            return
        await in_thread(self.store.expire, now - self._keep_days * DAY)
        self._tidy_at = now + TIDY_EVERY

    def _failed(self, error: StorageError) -> None:
        if not self._failures:
            self.entry.log.error("transcripts have stopped: %s", error)
        self._failures += 1
        self.entry.issue("stopped", error=str(error))

    def _works(self) -> None:
        if self._failures:
            self._failures = 0
            self.entry.resolve("stopped")
            self.entry.log.info("transcripts go on")


def _chosen(include: list[str], exclude: list[str]) -> Callable[[str], bool]:
    only, without = frozenset(include), frozenset(exclude)
    return lambda channel: (not only or channel in only) and channel not in without


def _scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {name: _scrubbed(inner, scrub) for name, inner in value.items()}
    return [_scrubbed(inner, scrub) for inner in value] if isinstance(value, list) else value
