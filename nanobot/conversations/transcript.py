"""The transcript: a session as an agent needs it, with what happened inside its turns.

What people wrote is in the inbox and what they were told in the outbox. Between the two, in ``steps``, stands what an
agent asked of its tools and what came of it, so that after a crash nothing is done twice that was done already.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from nanobot.contracts.channel import Attachment
from nanobot.contracts.model import Message, ToolCall
from nanobot.conversations.notes import NOTHING, Note, note_of
from nanobot.conversations.packing import unpack_attachments
from nanobot.storage.sql import Database
from nanobot.util.dt import Clock

SCHEMA = """
CREATE TABLE steps (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    turn TEXT NOT NULL,
    message TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX steps_turn ON steps (turn, seq);
CREATE INDEX steps_at ON steps (at);
CREATE INDEX inbox_new ON inbox (session, seq) WHERE outcome = 'new'
"""

UNDONE = "undone"
"""The outcome of a message that agents are told nothing of, nor of what came of it."""
TURN_OUTCOMES = frozenset({"answered", "empty", "failed", "stopped", "given_up"})
MOST_OF_STEPS = 2_000_000  # characters of the steps of all turns that are read at a time
MOST_BEHIND = 300  # rows of a session among which the turn that runs is looked for, the last ones
BEGIN_ANEW = "new"
"""The outcome of a message after which the session begins as if nothing had been said."""

_IN = """
WITH anew AS (SELECT COALESCE(MAX(seq), 0) AS at FROM inbox WHERE session = ?1 AND outcome = 'new'),
  late AS (SELECT seq, id FROM inbox WHERE ?2 IS NOT NULL AND session = ?1 ORDER BY seq DESC LIMIT ?5),
  running AS (SELECT seq AS at FROM late WHERE id = ?2 LIMIT 1)
SELECT seq, id, sender, text, more, received, outcome FROM inbox
WHERE session = ?1 AND seq >= MIN(MAX((SELECT at FROM anew), ?4 + 1), IFNULL((SELECT at FROM running), 9e18))
  AND (id = ?2 OR (done IS NOT NULL AND seq >= (SELECT at FROM anew) AND seq > ?4))
ORDER BY seq DESC LIMIT ?3
"""
_OVER = """
SELECT seq, id, sender, text, more, received, outcome FROM inbox
WHERE session = ?1 AND seq > ?2 AND done IS NOT NULL ORDER BY seq LIMIT ?3
"""
_OUT = """
SELECT * FROM (SELECT text, more, created, turn FROM outbox WHERE session = ?1 ORDER BY seq DESC LIMIT ?3)
WHERE created >= ?2
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message and what came of it, or something that was said without being asked (``id`` and ``sender`` None).

    ``outcome`` is None while the turn runs. ``time``: when the message came in or, without one, when the answer was
    written; seconds since the epoch. ``owner``: the sender is one of the people who run nanobot.
    """

    time: float
    id: str | None = None
    sender: str | None = None
    sender_name: str | None = None
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    steps: tuple[Message, ...] = ()
    answer: str = ""
    answer_files: tuple[str, ...] = ()
    outcome: str | None = None
    owner: bool = False
    seq: int = 0
    """The row of the inbox; 0 without a message."""


class Steps:
    """The statements on the table ``steps``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(self, turn: str, message: Message) -> asyncio.Future[None]:
        """Write what an agent wants to find again of a turn."""
        return self._database.submit(self.kept(turn, message))

    def kept(self, turn: str, message: Message) -> Callable[[sqlite3.Connection], None]:
        """The same, as a part of a transaction."""
        values = (turn, packed_step(message), self._clock.time())

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO steps (turn, message, at) VALUES (?, ?, ?)", values)

        return work

    async def written(self) -> None:
        """Wait until all that was given to ``keep`` is on disk. Raises ``StorageError``."""
        await self._database.write(lambda connection: None)

    async def of(self, turn: str) -> tuple[Message, ...]:
        """Those of one turn, in order. Raises ``StorageError``."""
        return (await self._database.read(lambda connection: _steps(connection, [turn]))).get(turn, ())

    async def purge(self, before: float, at_most: int) -> int:
        """Delete those written before a time whose messages are gone; gives back how many. What was restored is kept
        with its messages, however old it is."""
        return await self._database.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM steps WHERE seq IN (SELECT seq FROM steps WHERE at < ?"
                    " AND turn NOT IN (SELECT id FROM inbox) LIMIT ?)",
                    (before, at_most),
                ).rowcount
            )
        )


