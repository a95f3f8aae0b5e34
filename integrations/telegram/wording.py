"""What a message says, as text for an agent: its words, what it replies to, and sentences for what is no words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import (
    Chat,
    Message,
    MessageEntity,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    User,
)

from nanobot.util.text import shorten
from nanobot.util.translate import translate

QUOTED = 300  # characters of a message that is replied to
QUOTED_LINES = 4


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that came with a message, before it is fetched. ``size`` in bytes, as far as Telegram says it."""

    file_id: str
    name: str
    media_type: str | None = None
    size: int | None = None


def say(key: str, language: str, /, **values: object) -> str:
    """A text of this integration."""
    return translate(f"component.telegram.{key}", language, **values)


def words(message: Message, me: User, language: str) -> str:
    """The text or caption, without the name of the bot in a group; else a sentence about what the message is."""
    text = message.text or message.caption
    if text:
        entities = message.entities if message.text else message.caption_entities
        return _spelled_out(text, entities, me, strip=message.chat.type != Chat.PRIVATE) if entities else text
    return _sentence(message, language)


def names(message: Message, me: User) -> bool:
    """Whether its text or caption names the bot."""
    units = _units(message.text or message.caption or "")
    return any(
        _names(entity, _text(units[2 * entity.offset : 2 * (entity.offset + entity.length)]), me)
        for entity in message.entities or message.caption_entities
    )


def files(message: Message) -> list[Enclosed]:
    """What is to be fetched, at most one file."""
    for kind, find in _FILES.items():
        file = getattr(message, kind)
        if file:
            return [find(file, message.message_id)]
    return []


def quote(message: Message, me: User, language: str) -> str:
    """What the message replies to, as lines of a Markdown quote; nothing where it replies to nothing."""
    other, external = message.reply_to_message, message.external_reply
    if is_topic(other):
        other = None
    if message.quote is not None:
        text = message.quote.text
    elif other is not None:
        text = words(other, me, language) or ", ".join(f"[{file.name}]" for file in files(other))
    else:
        return ""
    who = name_of(other) if other is not None else _origin(external.origin) if external is not None else None
    every = [line for line in text.strip()[: QUOTED + 1].splitlines() if line.strip()]
    lines = "\n".join(every)[:QUOTED].splitlines()[:QUOTED_LINES]
    if not lines:
        return ""
    if lines != every:
        lines[-1] += " …"
    if who:
        lines[0] = f"{who}: {lines[0]}"
    return "\n".join(f"> {line}" for line in lines)


def forwarded(message: Message, language: str) -> str:
    """Where a forwarded message comes from, as a line of its own; nothing for others."""
    if message.forward_origin is None:
        return ""
    return say("notes.forwarded", language, name=_origin(message.forward_origin) or "?")


def name_of(message: Message) -> str | None:
    """Who wrote it: a person, or a group or channel in whose name it was written."""
    if message.sender_chat is not None:
        return message.sender_chat.title or message.author_signature
    return message.from_user.full_name if message.from_user is not None else None


def is_topic(message: Message | None) -> bool:
    """Whether it is the one that opened a topic; all others in there count as replies to it."""
    return message is not None and message.forum_topic_created is not None


# -- inside -------------------------------------------------------------------------------------


def _spelled_out(text: str, entities: Sequence[MessageEntity], me: User, *, strip: bool) -> str:
    """With the addresses behind its links and, with ``strip``, without what names the bot."""
    units = _units(text)
    for entity in sorted(entities, key=lambda entity: -entity.offset):
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        shown = _text(units[start:end])
        if strip and _names(entity, shown, me):
            units = units[:start] + units[end:]
        elif entity.type == MessageEntity.TEXT_LINK and entity.url and entity.url.rstrip("/") != shown:
            units = units[:start] + _units(f"[{shown}]({entity.url})") + units[end:]
    spelled = _text(units)
    if strip and spelled != text:
        return spelled.strip().lstrip(",:;!–—-").strip() or text
    return spelled


def _units(text: str) -> bytes:
    """The text in what Telegram counts in."""
    return text.encode("utf-16-le", "surrogatepass")


def _text(units: bytes) -> str:
    return units.decode("utf-16-le", "replace")


def _names(entity: MessageEntity, shown: str, me: User) -> bool:
    """Whether a piece of a text names the bot."""
    if entity.type == MessageEntity.MENTION:
        return shown[1:].casefold() == (me.username or "").casefold()
    return entity.type == MessageEntity.TEXT_MENTION and entity.user == me


def _sentence(message: Message, language: str) -> str:
    if message.sticker is not None:
        return message.sticker.emoji or say("notes.sticker", language)
    if message.dice is not None:
        return f"{message.dice.emoji} {message.dice.value}"
    for kind, values in _SENTENCES.items():
        if getattr(message, kind) is not None:
            return say(f"notes.{kind}", language, **values(getattr(message, kind)))
    other = next((kind for kind in _UNREADABLE if getattr(message, kind, None) is not None), None)
    return say("notes.unreadable", language, kind=other) if other else ""


def _origin(origin: MessageOrigin) -> str | None:
    match origin:
        case MessageOriginUser():
            return origin.sender_user.full_name
        case MessageOriginHiddenUser():
            return origin.sender_user_name
        case MessageOriginChat():
            return origin.sender_chat.title
        case MessageOriginChannel():
            return origin.chat.title
    return None


def _named(kind: str, ending: str, media_type: str | None = None) -> Callable[[Any, int], Enclosed]:
    def find(file: Any, number: int) -> Enclosed:
        name = getattr(file, "file_name", None) or f"{kind}-{number}{ending}"
        return Enclosed(file.file_id, name, getattr(file, "mime_type", None) or media_type, file.file_size)

    return find


def _photo(sizes: Sequence[Any], number: int) -> Enclosed:
    largest = max(sizes, key=lambda size: size.width * size.height)
    return Enclosed(largest.file_id, f"photo-{number}.jpg", "image/jpeg", largest.file_size)


_FILES: Mapping[str, Callable[[Any, int], Enclosed]] = {
    "photo": _photo,
    "animation": _named("animation", ".mp4", "video/mp4"),  # before "document", which an animation is as well
    "document": _named("document", ""),
    "voice": _named("voice", ".ogg", "audio/ogg"),
    "audio": _named("audio", ".mp3", "audio/mpeg"),
    "video": _named("video", ".mp4", "video/mp4"),
    "video_note": _named("video", ".mp4", "video/mp4"),
}

_UNREADABLE = ("story", "live_photo", "paid_media", "checklist", "giveaway", "game", "invoice")
"""What somebody can send besides; anything else is a word of Telegram about the chat."""

_SENTENCES: Mapping[str, Callable[[Any], Mapping[str, object]]] = {
    "venue": lambda venue: {  # before "location", which a venue has as well
        "title": venue.title,
        "address": venue.address,
        "latitude": venue.location.latitude,
        "longitude": venue.location.longitude,
    },
    "location": lambda location: {"latitude": location.latitude, "longitude": location.longitude},
    "contact": lambda contact: {
        "name": " ".join(filter(None, (contact.first_name, contact.last_name))),
        "phone": contact.phone_number,
    },
    "poll": lambda poll: {
        "question": shorten(poll.question, 300),
        "options": ", ".join(option.text for option in poll.options),
    },
}
