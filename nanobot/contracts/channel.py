"""A channel: a place where people write to nanobot and read its answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nanobot.util.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message on this channel can carry."""

    characters: int = 4096
    utf16: bool = False
    """Whether ``characters`` counts UTF-16 code units, of which an emoji has two."""
    attachments: int = 0
    attachment_bytes: int = 20 * 1024 * 1024
    buttons: bool = False
    """Whether a message can carry buttons. Elsewhere they become numbered lines, and the answer may be the number."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message or goes out with one. ``path`` lies in the media folder."""

    path: str
    name: str
    media_type: str = "application/octet-stream"
    size_bytes: int = 0


FORWARDED = "forwarded"
"""In the extras of a message: somebody else wrote it, and the sender passes it on."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from a person, as a channel hands it to the hub.

    ``message_id`` is the platform's own; a second message of the same channel and
    chat with this id is dropped. None means that the platform has no ids.
    ``chat`` is where the answer goes; ``thread`` narrows it down. The session is
    ``channel:chat[:thread]``, with colons inside of an id quoted, unless the channel gives one itself.
    ``text``: where it replies to another message, and the agent is to see to which, lines such as ``> Anna: the quote``
    stand before it, and then a blank line.
    ``group``: others read along; there a stranger is not answered at all.
    ``owner``: the channel itself knows that one of the people who run nanobot writes, by more than a name that
    anybody could have chosen (the terminal of this account, a page that is signed in as admin).
    ``agent``: the name of the one who is to answer, where the channel lets people choose; without it the hub decides.
    ``user_id`` and ``actor``: of the context of the message, where it came in by a credential of this hub.
    """

    chat: str
    sender: str
    text: str
    message_id: str | None = None
    thread: str | None = None
    sender_name: str | None = None
    session: str | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    language: str | None = None
    group: bool = False
    owner: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    agent: str | None = None
    user_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to a chat. ``id`` is ours and stays the same over every retry of the send.

    Each piece of a long text has its own.
    ``repeated`` is set when a crash, or a failure other than ``NotReady``, left it unknown whether an earlier send
    got through; a channel shows that to the reader.
    ``answers`` is the platform's id of the message that is answered, if there is one; ``turn`` is our id of it, the
    one that ``turn_progress`` names.
    ``buttons``: labels to choose from; a press comes in as a message with that text. Only where ``Limits.buttons``.
    ``piece`` of ``pieces``: a long text was split to fit the channel's limits; both count from 1.
    """

    id: str
    chat: str
    text: str
    thread: str | None = None
    session: str | None = None
    attachments: tuple[Attachment, ...] = ()
    answers: str | None = None
    turn: str | None = None
    buttons: tuple[str, ...] = ()
    repeated: bool = False
    piece: int = 1
    pieces: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform took the message; ``message_id`` is the platform's id of it, if it gives one."""

    message_id: str | None = None


Receive = Callable[[Incoming], Awaitable[None]]
"""Hand over a message. When it returns, the message is on disk and may be acknowledged to the platform.

Raises ``Refused`` for a sender who is not let in, ``Busy`` when too many of the sender's messages wait (the
hub has told the sender), ``StorageError`` when it cannot be kept: do not acknowledge it then.
"""


class Channel(ABC):
    """A connection to one platform under one account.

    ``name`` is unique in the hub: the id of the entry that adds it.
    ``allow`` holds the senders who are let in, as the platform names them, and groups all of whose members are;
    "*" lets everybody in, an empty set nobody. The hub checks it, never the channel. Whoever is on this list by
    name counts as an owner: the list is written by the person who runs nanobot.
    """

    limits: Limits = Limits()
    idempotent: bool = False
    """Whether the platform itself drops a second message with the same ``Outgoing.id``: then nothing is marked as
    a possible repetition."""
    pairing: bool = False
    """Whether an unknown sender in a chat of two gets a code that an owner can confirm."""
    steers: bool = True
    """Whether a message may become a part of the turn that runs, where the agent is configured so. False where whoever
    writes waits for an answer to each message, as programs do."""
    silent_for: float | None = None
    """Seconds without ``entry.beat()`` after which the hub takes ``run`` for dead; None: it need not beat."""
    backoff: Backoff | None = None
    """How long ``run`` waits after failures, where not up to five minutes."""

    def __init__(self, name: str, *, allow: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.allow = allow

    @abstractmethod
    async def run(self, receive: Receive) -> None:
        """Receive until cancelled. Raising or returning is a failure: the hub runs it again after a while."""

    @abstractmethod
    async def send(self, message: Outgoing) -> Receipt:
        """Send one message within the limits; return when the platform has taken it.

        Raises ``NotReady`` when it is certain that it was not delivered (it is kept and tried again, after
        ``retry_after`` seconds where the platform says so), and ``Refused`` when this chat will never take it (it is
        given up and the person who runs nanobot is told). After any other error the next try is ``repeated``.
        """

    async def typing(self, chat: str, thread: str | None = None) -> None:  # noqa: B027 - optional
        """Show that an answer is on its way, where the platform can. Called every few seconds of a turn."""