@dataclass(frozen=True, slots=True)
class Recalled:
    """What an agent finds of a session: its last exchanges, oldest first, and what is noted of it. ``note.summary`` is
    about what was said before them."""

    exchanges: list[Exchange]
    note: Note = NOTHING


def recall(session: str, turn: str | None, limit: int) -> Callable[[sqlite3.Connection], Recalled]:
    """As ``exchanges``, without what is in the summary."""

    def work(connection: sqlite3.Connection) -> Recalled:
        note = note_of(connection, session)
        found = exchanges(session, turn, limit, since=note.until)(connection)
        if note.summary and _began_anew(connection, session) > note.until:
            note = replace(note, summary=None)
        return Recalled(found, note)

    return work


def _began_anew(connection: sqlite3.Connection, session: str) -> int:
    statement = "SELECT COALESCE(MAX(seq), 0) FROM inbox WHERE session = ? AND outcome = 'new'"
    seq: int = connection.execute(statement, (session,)).fetchone()[0]
    return seq


def exchanges(
    session: str, turn: str | None, limit: int, *, since: int = 0
) -> Callable[[sqlite3.Connection], list[Exchange]]:
    """The last exchanges of a session since it began anew, oldest first, as work for a reader; only those after the row
    ``since`` of the inbox.

    ``turn``: the one that runs; it is the last one then. Messages that wait behind it are not told, nor commands. Of
    what happened inside of long turns only that of the last ones is there.
    """

    def work(connection: sqlite3.Connection) -> list[Exchange]:
        rows = connection.execute(_IN, (session, turn, limit, since, MOST_BEHIND)).fetchall()
        began = next((row[5] for row in rows if row[6] == BEGIN_ANEW), rows[-1][5]) if rows else 0.0
        said = connection.execute(_OUT, (session, began, 2 * limit)).fetchall() if rows else []
        turns = [row for row in rows if row[6] is None or row[6] in TURN_OUTCOMES]
        answers = {row[3]: row for row in said if row[3] is not None}
        steps = _steps(connection, [row[1] for row in sorted(turns, key=lambda row: row[6] is not None)])
        found = [_exchange(row, steps.get(row[1], ()), answers.get(row[1])) for row in turns]
        known = {row[1] for row in rows}
        found += [_unasked(row) for row in said if row[3] is None and _cause(row) not in known]
        found.sort(key=lambda exchange: (exchange.outcome is None and exchange.id is not None, exchange.time))
        return found[-limit:]

    return work


def finished(session: str, after: int, limit: int) -> Callable[[sqlite3.Connection], list[Exchange]]:
    """The first exchanges of a session whose ``seq`` is greater than ``after`` and that are over, oldest first, as work
    for a reader; also those from before it began anew."""

    def work(connection: sqlite3.Connection) -> list[Exchange]:
        rows = [row for row in connection.execute(_OVER, (session, after, limit)) if row[6] in TURN_OUTCOMES]
        marks = ",".join("?" * len(rows))
        statement = f"SELECT turn, text, more FROM outbox WHERE session = ? AND turn IN ({marks})"  # noqa: S608
        answers = {turn: rest for turn, *rest in connection.execute(statement, [session, *(row[1] for row in rows)])}
        steps = _steps(connection, [row[1] for row in rows])
        return [
            _exchange(row, steps.get(row[1], ()), tuple(answers[row[1]]) if row[1] in answers else None) for row in rows
        ]

    return work


