"""An approval: one call that is not made before a person has said yes, as it is kept on disk."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from nanobot.contracts.agent import Turn
from nanobot.contracts.model import ToolCall
from nanobot.conversations.origin import Origin
from nanobot.hub.context import Context


class Stage(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    """For the word of a person."""
    APPROVED = "approved"
    """Nothing of it is done yet."""
    RUNNING = "running"
    """Written down before the call is made: found after a crash, nobody knows whether it was."""
    OVER = "over"
    """What came of it is known, and the agent is still to be told."""


@dataclass(slots=True)
class Approval:
    """``arguments`` is the JSON text of the call, ``summary`` what people are shown of it. Times are seconds since the
    epoch. ``in_chat``: it came of a conversation, which goes on with the result. ``result``: what the agent is told in
    the end; ``foreign``: with words of strangers in it."""

    number: int
    made: float
    expires: float
    tool: str
    arguments: str
    summary: str
    digest: str
    why: str
    agent: str
    turn: str
    origin: Origin
    tainted: bool
    in_chat: bool = True
    stage: Stage = Stage.WAITING
    result: str = ""
    foreign: bool = False

    @property
    def call(self) -> ToolCall:
        """The very call that was asked for."""
        return ToolCall(f"approval_{self.number}", self.tool, self.arguments)

    @property
    def is_whole(self) -> bool:
        """Whether what would be done is what was shown."""
        return self.digest == digest_of(self.tool, self.arguments, self.summary)

    def as_turn(self) -> Turn:
        """The turn in which it was asked for, as far as a tool needs it."""
        context = Context(parent_id=self.turn, user_id=self.origin.user_id, actor="agent")
        return self.origin.turn(self.turn, context, agent=self.agent)

    def packed(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def unpacked(kept: dict[str, Any]) -> Approval:
    """What ``packed`` made. Raises ``LookupError``, ``TypeError`` or ``ValueError`` for anything else."""
    known = {field.name for field in fields(Approval)}
    approval = Approval(**{key: value for key, value in kept.items() if key in known})
    approval.stage = Stage(approval.stage)
    approval.origin = Origin(**kept["origin"])
    return approval


def digest_of(tool: str, arguments: str, summary: str) -> str:
    """What is asked for, in a few characters that fit nothing else."""
    return hashlib.sha256("\0".join((tool, arguments, summary)).encode("utf-8", "replace")).hexdigest()
