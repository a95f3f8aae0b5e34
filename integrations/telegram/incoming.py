"""Which updates mean a message to nanobot, and what it is: who wrote, where, in which language, and what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import CallbackQuery, Chat, Message, User

from nanobot.contracts.channel import FORWARDED, Incoming
from nanobot.util.translate import find

from . import wording
from .wording import Enclosed

START = "/start"  # what Telegram writes for a person who opens a chat with a bot
_COMMAND = re.compile(r"/(\w{1,64})(?:@(\w+))?(?!\S)")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and the files that belong to it, which are not fetched yet."""

    incoming: Incoming
    files: tuple[Enclosed, ...] = ()


def read(messages: Sequence[Message], me: User, groups: str, language: str) -> Heard | None:
    """One message, or the pictures of one album. None when it is not for the bot, or nothing that anybody says.

    ``groups``: ``mention``, ``all`` or ``none``. ``language``: the one for whoever has none that nanobot knows.
    """
    first = messages[0]
    group = first.chat.type != Chat.PRIVATE
    if not _is_said_by_somebody(first):
        return None
    if group and not any(_is_for(me, message, groups) for message in messages):
        return None
    own = language_of(first.from_user)
    said = filter(None, (wording.words(message, me, own or language) for message in messages))
    body = _plain_command("\n".join(said), me)
    if body == START and not group:
        body = "/help"
    files = tuple(file for message in messages for file in wording.files(message))
    if body is None or not (body or files):
        return None
    return Heard(
        Incoming(
            chat=str(first.chat.id),
            sender=sender_of(first),
            text=_in_context(first, body, me, own or language),
            message_id=str(first.message_id),
            thread=thread_of(first),
            sender_name=wording.name_of(first),
            reply_to=_reply_to(first),
            language=own,
            group=group,
            extra={FORWARDED: True} if any(_words_of_others(message, me) for message in messages) else {},
        ),
        files,
    )


def read_press(query: CallbackQuery) -> Incoming | None:
    """The press of a button as a message with the text of the button; None for one that nobody knows any more.

    All presses below one message have the same id: it counts once.
    """
    message = query.message
    if not isinstance(message, Message) or not (label := _label(message, query.data)):
        return None
    return Incoming(
        chat=str(message.chat.id),
        sender=str(query.from_user.id),
        text=label,
        message_id=f"button:{message.message_id}",
        thread=thread_of(message),
        sender_name=query.from_user.full_name,
        reply_to=str(message.message_id),
        language=language_of(query.from_user),
        group=message.chat.type != Chat.PRIVATE,
    )


def sender_of(message: Message) -> str:
    """The number of the account that wrote, or of the group, where an admin writes in its name.

    Whoever writes in the name of a channel does so through an account of Telegram's. The number of the channel would
    make an owner of everybody who may, where ``allow`` has it.
    """
    if message.sender_chat is not None and message.sender_chat.id == message.chat.id:
        return str(message.chat.id)
    return str(message.from_user.id) if message.from_user is not None else ""


def thread_of(message: Message) -> str | None:
    """The topic. Replies have a thread as well, where there are no topics; that one means nothing here."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None


def language_of(user: User | None) -> str | None:
    """The language of somebody's app, if nanobot speaks it."""
    code = (user.language_code or "").lower().partition("-")[0] if user is not None else ""
    return code if _LANGUAGE.fullmatch(code) and find("chat.busy", code) is not None else None


# -- inside -------------------------------------------------------------------------------------


def _is_said_by_somebody(message: Message) -> bool:
    if message.is_automatic_forward or not sender_of(message):  # of a channel, into the group where it is talked about
        return False
    # two bots that answer one another would never end; a group or channel speaks through a bot of Telegram
    return message.sender_chat is not None or message.from_user is None or not message.from_user.is_bot


def _is_for(me: User, message: Message, groups: str) -> bool:
    if groups != "mention":
        return groups == "all"
    other = message.reply_to_message
    if other is not None and other.from_user == me and not wording.is_topic(other):
        return True
    if (message.text or "").startswith("/"):
        return _COMMAND.match(message.text or "") is not None
    return wording.names(message, me)


def _plain_command(text: str, me: User) -> str | None:
    """Without the name of the bot behind a command; None for a command that another bot is meant to obey."""
    command = _COMMAND.match(text)
    if command is None or command[2] is None:
        return text
    if command[2].casefold() != (me.username or "").casefold():
        return None
    return f"/{command[1]}{text[command.end() :]}"


def _in_context(message: Message, body: str, me: User, language: str) -> str:
    """With what it replies to, or where it was forwarded from. A command stays alone, to be known as one."""
    if origin := wording.forwarded(message, language):
        return f"{origin}\n{body}"
    if _COMMAND.match(body):
        return body
    quote = wording.quote(message, me, language)
    return f"{quote}\n\n{body}" if quote else body


def _words_of_others(message: Message, me: User) -> bool:
    """Whether somebody else wrote a part of it: what is forwarded, or the message that it replies to."""
    if message.forward_origin is not None:
        return True
    other = message.reply_to_message
    if other is None or wording.is_topic(other):
        return False
    return other.from_user not in (me, message.from_user)


def _reply_to(message: Message) -> str | None:
    other = message.reply_to_message
    return str(other.message_id) if other is not None and not wording.is_topic(other) else None


def _label(message: Message, data: str | None) -> str | None:
    rows = message.reply_markup.inline_keyboard if message.reply_markup is not None else ()
    return next((button.text for row in rows for button in row if button.callback_data == data), None)
