"""One piece of work that was given away, as it is kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from nanobot.contracts.agent import Bounds, Turn
from nanobot.contracts.meter import ORIGIN
from nanobot.conversations.origin import Origin
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
    origin: Origin
    began: float
    tainted: bool = False
    attempts: int = 0
    result: str | None = None

    @classmethod
    def unpacked(cls, data: Mapping[str, Any]) -> Task:
        return cls(**{**data, "origin": Origin(**data["origin"])})

    def packed(self) -> dict[str, Any]:
        return asdict(self)

    def turn(self, bounds: Bounds) -> Turn:
        """Its own, on behalf of the same person."""
        return self.origin.turn(
            ulid(),
            Context(user_id=self.origin.user_id, actor="agent"),
            text=self.text + (AGAIN if self.attempts > 1 else ""),
            agent=self.agent,
            session=f"{SUBAGENT}:{self.id}",
            extra={ORIGIN: SUBAGENT},
            bounds=bounds,
        )

    def told(self) -> str:
        """What the conversation is told."""
        return TOLD.format(id=self.id, task=short(self.text), result=self.result)

    def ended(self, result: str, *, tainted: bool) -> Task:
        return replace(self, result=result, tainted=self.tainted or tainted)


def short(text: str) -> str:
    """What it was about, in a line."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
