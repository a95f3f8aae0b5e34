"""What was said in a session, both ways, for whoever shows it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from nanobot.conversations.choices import with_choices
from nanobot.util.dt import iso

_LINES = """
SELECT * FROM (
    SELECT id, 'in' AS direction, text, received AS at, seq, sender, more,
           CASE WHEN done IS NULL THEN 'waiting' ELSE outcome END AS state, NULL AS turn, message_id
    FROM inbox WHERE session = ?1 ORDER BY seq DESC LIMIT ?2
)
UNION ALL
SELECT * FROM (
    SELECT id, 'out', text, created, seq, NULL, more, state, turn, NULL
    FROM outbox WHERE session = ?1 ORDER BY seq DESC LIMIT ?2
)
ORDER BY at DESC, direction DESC, seq DESC LIMIT ?2
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a session. ``turn`` of an answer is the ``id`` of what it answers. ``message_id`` of one that
    came in is the platform's.

    ``state`` of one that came in: ``waiting``, or how its turn ended (``answered``, ``empty``, ``failed``,
    ``stopped``, ``given_up``, ``stop``); of one that went out: ``waiting``, ``sending``, ``sent``, ``failed``.
    """

    id: str
    direction: Literal["in", "out"]
    text: str
    time: float
    state: str
    sender: str | None = None
    sender_name: str | None = None
    turn: str | None = None
    message_id: str | None = None
    attachments: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "id": self.id,
            "direction": self.direction,
            "text": self.text,
            "time": iso(self.time),
            "state": self.state,
            "sender": self.sender,
            "sender_name": self.sender_name,
            "turn": self.turn,
            "message_id": self.message_id,
            "attachments": list(self.attachments),
        }


def lines(session: str, limit: int) -> Callable[[sqlite3.Connection], list[Line]]:
    """The last messages of a session, oldest first, as work for a reader."""

    def work(connection: sqlite3.Connection) -> list[Line]:
        rows = connection.execute(_LINES, (session, limit)).fetchall()
        return [_line(row) for row in reversed(rows)]

    return work


def _line(row: tuple[Any, ...]) -> Line:
    id_, direction, text, time, _, sender, packed, state, turn, message_id = row
    more = orjson.loads(packed) if packed else {}
    return Line(
        id=id_,
        direction=direction,
        text=with_choices(text, more.get("buttons", ())),
        time=time,
        state=state,
        sender=sender,
        sender_name=more.get("sender_name"),
        turn=turn,
        message_id=message_id,
        attachments=tuple(file["name"] for file in more.get("attachments", ())),
    )
