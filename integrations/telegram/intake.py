"""What an update leads to: a message for the hub, with its files, or a word in the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from telegram import CallbackQuery, Chat, ChatMember, ChatMemberUpdated, Message, Update
from telegram.error import TelegramError

from nanobot.contracts.channel import Channel, Incoming, Receive
from nanobot.errors import Busy, Refused, StorageError
from nanobot.hub.entry import Entry

from .connection import Connection, number_of
from .downloads import Downloads
from .incoming import Heard, language_of, read, read_press
from .wording import say

Moved = Callable[[str, str], None]
"""Told the old and the new id of a group that got another one."""


class Intake:
    """``options`` is the configuration as it is at any time. ``channel`` is where the messages come in."""

    def __init__(
        self, connection: Connection, entry: Entry, channel: Channel, options: Mapping[str, Any], moved: Moved
    ) -> None:
        self.downloads = Downloads(connection, entry)
        self._connection = connection
        self._entry = entry
        self._hub = entry.hub
        self._channel = channel
        self._options = options
        self._moved = moved

    async def take(self, receive: Receive, updates: Sequence[Update]) -> None:
        """When this returns, the updates may be acknowledged. Raises ``StorageError`` when they have to come again."""
        first = updates[0]
        if first.callback_query is not None:
            await self._press(receive, first.callback_query)
        elif first.my_chat_member is not None:
            self._membership(first.my_chat_member)
        elif messages := [update.message for update in updates if update.message is not None]:
            await self._message(receive, messages)

    async def _message(self, receive: Receive, messages: Sequence[Message]) -> None:
        first = messages[0]
        if first.migrate_to_chat_id:
            self._moved(str(first.chat.id), str(first.migrate_to_chat_id))
            return
        me = await self._connection.connect()
        heard = read(messages, me, self._options["groups"], self._hub.language)
        if heard is not None:
            await self._hand_over(receive, await self._with_files(heard))

    async def _with_files(self, heard: Heard) -> Incoming:
        incoming = heard.incoming
        # whoever is not let in must not fill the disk
        if not heard.files or not self._hub.conversations.gate.lets_in(self._channel, incoming):
            return incoming
        kept, missing = await self.downloads.fetch(heard.files, incoming.language or self._hub.language)
        text = "\n".join(filter(None, (incoming.text, *missing)))
        return replace(incoming, text=text, attachments=tuple(kept))

    async def _hand_over(self, receive: Receive, incoming: Incoming) -> bool:
        """Whether it was taken. Raises ``StorageError``."""
        # each bot counts the messages of a chat anew: those of another bot are other ones
        incoming = replace(incoming, message_id=f"{number_of(self._connection.bot)}:{incoming.message_id}")
        try:
            await receive(incoming)
        except (Refused, Busy):
            await self._hub.media.drop(*incoming.attachments)
            return False
        except StorageError:
            await self._hub.media.drop(*incoming.attachments)
            raise
        return True

    async def _press(self, receive: Receive, query: CallbackQuery) -> None:
        incoming = read_press(query)
        if incoming is None:
            language = language_of(query.from_user) or self._hub.language
            await self._quietly(query.answer(say("button_gone", language), show_alert=True))
            return
        await self._quietly(query.answer())  # the button stops spinning, whatever comes of it
        if await self._hand_over(receive, incoming):
            await self._quietly(query.edit_message_reply_markup(None))

    async def _quietly(self, call: Any) -> None:
        """Do what is only nice to have."""
        try:
            await call
        except TelegramError as error:
            self._entry.log.debug("%s", self._connection.why(error))

    def _membership(self, change: ChatMemberUpdated) -> None:
        chat, status = change.chat, change.new_chat_member.status
        gone = status in (ChatMember.LEFT, ChatMember.BANNED)
        if chat.type == Chat.PRIVATE:
            self._entry.log.info("%d has %s the bot", chat.id, "blocked" if gone else "started")
        elif gone:
            self._entry.log.warning("the bot was removed from '%s' (%d)", chat.title, chat.id)
        elif change.old_chat_member.status in (ChatMember.LEFT, ChatMember.BANNED):
            known = str(chat.id) in self._channel.allow
            hint = "" if known else f"; to let all its members in, add {chat.id} to 'allow'"
            self._entry.log.info("the bot was added to '%s' (%d)%s", chat.title, chat.id, hint)