def seq_of(session: str, turn: str) -> Callable[[sqlite3.Connection], int]:
    """The ``seq`` of a turn of a session, as work for a reader; 0 where it is not known."""

    def work(connection: sqlite3.Connection) -> int:
        statement = "SELECT seq FROM inbox WHERE session = ? AND id = ? ORDER BY seq DESC LIMIT 1"
        row = connection.execute(statement, (session, turn)).fetchone()
        return 0 if row is None else int(row[0])

    return work


def _steps(connection: sqlite3.Connection, turns: Iterable[str]) -> dict[str, tuple[Message, ...]]:
    """Those of each turn; ``turns`` is the running one, then the last one first. What is too much is not read."""
    turns = list(turns)
    marks = ",".join("?" * len(turns))
    statement = f"SELECT turn, SUM(LENGTH(message)) FROM steps WHERE turn IN ({marks}) GROUP BY turn"  # noqa: S608
    sizes = dict(connection.execute(statement, turns).fetchall())  # few turns have any
    found: dict[str, tuple[Message, ...]] = {}
    room = MOST_OF_STEPS
    for turn in turns:
        if turn not in sizes:
            continue
        room -= sizes[turn]
        if room < 0 and found:
            break
        rows = connection.execute("SELECT message FROM steps WHERE turn = ? ORDER BY seq", (turn,))
        found[turn] = tuple(_unpack(packed) for (packed,) in rows)
    return found


def _exchange(row: tuple[Any, ...], steps: tuple[Message, ...], answer: tuple[Any, ...] | None) -> Exchange:
    seq, id_, sender, text, packed, received, outcome = row
    more = orjson.loads(packed) if packed else {}
    return Exchange(
        time=received,
        id=id_,
        sender=sender,
        sender_name=more.get("sender_name"),
        text=text,
        attachments=unpack_attachments(more.get("attachments", [])),
        steps=steps,
        answer=answer[0] if answer else "",
        answer_files=_files(answer[1]) if answer else (),
        outcome=outcome,
        owner=more.get("owner", False),
        seq=seq,
    )


def _unasked(row: tuple[Any, ...]) -> Exchange:
    text, more, created, _ = row
    return Exchange(time=created, answer=text, answer_files=_files(more), outcome="sent")


def _cause(row: tuple[Any, ...]) -> str | None:
    cause: str | None = orjson.loads(row[1]).get("cause") if row[1] else None
    return cause


def _files(packed: str | None) -> tuple[str, ...]:
    if not packed or '"attachments"' not in packed:  # as in nearly all of them
        return ()
    return tuple(file["name"] for file in orjson.loads(packed).get("attachments", ()))


def packed_step(message: Message) -> str:
    """As it stands in the table ``steps``."""
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        fields["tool_calls"] = [[call.id, call.name, call.arguments] for call in message.tool_calls]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    if message.files:
        fields["files"] = message.files
    try:
        return orjson.dumps(fields).decode()
    except TypeError:  # halves of characters, which a model or a tool may well produce
        return packed_step(_whole(message))


def _whole(message: Message) -> Message:
    def whole(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    calls = tuple(ToolCall(whole(call.id), whole(call.name), whole(call.arguments)) for call in message.tool_calls)
    id_ = message.tool_call_id and whole(message.tool_call_id)
    return replace(message, content=whole(message.content), tool_calls=calls, tool_call_id=id_)


def _unpack(packed: str) -> Message:
    fields = orjson.loads(packed)
    calls = tuple(ToolCall(*call) for call in fields.get("tool_calls", ()))
    files = tuple(fields.get("files", ()))
    return Message(fields["role"], fields["content"], calls, fields.get("tool_call_id"), files=files)
