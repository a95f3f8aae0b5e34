"""Drafts: the message in which a person reads an answer while it is written, and which becomes the answer.

A draft belongs to a turn. It is edited while the turn says more, and the answer is the last edit, so that it is never
there twice; a turn that starts over goes on in the same draft. A draft makes a sound as any message does, since the
edit that makes it the answer makes none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from telegram import LinkPreviewOptions
from telegram.error import BadRequest

from nanobot.contracts.channel import Outgoing
from nanobot.errors import NanobotError, NotReady, Refused
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.util.split import utf16_units

from .calls import Calls
from .kept import Kept, KeptDrafts

WORTH = 40  # UTF-16 units from which on an answer in the making is shown
FIRST_AFTER = 1.0  # s from its first words to the draft
EVERY = 1.2  # s between two edits
LIMIT = 4000  # UTF-16 units; what comes later is seen with the answer
GOES_ON = " …"
END_LIMIT = 3.0  # s that an edit may take to end when the integration is unloaded
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

Where = Callable[[str, str | None, str | None, str], Mapping[str, Any]]
"""Arguments of the Bot API from a chat, a thread, the id of the message that is answered, and the turn."""


@dataclass(slots=True)
class Live:
    """A turn that runs, and what it has said."""

    turn: str
    chat: str
    thread: str | None
    answers: str | None
    texts: list[str] = field(default_factory=list)
    units: int = 0
    shown: str = ""
    closed: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the draft is being sent or edited."""
    task: asyncio.Task[None] | None = None

    def add(self, text: str) -> None:
        """It goes on."""
        self.texts.append(text)
        self.units += utf16_units(text)
        self.news.set()

    def retract(self) -> None:
        """What it has said is void. It stays to be seen until there is something better."""
        self.texts.clear()
        self.units = 0

    def text(self) -> str:
        """All that it has said."""
        self.texts[:] = ["".join(self.texts)]
        return self.texts[0].strip()

    def close(self) -> None:
        """Show no more of it. What is on its way is not called back."""
        self.closed = True
        if self.task is not None and not self.busy.locked():
            self.task.cancel()

    async def end(self) -> None:
        """Show no more of it, and let what is on its way arrive: it would overwrite what comes next."""
        self.closed = True
        async with self.busy:
            pass
        self.close()


