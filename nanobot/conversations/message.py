"""A message that was let in, as it waits for its turn."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from nanobot.contracts.agent import Agent
from nanobot.contracts.channel import Attachment, Channel, Incoming
from nanobot.conversations.packing import pack, whole
from nanobot.hub.context import Context
from nanobot.util.ids import ulid
from nanobot.util.text import cut_in_the_middle, one_line

LONGEST_TEXT = 200_000  # characters of a message; what is longer belongs into a file
LONGEST_NAME = 128  # characters of what a sender is called
BROUGHT = "brought"
"""In the extras of a message that nobody wrote: what came of something that a turn of its session began."""


@dataclass(slots=True)
class Message:
    """A row of the inbox. ``id`` is ours; it also names the turn and is the id of its context.

    ``attempts``: turns for it that were cut off. ``crashes``: how many of them a crash of the process cut.
    ``restored``: it was found at start, so whatever happened to it before may happen again.
    ``owner``: it came from one of the people who run nanobot. ``group``: others read along. ``agent``: who is to
    answer; None: whoever the hub takes. ``user_id`` and ``actor`` are those of its context.
    """

    id: str
    session: str
    channel: str
    chat: str
    sender: str
    text: str
    received: float
    seq: int = 0
    thread: str | None = None
    message_id: str | None = None
    sender_name: str | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    language: str | None = None
    owner: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    agent: str | None = None
    user_id: str | None = None
    actor: str | None = None
    group: bool = False
    attempts: int = 0
    crashes: int = 0
    cuts: int = 0
    restored: bool = False
    ahead: tuple[Agent, asyncio.Future[Any]] | None = field(default=None, repr=False, compare=False)
    """What ``Agent.ahead`` of whoever will probably answer finds out. Never on disk."""
    size: int = field(init=False)
    """Bytes that it takes in memory, roughly."""

    def __post_init__(self) -> None:
        self.size = sys.getsizeof(self.text) + (len(pack(self.extra)) if self.extra else 0)

    def told(self) -> dict[str, Any]:
        """What everybody is told of a message that came in. JSON-able."""
        return {
            "id": self.id,
            "session": self.session,
            "channel": self.channel,
            "chat": self.chat,
            "thread": self.thread,
            "sender": self.sender,
            "sender_name": self.sender_name,
            "owner": self.owner,
            "group": self.group,
            "text": self.text,
            "message_id": self.message_id,
            "reply_to": self.reply_to,
            "language": self.language,
            "attachments": [
                {"path": file.path, "name": file.name, "media_type": file.media_type, "size_bytes": file.size_bytes}
                for file in self.attachments
            ],
        }

    @property
    def context(self) -> Context:
        """The cause of whatever comes of this message."""
        return Context(id=self.id, user_id=self.user_id, actor=self.actor or "user")


def session_of(channel: str, chat: str, thread: str | None = None) -> str:
    """The session of a chat, where the channel has no word for it. Whoever chooses an id cannot choose that of another
    session: a colon inside of an id is not one between two."""
    session = f"{_quoted(channel)}:{_quoted(chat)}"
    return f"{session}:{thread}" if thread else session


def place_of(session: str) -> tuple[str, str, str | None] | None:
    """The channel, chat and thread that ``session_of`` made a session of; None where it did not."""
    channel, _, rest = session.partition(":")
    chat, _, thread = rest.partition(":")
    place = unquote(channel), unquote(chat), thread or None
    return place if channel and chat and session_of(*place) == session else None


def _quoted(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A") if ":" in part or "%" in part else part


def message_of(
    channel: Channel, incoming: Incoming, received: float, *, owner: bool = False, shared: str | None = None
) -> Message:
    """The row for a message that just arrived. ``shared``: the session that its sender has on all channels."""
    thread = incoming.thread or None
    alone = not (incoming.group or incoming.session or thread)
    session = shared if shared and alone else incoming.session or session_of(channel.name, str(incoming.chat), thread)
    return Message(
        id=ulid(),
        session=session,
        channel=channel.name,
        chat=str(incoming.chat),
        sender=str(incoming.sender),
        text=cut_in_the_middle(whole(incoming.text), LONGEST_TEXT),
        received=received,
        thread=thread,
        message_id=str(incoming.message_id) if incoming.message_id else None,
        sender_name=one_line(incoming.sender_name, LONGEST_NAME) if incoming.sender_name else None,
        attachments=tuple(incoming.attachments),
        reply_to=incoming.reply_to,
        language=incoming.language,
        owner=owner,
        extra=incoming.extra,
        agent=incoming.agent,
        user_id=incoming.user_id,
        actor=incoming.actor,
        group=incoming.group,
    )
