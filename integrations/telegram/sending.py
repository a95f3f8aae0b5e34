"""The sender: takes a message of the hub to Telegram, as one or more of Telegram's own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from telegram import Bot, ReplyParameters
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, TelegramError

from nanobot.contracts.channel import Outgoing, Receipt
from nanobot.errors import NanobotError, NotReady, Refused
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread
from nanobot.util.translate import translate

from . import files
from .calls import Calls, chat_id
from .connection import number_of
from .drafts import Drafts
from .meaning import never
from .plan import Part, Progress, Unfinished, pages, parts

GENERAL = "1"  # the topic of a group that has no thread of its own
CHATS = 1000  # private chats of which the last message is remembered


@dataclass(frozen=True, slots=True)
class Way:
    """How a part is sent. Where Telegram refuses one way, another may do, and nothing was delivered meanwhile."""

    where: Mapping[str, Any]
    html: bool = True
    as_documents: bool = False

    def another(self, error: BadRequest, part: Part) -> Way | None:
        """What to try after this error, or None."""
        text = str(error).lower()
        if self.html and ("parse entities" in text or "is empty" in text or "must be non-empty" in text):
            return replace(self, html=False)
        for key, words in (("message_thread_id", "thread not found"), ("reply_parameters", "replied")):
            if words in text and key in self.where:
                return replace(self, where={name: value for name, value in self.where.items() if name != key})
        if any(file.kind != files.DOCUMENT for file in part.files) and never(error) is None:
            return replace(self, as_documents=True)
        return None


class PartlySent(NanobotError):
    """The rest of a message surely was not delivered, but something of it was."""

    def __init__(self, error: NotReady) -> None:
        super().__init__(f"a part of the message was sent; the rest waits: {error}")
        self.retry_after = error.retry_after


class Sender:
    """One per bot. ``config`` may change at any time."""

    def __init__(self, bot: Bot, entry: Entry, hub: Hub, config: Mapping[str, Any]) -> None:
        self._bot = bot
        self._entry = entry
        self._hub = hub
        self._calls = Calls(bot, hub.scrubber)
        self._drafts = Drafts(self._calls, entry, config, self._where)
        self._unfinished = Unfinished()
        self._last: OrderedDict[str, str] = OrderedDict()

    def start(self) -> None:
        """Listen to what goes on; to be called once, before anything is sent."""
        self._entry.listen("message_received", self._received, filter=self._is_mine)
        self._drafts.start()

    async def send(self, message: Outgoing) -> Receipt:
        """Send a message; what was sent of it by an earlier try is not sent again.

        Raises ``NotReady`` when surely nothing of it was delivered, ``Refused`` when it will never be, and another
        error when something was, or may have been.
        """
        progress = self._unfinished.get(message)
        if progress is None:
            progress = Progress(replace(message, repeated=False), await self._parts(message), doubtful=message.repeated)
            self._unfinished.keep(progress)
        number: int | None = None
        try:
            while progress.done < len(progress.parts):
                number = await self._step(message, progress)
                progress.done += 1
        except Refused:
            self._unfinished.drop(message.id)
            raise
        except NotReady as error:
            if progress.done:
                raise PartlySent(error) from error
            raise
        self._unfinished.drop(message.id)
        self._drafts.over(message)
        return Receipt(None if number is None else str(number))

    async def typing(self, chat: str, thread: str | None = None) -> None:
        """Show "typing…" for five seconds, unless the answer can be seen growing."""
        if self._drafts.is_shown(chat):
            return
        topic = int(thread) if thread and thread.isdecimal() else None
        try:
            await self._bot.send_chat_action(
                chat_id(self._calls.home(chat)), ChatAction.TYPING, message_thread_id=topic
            )
        except TelegramError as error:
            raise self._calls.meaning(error) from error

    # -- one message ----------------------------------------------------------------------------

    async def _parts(self, message: Outgoing) -> list[Part]:
        if not message.attachments:
            return parts(await pages(message.text), [], message.buttons)
        uploads, empty = await in_thread(files.uploads, self._hub.media, message.attachments)
        text = "\n".join([message.text, *(f"[{name}]" for name in empty)])
        return parts(await pages(text), files.albums(uploads), message.buttons)

    async def _step(self, message: Outgoing, progress: Progress) -> int:
        """Send the next part; gives Telegram's id of it."""
        part = progress.parts[progress.done]
        if message.piece == 1 and progress.done == 0:
            if await self._drafts.is_lost(message):
                progress.doubtful = True
            elif part.files:
                await self._drafts.discard(message)
            elif (number := await self._become(message, part)) is not None:
                progress.doubtful = False
                return number
        if progress.doubtful:
            progress.mark(translate("cli.chat.repeated", self._hub.language))
            part = progress.parts[progress.done]
        first = message.piece == 1 and progress.done == 0
        where = self._where(message.chat, message.thread, message.answers if first else None, message.turn)
        try:
            return await self._in_some_way(message.chat, part, Way(where), progress)
        except (NotReady, Refused):
            raise
        except BaseException:
            progress.doubtful = True
            raise

    async def _become(self, message: Outgoing, part: Part) -> int | None:
        """Make the draft of the turn the answer, if there is one."""
        number = await self._drafts.take(message)
        if number is None:
            return None
        for html in (True, False) if part.page.html is not None else (False,):
            try:
                await self._calls.ask(message.chat, partial(self._edit, part, number, html))
            except BadRequest as error:
                text = str(error).lower()
                if "parse entities" in text and html:
                    continue
                if "not modified" not in text:
                    self._drafts.forget(message)
                    return None
            self._drafts.became(message)
            return number
        return None

    async def _in_some_way(self, chat: str, part: Part, way: Way, progress: Progress) -> int:
        while True:
            try:
                return await self._calls.ask(chat, partial(self._post, part, way), messages=max(1, len(part.files)))
            except BadRequest as error:
                other = way.another(error, part)
                if other is None:
                    raise self._calls.meaning(error) from error
                if other.as_documents:
                    part = progress.part_album()
                way = other

    async def _post(self, part: Part, way: Way, chat: int | str) -> int:
        text = self._text(part, html=way.html)
        where = {**way.where, "chat_id": chat, "reply_markup": part.keyboard}
        if not part.files:
            sent = await self._bot.send_message(text=text.pop("text"), **text, **where)
            return sent.message_id
        caption = {"caption": text.pop("text") or None, "parse_mode": text["parse_mode"]}
        return (await files.send(self._bot, part.files, caption, where)).message_id

    async def _edit(self, part: Part, number: int, html: bool, chat: int | str) -> None:
        await self._bot.edit_message_text(
            **self._text(part, html=html), chat_id=chat, message_id=number, reply_markup=part.keyboard
        )

    def _text(self, part: Part, *, html: bool) -> dict[str, Any]:
        html = html and part.page.html is not None
        return {
            "text": part.page.html if html else part.page.plain,
            "parse_mode": ParseMode.HTML if html else None,
            "link_preview_options": part.page.preview,
        }

    # -- where ----------------------------------------------------------------------------------

    def _where(self, chat: str, thread: str | None, answers: str | None, turn: str | None) -> dict[str, Any]:
        """The topic, and the message that is quoted.

        In a group an answer quotes its question, since others talk meanwhile; in a private chat only when the person
        has written something else since, so that it is clear what is answered.
        """
        where: dict[str, Any] = {}
        if thread and thread != GENERAL and thread.isdecimal():
            where["message_thread_id"] = int(thread)
        quotes = turn is not None and self._last.get(chat, turn) != turn if chat.isdecimal() else True
        bot, _, number = (answers or "").rpartition(":")
        if quotes and number.isdecimal() and bot in ("", number_of(self._bot)):
            where["reply_parameters"] = ReplyParameters(int(number), allow_sending_without_reply=True)
        return where

    def _is_mine(self, data: Mapping[str, Any]) -> bool:
        return data.get("channel") == self._entry.id

    def _received(self, event: Event) -> None:
        chat = event.data["chat"]
        if not chat.isdecimal():
            return
        self._last[chat] = event.data["id"]
        self._last.move_to_end(chat)
        while len(self._last) > CHATS:
            self._last.popitem(last=False)
