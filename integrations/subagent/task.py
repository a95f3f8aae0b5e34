"""One piece of work that was given away, as it is kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from nanobot.contracts.agent import Bounds, Turn
from nanobot.contracts.meter import ORIGIN
from nanobot.conversations.message import Message
from nanobot.hub.context import Context
from nanobot.util.ids import ulid

SUBAGENT = "subagent"

AGAIN = "\n\n(This was begun before and interrupted. Find out what is done already, and do only the rest.)"
TOLD = "The subagent {id} has come to an end ({task}).\n\n{result}"


@dataclass(slots=True)
class Task:
    """``result`` is None while it runs. ``tainted``: words of strangers had a part in what was asked, or in what came
    of it. ``began`` in seconds since the epoch."""

    id: str
    text: str
    agent: str
    session: str
    channel: str
    chat: str
    sender: str
    language: str
    began: float
    thread: str | None = None
    sender_name: str | None = None
    owner: bool = False
    group: bool = False
    person: str = ""
    user_id: str | None = None
    tainted: bool = False
    attempts: int = 0
    result: str | None = None

    @classmethod
    def of(cls, id_: str, text: str, agent: str, turn: Turn, began: float, *, tainted: bool) -> Task:
        """Given away in this turn."""
        return cls(
            id=id_,
            text=text,
            agent=agent,
            session=turn.session,
            channel=turn.channel,
            chat=turn.chat,
            sender=turn.sender,
            language=turn.language,
            began=began,
            thread=turn.thread,
            sender_name=turn.sender_name,
            owner=turn.owner,
            group=turn.group,
            person=turn.person,
            user_id=turn.context.user_id,
            tainted=tainted,
        )

    @classmethod
    def unpacked(cls, data: Mapping[str, Any]) -> Task:
        return cls(**data)

    def packed(self) -> dict[str, Any]:
        return asdict(self)

    def turn(self, context: Context, bounds: Bounds) -> Turn:
        """Its own, on behalf of the same person."""
        return Turn(
            id=ulid(),
            session=f"{SUBAGENT}:{self.id}",
            channel=self.channel,
            chat=self.chat,
            sender=self.sender,
            text=self.text + (AGAIN if self.attempts > 1 else ""),
            context=context,
            language=self.language,
            thread=self.thread,
            sender_name=self.sender_name,
            owner=self.owner,
            group=self.group,
            person=self.person,
            agent=self.agent,
            extra={ORIGIN: SUBAGENT},
            bounds=bounds,
        )

    def message(self, received: float, tainted_mark: str, agent: str | None) -> Message:
        """What the conversation is told."""
        return Message(
            id=ulid(),
            session=self.session,
            channel=self.channel,
            chat=self.chat,
            sender=self.sender,
            text=TOLD.format(id=self.id, task=short(self.text), result=self.result),
            received=received,
            thread=self.thread,
            sender_name=self.sender_name,
            language=self.language,
            owner=self.owner,
            group=self.group,
            extra={tainted_mark: True} if self.tainted else {},
            agent=agent,
            user_id=self.user_id,
        )

    def ended(self, result: str, *, tainted: bool) -> Task:
        return replace(self, result=result, tainted=self.tainted or tainted)


def short(text: str) -> str:
    """What it was about, in a line."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
