"""Which message is the draft of which turn: on disk, so that a restart neither leaves one behind nor repeats it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass

from telegram.error import BadRequest

from nanobot.errors import NanobotError, NotReady
from nanobot.hub.entry import Entry
from nanobot.util.backoff import Backoff

from .calls import Calls
from .connection import number_of

DONE_FOR = 60.0  # s that the draft of an answer which was sent is remembered: the hub may not have noted that
KEEP_FOR = 8 * 86_400.0  # s; an answer is given up earlier than that


@dataclass(slots=True)
class Kept:
    """A draft in a chat; without ``message_id`` it is not known whether it has got there. ``void``: nothing will
    become of it.

    ``letter``: the message that it becomes; ``done``: the time at which it did.
    """

    chat: str
    message_id: int | None
    time: float
    void: bool = False
    letter: str | None = None
    done: float | None = None


class KeptDrafts:
    """The drafts of one channel, by turn."""

    def __init__(self, calls: Calls, entry: Entry) -> None:
        self._calls = calls
        self._entry = entry
        self._bot = number_of(calls.bot)
        self._kept: dict[str, Kept] = {}
        self.loaded = asyncio.Event()

    def start(self) -> None:
        """Take up what the last run left, and delete what nothing will become of."""
        self._store = self._entry.store("drafts")
        self._entry.spawn(self._load(), "drafts")

    def get(self, turn: str) -> Kept | None:
        """The draft of a turn."""
        return self._kept.get(turn)

    def open(self, turn: str) -> Kept | None:
        """The draft of a turn, if it can still be edited to show more of the answer."""
        kept = self._kept.get(turn)
        if kept is None or kept.message_id is None or kept.void or kept.letter is not None:
            return None
        return kept

    async def begin(self, turn: str, chat: str) -> None:
        """A draft is about to be sent. On disk when this returns: after a crash the answer knows of it."""
        self._kept[turn] = Kept(chat, None, self._now())
        self._save()
        await self._store.flush()

    async def arrived(self, turn: str, message_id: int) -> None:
        """The draft is in the chat. On disk when this returns: no crash may leave it behind beside the answer."""
        self._kept[turn].message_id = message_id
        self._save()
        await self._store.flush()

    def done(self, turn: str) -> None:
        """The draft is the answer now."""
        if (kept := self._kept.get(turn)) is not None:
            kept.done = self._now()

    def forget(self, turn: str) -> None:
        """The draft is no concern of ours any more."""
        if self._kept.pop(turn, None) is not None:
            self._save()

    async def remove(self, turn: str) -> None:
        """Take a draft out of the chat, later if Telegram cannot be asked now."""
        kept = self.open(turn)
        if kept is None:
            return
        kept.void = True
        self._save()
        await self._store.flush()
        if not await self._deleted(turn, kept):
            self._entry.spawn(self._delete(turn, kept), "void draft")

    # -- inside ---------------------------------------------------------------------------------

    async def _load(self) -> None:
        try:
            data = await self._store.load() or {}
            if data.get("bot", self._bot) != self._bot:
                return  # another bot can neither edit nor delete them
            oldest = self._now() - KEEP_FOR
            found = {turn: Kept(**item) for turn, item in data.get("drafts", {}).items()}
            self._kept = {turn: kept for turn, kept in found.items() if kept.time > oldest}
        except (TypeError, AttributeError):
            self._entry.log.error("the list of drafts cannot be read; one of the last run may stay behind in a chat")
        finally:
            self.loaded.set()
        for turn, kept in list(self._kept.items()):
            if kept.void:
                await self._delete(turn, kept)

    async def _delete(self, turn: str, kept: Kept) -> None:
        backoff, failures = Backoff(), 0
        while not await self._deleted(turn, kept):
            failures += 1
            await asyncio.sleep(backoff.delay(failures))

    async def _deleted(self, turn: str, kept: Kept) -> bool:
        """Whether that is over and done with, well or not."""
        number = kept.message_id
        assert number is not None  # only what is known to be there becomes void
        try:
            await self._calls.ask(kept.chat, lambda chat: self._calls.bot.delete_message(chat, number))
        except NotReady:
            return False
        except (BadRequest, NanobotError) as error:
            self._entry.log.debug("a draft in %s stays where it is: %s", kept.chat, error)
        self.forget(turn)
        return True

    def _save(self) -> None:
        before = self._now() - DONE_FOR
        self._kept = {turn: kept for turn, kept in self._kept.items() if kept.done is None or kept.done > before}
        self._store.save(
            lambda: {"bot": self._bot, "drafts": {turn: asdict(kept) for turn, kept in self._kept.items()}}
        )

    def _now(self) -> float:
        return self._entry.hub.clock.time()
