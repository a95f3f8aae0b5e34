"""Where something comes from that outlives its turn: an approval, a subagent. Kept on disk with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.contracts.agent import Bounds, Turn
from nanobot.conversations.message import Message
from nanobot.hub.context import Context
from nanobot.util.ids import ulid


@dataclass(frozen=True, slots=True)
class Origin:
    """The conversation in which it was begun, and on whose behalf: the fields of that turn."""

    session: str
    channel: str
    chat: str
    sender: str
    language: str
    thread: str | None = None
    sender_name: str | None = None
    owner: bool = False
    group: bool = False
    person: str = ""
    user_id: str | None = None

    @classmethod
    def of(cls, turn: Turn) -> Origin:
        """Begun in this turn."""
        return cls(
            session=turn.session,
            channel=turn.channel,
            chat=turn.chat,
            sender=turn.sender,
            language=turn.language,
            thread=turn.thread,
            sender_name=turn.sender_name,
            owner=turn.owner,
            group=turn.group,
            person=turn.person,
            user_id=turn.context.user_id,
        )

    def turn(
        self,
        id_: str,
        context: Context,
        *,
        text: str = "",
        agent: str = "",
        session: str | None = None,
        extra: Mapping[str, Any] | None = None,
        bounds: Bounds | None = None,
    ) -> Turn:
        """A turn on behalf of the same person, of that conversation or of a ``session`` of its own."""
        return Turn(
            id=id_,
            session=self.session if session is None else session,
            channel=self.channel,
            chat=self.chat,
            sender=self.sender,
            text=text,
            context=context,
            language=self.language,
            thread=self.thread,
            sender_name=self.sender_name,
            owner=self.owner,
            group=self.group,
            person=self.person,
            agent=agent,
            extra=extra or {},
            bounds=bounds,
        )

    def message(self, text: str, received: float, *, agent: str | None, extra: Mapping[str, Any]) -> Message:
        """What came of it, for ``Conversations.bring``. ``agent``: who is told; None: whoever the hub takes."""
        return Message(
            id=ulid(),
            session=self.session,
            channel=self.channel,
            chat=self.chat,
            sender=self.sender,
            text=text,
            received=received,
            thread=self.thread,
            sender_name=self.sender_name,
            language=self.language,
            owner=self.owner,
            group=self.group,
            extra=extra,
            agent=agent,
            user_id=self.user_id,
        )
