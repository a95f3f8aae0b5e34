"""The inbox: every message that was let in, from its arrival until long after its answer.

A row is written before the platform hears that its message arrived, and is done only in the transaction that puts
the answer into the outbox. Rows stay for some weeks, so that a message that comes again is known.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from nanobot.conversations.message import Message
from nanobot.conversations.packing import pack, pack_attachments, paths_in, unpack_attachments
from nanobot.storage.sql import Database, Work
from nanobot.util.dt import Clock

SCHEMA = """
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    session TEXT NOT NULL,
    channel TEXT NOT NULL,
    chat TEXT NOT NULL,
    thread TEXT,
    message_id TEXT,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    more TEXT,
    received REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    begun INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    done REAL
);
CREATE UNIQUE INDEX inbox_known ON inbox (channel, chat, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX inbox_open ON inbox (seq) WHERE done IS NULL;
CREATE INDEX inbox_done ON inbox (done) WHERE done IS NOT NULL;
CREATE INDEX inbox_session ON inbox (session, seq);
CREATE TABLE life (clean INTEGER NOT NULL);
INSERT INTO life VALUES (1)
"""

SELDOM = ("sender_name", "reply_to", "language", "owner", "extra", "agent", "user_id", "actor", "group")

_OPEN = """
SELECT seq, id, session, channel, chat, thread, message_id, sender, text, more, received, attempts, crashes
FROM inbox WHERE done IS NULL ORDER BY seq
"""

_LAST = """
SELECT seq, id, session, channel, chat, thread, message_id, sender, text, more, received, attempts, crashes
FROM inbox WHERE session = ?1 AND outcome IN ('answered', 'empty', 'failed', 'stopped', 'given_up')
  AND seq > (SELECT COALESCE(MAX(seq), 0) FROM inbox WHERE session = ?1 AND outcome = 'new')
ORDER BY seq DESC LIMIT 1
"""


class Inbox:
    """The statements on the table ``inbox``. Those that take a connection run in the writer thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(self, message: Message, outcome: str | None = None) -> Callable[[sqlite3.Connection], bool]:
        """Write a row; with an ``outcome`` it is done at once. The work gives False for one that is known already."""
        more = _pack(message)
        done = None if outcome is None else message.received

        def work(connection: sqlite3.Connection) -> bool:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO inbox (id, session, channel, chat, thread, message_id, sender, text, more,"
                " received, outcome, done) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    message.id,
                    message.session,
                    message.channel,
                    message.chat,
                    message.thread,
                    message.message_id,
                    message.sender,
                    message.text,
                    more,
                    message.received,
                    outcome,
                    done,
                ),
            )
            message.seq = cursor.lastrowid or 0
            return cursor.rowcount == 1

        return work

    async def knows(self, message: Message) -> bool:
        """Whether a message with this id of the platform was kept before."""
        values = (message.channel, message.chat, message.message_id)
        return await self._database.read(
            lambda connection: (
                connection.execute(
                    "SELECT 1 FROM inbox WHERE channel = ? AND chat = ? AND message_id = ?", values
                ).fetchone()
                is not None
            )
        )

    def submit(self, work: Work[None]) -> asyncio.Future[None]:
        """Have something written, in the order of the calls."""
        return self._database.submit(work)

    def begin(self, message: Message) -> asyncio.Future[None]:
        """Note that a turn for it runs: should the process die now, that was a crash in this turn."""
        return self._database.submit(
            lambda connection: _run(
                connection, "UPDATE inbox SET begun = 1 WHERE seq = ? AND id = ?", message.seq, message.id
            )
        )

    def cut(self, message: Message) -> asyncio.Future[None]:
        """Note that a turn was cut on purpose and will start over."""
        return self._database.submit(
            lambda connection: _run(
                connection,
                "UPDATE inbox SET begun = 0, attempts = ? WHERE seq = ? AND id = ?",
                message.attempts,
                message.seq,
                message.id,
            )
        )

    def finish(self, connection: sqlite3.Connection, message: Message, outcome: str) -> None:
        """It is answered, or never will be."""
        _run(
            connection,
            "UPDATE inbox SET done = ?, outcome = ? WHERE seq = ? AND id = ?",
            self._clock.time(),
            outcome,
            message.seq,
            message.id,
        )

    async def restore(self) -> list[Message]:
        """What is not done, in order.

        Unless the process ended in order (``rest``), the first message of each session may have been in a turn: its
        next attempt is not the first, and where a turn is known to have begun, it counts as a crash.
        """

        def work(connection: sqlite3.Connection) -> list[Message]:
            if not connection.execute("SELECT clean FROM life").fetchone()[0]:
                connection.execute(
                    "UPDATE inbox SET crashes = crashes + begun, attempts = attempts + 1, begun = 0 WHERE seq IN"
                    " (SELECT MIN(seq) FROM inbox WHERE done IS NULL GROUP BY session)"
                )
            connection.execute("UPDATE life SET clean = 0")
            return [message_of_row(row) for row in connection.execute(_OPEN)]

        return await self._database.write(work)

    async def last(self, session: str) -> Message | None:
        """The last message of a session that had a turn, since it began anew. Raises ``StorageError``."""
        row = await self._database.read(lambda connection: connection.execute(_LAST, (session,)).fetchone())
        return message_of_row(row) if row else None

    def forget(self, message: Message) -> Callable[[sqlite3.Connection], None]:
        """Have it be as if a message that had a turn had never been said, as a part of a transaction."""
        return lambda connection: _run(
            connection, "UPDATE inbox SET outcome = 'undone' WHERE seq = ? AND id = ?", message.seq, message.id
        )

    async def rest(self) -> None:
        """Note that the process ends in order: no turn runs any more."""
        await self._database.write(lambda connection: _run(connection, "UPDATE life SET clean = 1"))

    async def files(self) -> set[str]:
        """The paths of all attachments of messages that are not done."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT more FROM inbox WHERE done IS NULL AND more IS NOT NULL"
            ).fetchall()
        )
        return paths_in(rows)

    async def files_of(self, message: Message) -> set[str]:
        """The paths of the attachments that came with this message when it was kept."""
        values = (message.channel, message.chat, message.message_id)
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT more FROM inbox WHERE channel = ? AND chat = ? AND message_id = ? AND more IS NOT NULL", values
            ).fetchall()
        )
        return paths_in(rows)

    async def purge(self, before: float, at_most: int) -> int:
        """Delete rows that were done before a time; gives back how many."""
        return await self._database.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE done < ? LIMIT ?)", (before, at_most)
                ).rowcount
            )
        )


def _pack(message: Message) -> str | None:
    """The seldom used fields as one JSON text; None when all are empty."""
    fields: Iterator[tuple[str, Any]] = ((name, getattr(message, name)) for name in SELDOM)
    more = {name: value for name, value in fields if value}
    if message.attachments:
        more["attachments"] = pack_attachments(message.attachments)
    if not more:
        return None
    return pack(more)


def message_of_row(row: tuple[Any, ...]) -> Message:
    """The message of a row with the columns that ``restore`` reads."""
    seq, id_, session, channel, chat, thread, message_id, sender, text, more, received, attempts, crashes = row
    rest = orjson.loads(more) if more else {}
    rest["attachments"] = unpack_attachments(rest.get("attachments", []))
    return Message(
        id=id_,
        session=session,
        channel=channel,
        chat=chat,
        sender=sender,
        text=text,
        received=received,
        seq=seq,
        thread=thread,
        message_id=message_id,
        attempts=attempts,
        crashes=crashes,
        restored=True,
        **rest,
    )


def _run(connection: sqlite3.Connection, statement: str, *values: Any) -> None:
    connection.execute(statement, values)
