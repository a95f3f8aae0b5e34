"""The queues of the sessions: who is next, and who has to wait."""

from __future__ import annotations

from collections import deque

from nanobot.conversations.message import BROUGHT, Message
from nanobot.errors import Busy
from nanobot.storage.media import size_text

MAX_WAITING = 100  # messages of one session
MAX_TOTAL = 10_000  # messages of all sessions
KEPT_FOR_OWNERS = 10  # one place in so many, and one turn: a crowd of guests does not keep owners waiting
ALIKE = ("channel", "chat", "thread", "sender", "owner", "agent", "user_id")
"""What two messages have in common that are of the same person, at the same place, for the same agent."""
MAX_BYTES = 64 * 1024 * 1024  # of all messages that wait, roughly, as they take place in memory


class _Session:
    __slots__ = ("in_turn", "messages", "reserved")

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.reserved = 0
        self.in_turn = False


class Sessions:
    """One message of a session at a time, in order; the sessions take turns, those in which an owner waits first. A
    session with nothing to do is nothing.

    A place is reserved before the message is on disk, so that many at once cannot slip past the limit.
    """

    def __init__(self) -> None:
        self.max_waiting = MAX_WAITING
        self.max_total = MAX_TOTAL
        self.max_bytes = MAX_BYTES
        self.waiting = 0
        """Messages of all sessions that are not in a turn yet."""
        self.waiting_bytes = 0
        self._sessions: dict[str, _Session] = {}
        self._ready: tuple[dict[str, None], dict[str, None]] = ({}, {})
        """Those of owners, and the others."""

    def __len__(self) -> int:
        return len(self._sessions)

    def is_ready(self, *, for_guests: bool = True) -> bool:
        """Whether a message could begin its turn; with ``for_guests`` False, one of an owner."""
        owners, others = self._ready
        return bool(owners or (for_guests and others))

    def waiting_in(self, session: str) -> int:
        """Messages of that session that are not in a turn yet."""
        known = self._sessions.get(session)
        return len(known.messages) + known.reserved if known else 0

    def reserve(self, message: Message) -> None:
        """Take a place in the queue; ``put`` or ``release`` follows. Raises ``Busy``."""
        if self.waiting >= (self.max_total if message.owner else self.max_total - self.max_total // KEPT_FOR_OWNERS):
            raise Busy(f"{self.waiting} messages wait already")
        if self.waiting and self.waiting_bytes + message.size > self.max_bytes:
            raise Busy(f"the messages that wait have {size_text(self.waiting_bytes)} already")
        known = self._sessions.get(message.session)
        if known is None:
            known = self._sessions[message.session] = _Session()
        elif len(known.messages) + known.reserved >= self.max_waiting:
            raise Busy(f"{self.max_waiting} messages of this conversation wait already")
        known.reserved += 1
        self._count(message)

    def release(self, message: Message) -> None:
        """Give back a place: there will be no message in it."""
        known = self._sessions[message.session]
        known.reserved -= 1
        self._count(message, -1)
        self._drop_if_idle(message.session, known)

    def put(self, message: Message) -> None:
        """Fill a reserved place."""
        known = self._sessions[message.session]
        known.reserved -= 1
        known.messages.append(message)
        if not known.in_turn:
            self._get_ready(message.session, known)

    def restore(self, message: Message) -> None:
        """Put in a message that was accepted long ago, whatever the limits say now."""
        self._sessions.setdefault(message.session, _Session()).reserved += 1
        self._count(message)
        self.put(message)

    def messages(self) -> list[Message]:
        """All that are not in a turn."""
        return [message for known in self._sessions.values() for message in known.messages]

    def heads(self) -> list[Message]:
        """The next message of each session that could begin a turn."""
        return [self._sessions[session].messages[0] for line in self._ready for session in line]

    def next(self, session: str | None = None) -> Message:
        """The message whose turn it is, or that of one session. It has no other until ``done`` or ``put_back``."""
        owners, others = self._ready
        if session is None:
            session = next(iter(owners or others))
        for line in (owners, others):
            line.pop(session, None)
        known = self._sessions[session]
        known.in_turn = True
        message = known.messages.popleft()
        self._count(message, -1)
        return message

    def waiting_like(self, message: Message) -> list[Message]:
        """What the same person wrote in the same place since, up to what somebody else wrote, or what has files."""
        known = self._sessions.get(message.session)
        found: list[Message] = []
        for one in known.messages if known else ():
            alike = all(getattr(one, name) == getattr(message, name) for name in ALIKE)
            if not alike or one.attachments or BROUGHT in one.extra or not one.text.strip():
                break
            found.append(one)
        return found

    def waiting_of(self, session: str) -> list[Message]:
        """The messages of a session that are not in a turn."""
        known = self._sessions.get(session)
        return list(known.messages) if known else []

    def take(self, message: Message) -> None:
        """Take a message that waits out of its queue: it needs no turn."""
        known = self._sessions[message.session]
        known.messages.remove(message)
        self._count(message, -1)
        if not known.messages:
            for line in self._ready:
                line.pop(message.session, None)
        self._drop_if_idle(message.session, known)

    def give_back(self, message: Message) -> None:
        """It needs a turn after all, before what came after it."""
        known = self._sessions.setdefault(message.session, _Session())
        known.messages.appendleft(message)
        self._count(message)
        if not known.in_turn:
            self._get_ready(message.session, known)

    def done(self, session: str) -> None:
        """The turn is over; the session goes to the end of the line if it has more."""
        known = self._sessions[session]
        known.in_turn = False
        if known.messages:
            self._get_ready(session, known)
        self._drop_if_idle(session, known)

    def put_back(self, message: Message) -> None:
        """The turn was cut off: the message is its session's next one again."""
        self._sessions[message.session].messages.appendleft(message)
        self._count(message)
        self.done(message.session)

    def _get_ready(self, session: str, known: _Session) -> None:
        owners, others = self._ready
        if session not in owners and session not in others:
            (owners if known.messages[0].owner else others)[session] = None

    def _count(self, message: Message, sign: int = 1) -> None:
        self.waiting += sign
        self.waiting_bytes += sign * message.size

    def _drop_if_idle(self, session: str, known: _Session) -> None:
        if not known.in_turn and not known.messages and not known.reserved:
            self._sessions.pop(session, None)