class Drafts:
    """The drafts of one channel. ``options["streaming"]`` may change at any time."""

    def __init__(self, calls: Calls, entry: Entry, options: Mapping[str, Any], where: Where) -> None:
        self._calls = calls
        self._entry = entry
        self._options = options
        self._where = where
        self._live: dict[str, Live] = {}
        self._kept = KeptDrafts(calls, entry)

    def start(self) -> None:
        """Follow the turns of this channel."""
        self._kept.start()
        self._entry.on_unload(self._close)
        for event, callback in (
            ("turn_started", self._started),
            ("turn_progress", self._progressed),
            ("turn_finished", self._finished),
        ):
            self._entry.listen(event, callback, filter=self._is_mine)

    # -- what the sender asks -------------------------------------------------------------------

    def is_shown(self, chat: str) -> bool:
        """Whether an answer can be seen growing in this chat."""
        return any(live.chat == chat and live.shown and not live.closed for live in self._live.values())

    async def is_lost(self, message: Outgoing) -> bool:
        """Whether a draft may stand in the chat that nobody can find any more: the answer is to say so."""
        kept = await self._settled(message)
        return kept is not None and kept.message_id is None

    async def take(self, message: Outgoing) -> int | None:
        """The draft that is to become this message, if there is one; it does not change any more by itself."""
        kept = await self._settled(message)
        if kept is None or kept.void or kept.letter not in (None, message.id):
            return None
        kept.letter = message.id
        return kept.message_id

    def became(self, message: Outgoing) -> None:
        """The draft that was taken is the message now."""
        if message.turn is not None:
            self._kept.done(message.turn)

    def forget(self, message: Outgoing) -> None:
        """The draft that was taken is gone, or is not to be had."""
        if message.turn is not None:
            self._kept.forget(message.turn)

    def over(self, message: Outgoing) -> None:
        """The message is in the chat: a lost draft of it is of no concern any more."""
        if message.turn is not None and (kept := self._kept.get(message.turn)) and kept.message_id is None:
            self._kept.forget(message.turn)

    async def discard(self, message: Outgoing) -> None:
        """Take the draft out of the chat: the message comes in another form."""
        if message.turn is not None and await self._settled(message) is not None:
            await self._kept.remove(message.turn)

    # -- turns ----------------------------------------------------------------------------------

    def _is_mine(self, data: Mapping[str, Any]) -> bool:
        return data.get("channel") == self._entry.id

    def _started(self, event: Event) -> None:
        if self._options["streaming"]:
            data = event.data
            self._live[data["turn"]] = Live(data["turn"], data["chat"], data["thread"], data["message_id"])

    def _progressed(self, event: Event) -> None:
        live = self._live.get(event.data["turn"])
        if live is None or live.closed:
            return
        if event.data["kind"] == "retract":
            live.retract()
        elif event.data["kind"] == "text":
            live.add(event.data["text"])
            if live.task is None:
                live.task = self._entry.spawn(self._show(live), f"draft in {live.chat}")

    def _finished(self, event: Event) -> None:
        """All other outcomes have a message, which takes the draft."""
        live = self._live.get(event.data["turn"])
        match event.data["outcome"]:
            case "stopped" if live is not None:
                self._entry.spawn(self._leave(live), "draft of a turn that was stopped")
            case "empty":
                self._entry.spawn(self._remove(event.data["turn"]), "draft of a turn without an answer")
            case "cut" if live is not None:  # it starts over
                live.close()

    async def _leave(self, live: Live) -> None:
        """What was said until a person stopped it stays to be read, all of it."""
        await live.end()
        kept = self._kept.open(live.turn)
        if kept is not None and live.units <= LIMIT:
            await self._try(live, self._edit(live, kept))
        self._live.pop(live.turn, None)
        self._kept.forget(live.turn)

    async def _remove(self, turn: str) -> None:
        if (live := self._live.pop(turn, None)) is not None:
            await live.end()
        await self._kept.remove(turn)

    # -- showing --------------------------------------------------------------------------------

    async def _show(self, live: Live) -> None:
        """Send and edit while there is something new; ends when it is closed."""
        await self._kept.loaded.wait()
        await asyncio.sleep(FIRST_AFTER)
        while not live.closed:
            await live.news.wait()
            live.news.clear()
            if live.units > LIMIT:
                live.closed = True
            elif live.units > WORTH or self._kept.open(live.turn):
                await asyncio.sleep(self._calls.delay(live.chat))
                await self._next(live)
                await asyncio.sleep(EVERY)

    async def _next(self, live: Live) -> None:
        async with live.busy:
            if live.closed or not live.text() or live.units > LIMIT:
                return
            if (kept := self._kept.open(live.turn)) is not None:
                await self._try(live, self._edit(live, kept))
            elif self._kept.get(live.turn) is None:
                if self._is_early(live):
                    live.news.set()  # there may be no more words by the time that it is not
                else:
                    await self._try(live, self._send(live))

    def _is_early(self, live: Live) -> bool:
        """Whether answers to earlier messages, or this very one, are still to come: a draft would stand above them."""
        return self._entry.hub.conversations.delivery.waits(self._entry.id, live.chat)

    async def _try(self, live: Live, step: Awaitable[None]) -> None:
        try:
            await step
        except NotReady as error:
            live.news.set()
            self._entry.log.debug("a draft in %s is not shown now: %s", live.chat, error)
        except BadRequest as error:
            live.closed = "not modified" not in str(error).lower()
        except NanobotError as error:
            # Should a new one have arrived all the same, its number is not known: another must not join it.
            live.closed = self._kept.open(live.turn) is None
            self._entry.log.debug("a draft in %s was not shown: %s", live.chat, error)

    async def _send(self, live: Live) -> None:
        text = live.text() + GOES_ON
        where = self._where(live.chat, live.thread, live.answers, live.turn)
        await self._kept.begin(live.turn, live.chat)
        try:
            sent = await self._calls.ask(
                live.chat,
                lambda chat: self._calls.bot.send_message(chat, text, link_preview_options=NO_PREVIEW, **where),
            )
        except (NotReady, Refused, BadRequest):  # it surely did not arrive
            self._kept.forget(live.turn)
            raise
        live.shown = text
        await self._kept.arrived(live.turn, sent.message_id)

    async def _edit(self, live: Live, kept: Kept) -> None:
        text = live.text() + GOES_ON
        if text == live.shown:
            return
        edit = partial(self._calls.bot.edit_message_text, text, link_preview_options=NO_PREVIEW)
        await self._calls.ask(live.chat, lambda chat: edit(chat_id=chat, message_id=kept.message_id))
        live.shown = text

    async def _settled(self, message: Outgoing) -> Kept | None:
        """The draft of the turn that this message ends, when nothing of it is on its way any more."""
        if message.turn is None:
            return None
        await self._kept.loaded.wait()
        if (live := self._live.pop(message.turn, None)) is not None:
            await live.end()
        return self._kept.get(message.turn)

    async def _close(self) -> None:
        """Let what is on its way arrive: a draft whose number is not known could not be edited any more."""
        lives = list(self._live.values())
        self._live.clear()
        try:
            async with asyncio.timeout(END_LIMIT):
                await asyncio.gather(*(live.end() for live in lives))
        except TimeoutError:
            self._entry.log.warning("Telegram does not answer; a draft may stay behind in a chat")
