"""Pairing: an unknown sender gets a code, and is let in when an owner confirms it. No agent hears of it before.

A code is in the memory of this process and in the letter that shows it; the list on disk has its hash. A confirmation
is on disk before anybody is told of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from nanobot.contracts.channel import Incoming
from nanobot.conversations import paired
from nanobot.conversations.attempts import Attempts
from nanobot.conversations.paired import Member, Request, who
from nanobot.conversations.pairing_code import hash_of, new_code, plain
from nanobot.errors import NanobotError, StorageError
from nanobot.util.aio import Tasks, in_thread
from nanobot.util.text import one_line
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub

T = TypeVar("T")

EXPIRES = 3600.0  # s
AGAIN_AFTER = 60.0  # s between two times that a code is shown
MOST_SHOWN = 3  # times that a code is shown
MOST_WAITING = 20  # codes of one channel
NEW_WITHIN, MOST_NEW = 60.0, 10  # so many new codes of one channel within so many seconds
MOST_ID, MOST_NAME = 256, 64  # characters
TRY_AFTER = 5.0  # s between two times that a list which cannot be read is tried
UNREADABLE, DAMAGED = "pairing.unreadable", "pairing.damaged"

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
_log = logging.getLogger(__name__)


class Pairing:
    """Whatever strangers can cause is bounded: nothing grows with their number."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._members: dict[tuple[str, str], Member] = {}
        self._requests: dict[tuple[str, str], Request] = {}
        self._made: dict[str, list[float]] = {}
        self._attempts = Attempts(hub.clock)
        self._read = False
        self._error: StorageError | None = None
        self._tried = 0.0
        self._changing = asyncio.Lock()
        self._tasks = Tasks("pairing")

    async def open(self) -> None:
        """Read the list. One that cannot be read lets nobody in, and is tried again when it is needed."""
        with contextlib.suppress(StorageError):
            await self._ready()

    async def close(self) -> None:
        """Let what is being written come to its end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0), self._changing:
                pass
        await self._tasks.cancel(1.0)

    # -- who is known -----------------------------------------------------------------------------

    def member(self, channel: str, sender: str) -> Member | None:
        """Who was let in under this id, or None."""
        return self._members.get((channel, sender))

    def members(self) -> list[Member]:
        """All who were let in, in the order of their coming."""
        return list(self._members.values())

    def waiting(self) -> list[Request]:
        """Those whose code can be confirmed now, oldest first."""
        self._forget_expired()
        return [request for request in self._requests.values() if not request.confirmed]

    # -- a stranger -------------------------------------------------------------------------------

    async def ask(self, channel: str, incoming: Incoming) -> Request | None:
        """What to show to an unknown sender: a request with its code. None: nothing. Raises ``StorageError``."""
        sender, chat, thread = str(incoming.sender), str(incoming.chat), incoming.thread or None
        if not all(0 < len(text) <= MOST_ID and text.isprintable() for text in (sender, chat, thread or "-")):
            return None
        if not self._read:
            async with self._changing:
                await self._ready()
            if (channel, sender) in self._members:
                return None  # no stranger after all: what is written from now on is let in
        self._forget_expired()
        now = self.hub.clock.time()
        known = self._requests.get((channel, sender))
        if known is not None and known.code:
            if abs(now - known.shown) < AGAIN_AFTER or known.times >= MOST_SHOWN:
                return None
            self._requests[channel, sender] = known = replace(known, shown=now, times=known.times + 1)
            return known
        name = one_line(incoming.sender_name or "", MOST_NAME)
        told = {"channel": channel, "chat": chat, "sender": sender, "sender_name": name or None}
        if not self._has_room(channel, but=known):
            self.hub.bus.fire("pairing_refused", told)
            return None
        code = self._new_code()
        request = Request(
            channel=channel,
            sender=sender,
            name=name,
            chat=chat,
            thread=thread,
            language=self._language_of(incoming),
            hash=hash_of(code),
            made=now,
            code=code,
            shown=now,
            times=1,
        )
        self._requests.pop((channel, sender), None)
        self._requests[channel, sender] = request  # before the first wait: whoever asks now finds it
        await self._whole(self._keep(request, known))
        self.hub.bus.fire("pairing_requested", told)
        return request

    async def _keep(self, request: Request, before: Request | None) -> None:
        try:
            async with self._changing:
                await self._write(self._members)
        except StorageError:
            key = (request.channel, request.sender)
            if self._requests.get(key) is request:
                del self._requests[key]
                if before is not None:
                    self._requests[key] = before
            raise

    def _has_room(self, channel: str, *, but: Request | None) -> bool:
        waiting = [one for one in self._requests.values() if one.channel == channel and not one.confirmed]
        now = self.hub.clock.time()
        made = [at for at in self._made.get(channel, ()) if abs(now - at) < NEW_WITHIN]
        if len(waiting) - (but in waiting) >= MOST_WAITING or len(made) >= MOST_NEW:
            return False
        self._made[channel] = [*made, now]
        return True

    def _new_code(self) -> str:
        while True:
            code = new_code()
            if self._find(code) is None:
                return code

    # -- an owner ---------------------------------------------------------------------------------

    async def confirm(
        self, code: str, asker: str, *, language: str, owner: bool = False, context: Context | None = None
    ) -> tuple[Request, bool]:
        """Let in whoever got this code, as an owner too if that is said; and whether they were not in before.

        On disk when it returns. Wrong codes are counted for each ``asker``. Raises ``NanobotError`` with a sentence
        in ``language``, and ``StorageError`` when it cannot be kept.
        """
        return await self._whole(self._confirm(code, asker, language, owner, context))

    async def _confirm(
        self, code: str, asker: str, language: str, owner: bool, context: Context | None
    ) -> tuple[Request, bool]:
        async with self._changing:
            await self._ready()
            if wait := self._attempts.wait(asker):
                raise NanobotError(translate("chat.pairing.limited", language, minutes=max(1, round(wait / 60))))
            self._forget_expired()
            request = self._find(plain(code))
            if request is None:
                self._attempts.failed(asker)
                raise NanobotError(translate("chat.pairing.wrong", language))
            key = (request.channel, request.sender)
            before = self._members.get(key)
            if before is not None and (before.owner or not owner):
                return request, False
            members = {**self._members, key: Member(*key, request.name, owner, self.hub.clock.time(), asker)}
            self._requests[key] = replace(request, confirmed=True)
            try:
                await self._write(members)
            except StorageError:
                self._requests[key] = request
                raise
            self._members = members
        told = {"channel": key[0], "chat": request.chat, "sender": key[1], "sender_name": request.name or None}
        _log.info("%s: %s was let in%s, by %s", key[0], who(request), " as an owner" if owner else "", asker)
        self.hub.bus.fire("pairing_confirmed", {**told, "owner": owner}, context)
        return request, before is None

    async def remove(self, channel: str, sender: str, *, language: str) -> None:
        """Let somebody in no more, from now on. Raises ``NanobotError`` when there is nobody of that name."""
        await self._whole(self._remove(channel, sender, language))

    async def _remove(self, channel: str, sender: str, language: str) -> None:
        key = (channel, sender)
        async with self._changing:
            await self._ready()
            if key not in self._members and key not in self._requests:
                raise NanobotError(translate("chat.pairing.nobody", language, channel=channel, sender=sender))
            self._requests.pop(key, None)
            self._members = {who: member for who, member in self._members.items() if who != key}
            _log.info("%s: '%s' is let in no more", channel, sender)
            self.hub.bus.fire("pairing_removed", {"channel": channel, "sender": sender})
            await self._write(self._members)  # if this fails they are out nevertheless, until the next start

    # -- inside -----------------------------------------------------------------------------------

    def _find(self, code: str) -> Request | None:
        hashed = hash_of(code)
        return next((request for request in self._requests.values() if request.hash == hashed), None)

    def _forget_expired(self) -> None:
        now = self.hub.clock.time()
        for key in [key for key, request in self._requests.items() if abs(now - request.made) >= EXPIRES]:
            del self._requests[key]

    def _language_of(self, incoming: Incoming) -> str:
        language = incoming.language or ""
        return language if _LANGUAGE.fullmatch(language) else self.hub.language

    async def _whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Make a change to its end, whoever waits for it: what is in memory and what is on disk must agree."""
        result, error = await asyncio.shield(self._tasks.spawn(_outcome(change), "pairing"))
        if error is not None:
            raise error
        return result  # type: ignore[return-value]

    async def _ready(self) -> None:
        """Raises ``StorageError`` while the list cannot be read: it must not be written over then."""
        if self._read:
            return
        now = self.hub.clock.time()
        if self._error is None or abs(now - self._tried) >= TRY_AFTER:
            self._tried = now
            await self._open()
        else:
            raise self._error

    async def _open(self) -> None:
        try:
            members, requests, damaged = await in_thread(paired.read, self.hub.storage)
        except StorageError as error:
            if self._error is None:
                _log.error("nobody who was paired is let in: %s", error)
            self._error = error
            self.hub.issues.create(UNREADABLE, "issues.pairing_unreadable", error=error)
            raise
        if damaged:
            _log.error("the list of those who are paired was damaged and was set aside")
            self.hub.issues.create(DAMAGED, "issues.pairing_damaged")
        self.hub.issues.resolve(UNREADABLE)
        self._members = {(one.channel, one.sender): one for one in members}
        self._requests = {(one.channel, one.sender): one for one in requests} | self._requests
        self._read = True

    async def _write(self, members: dict[tuple[str, str], Member]) -> None:
        await in_thread(paired.write, self.hub.storage, list(members.values()), list(self._requests.values()))


async def _outcome(work: Coroutine[Any, Any, T]) -> tuple[T | None, NanobotError | None]:
    try:
        return await work, None
    except NanobotError as error:  # goes to whoever asked, not into the log
        return None, error
