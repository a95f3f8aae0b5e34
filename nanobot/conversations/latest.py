"""The last message of a session, for whoever wants to know how the next one would be answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from nanobot.conversations.inbox import message_of_row
from nanobot.conversations.message import Message

MOST = 1000  # sessions that are named

_LAST = """
SELECT seq, id, session, channel, chat, thread, message_id, sender, text, more, received, attempts, crashes
FROM inbox WHERE ?1 IS NULL OR session = ?1 ORDER BY seq DESC LIMIT 1
"""


def latest(session: str | None) -> Callable[[sqlite3.Connection], Message | None]:
    """Of that session, of any one for None; as work for a reader. None: nobody has written there."""

    def work(connection: sqlite3.Connection) -> Message | None:
        row = connection.execute(_LAST, (session,)).fetchone()
        return None if row is None else message_of_row(row)

    return work


def sessions(connection: sqlite3.Connection) -> list[str]:
    """The names of those in which somebody wrote, as work for a reader."""
    rows = connection.execute("SELECT DISTINCT session FROM inbox LIMIT ?", (MOST,))
    return [row[0] for row in rows]
