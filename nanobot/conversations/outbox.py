"""The outbox: every message on its way to a chat, written before it is sent and marked after.

One row is one message, however many pieces the channel's limits make of it. A row that is ``sending`` when nanobot
starts may have been sent or not; its next send is marked as a possible repetition.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from nanobot.contracts.channel import Attachment, Limits
from nanobot.conversations.packing import pack, pack_attachments, paths_in, unpack_attachments
from nanobot.conversations.pieces import Piece, cut
from nanobot.hub.context import Context
from nanobot.storage.sql import Database, Work
from nanobot.util.dt import Clock

SCHEMA = """
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    turn TEXT,
    session TEXT,
    channel TEXT NOT NULL,
    chat TEXT NOT NULL,
    thread TEXT,
    text TEXT NOT NULL,
    more TEXT,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    pieces_sent INTEGER NOT NULL DEFAULT 0,
    cut_at INTEGER,
    message_id TEXT,
    error TEXT,
    ended REAL
);
CREATE INDEX outbox_open ON outbox (seq) WHERE ended IS NULL;
CREATE INDEX outbox_ended ON outbox (ended) WHERE ended IS NOT NULL;
CREATE INDEX outbox_session ON outbox (session, seq);
CREATE INDEX outbox_id ON outbox (id)
"""

AT_THE_DOOR = "pairing"
"""The session of what is said to those who are not let in yet; no conversation has it."""

WAITING, SENDING, SENT, FAILED = "waiting", "sending", "sent", "failed"

_COLUMNS = "seq, id, turn, session, channel, chat, thread, text, more, created, state, pieces_sent, cut_at"


@dataclass(slots=True)
class Letter:
    """A row of the outbox.

    ``marked``: the disk says that a send of its next piece may have happened. ``repeated``: it may really have.
    ``cause`` is the id of the context that led to it. ``cut_at``: the length of a piece, below 0 in UTF-16 units.
    """

    id: str
    channel: str
    chat: str
    text: str
    created: float
    seq: int = 0
    turn: str | None = None
    session: str | None = None
    thread: str | None = None
    attachments: tuple[Attachment, ...] = ()
    answers: str | None = None
    buttons: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    cause: str | None = None
    actor: str = "system"
    pieces_sent: int = 0
    cut_at: int | None = None
    marked: bool = False
    repeated: bool = False

    @property
    def context(self) -> Context:
        """The cause of its sending, as a context of its own."""
        return Context(parent_id=self.cause, actor=self.actor)

    def pieces(self, limits: Limits, lost: Mapping[str, str] | None = None) -> list[Piece]:
        """What is sent, piece by piece; see ``cut``.

        The cut stays as it was at the first piece, so that a changed limit neither repeats nor loses text.
        """
        if self.cut_at is None:
            self.cut_at = max(1, limits.characters) * (-1 if limits.utf16 else 1)
        whole = Piece(self.text, self.attachments, self.buttons)
        return cut(whole, self.cut_at, limits, lost or {}, self.pieces_sent)


class Outbox:
    """The statements on the table ``outbox``. Those that take a connection run in the writer thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, connection: sqlite3.Connection, letter: Letter) -> None:
        """Write a new row and number the letter."""
        cursor = connection.execute(
            "INSERT INTO outbox (id, turn, session, channel, chat, thread, text, more, created, state)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                letter.id,
                letter.turn,
                letter.session,
                letter.channel,
                letter.chat,
                letter.thread,
                letter.text,
                _pack(letter),
                letter.created,
                SENDING if letter.marked else WAITING,
            ),
        )
        letter.seq = cursor.lastrowid or 0

    def forget(self, connection: sqlite3.Connection, session: str, before: float) -> None:
        """Delete what ended in a session before a time."""
        connection.execute("DELETE FROM outbox WHERE session = ? AND ended < ?", (session, before))

    def submit(self, work: Work[None]) -> asyncio.Future[None]:
        """Have something written, in the order of the calls."""
        return self._database.submit(work)

    def mark(self, letter: Letter) -> asyncio.Future[None]:
        """Note that its next piece is about to be sent; with the cut, which from now on stays."""
        return self._update(letter, state=SENDING, cut_at=letter.cut_at)

    def unmark(self, letter: Letter) -> asyncio.Future[None]:
        """Note that the send surely did not happen."""
        return self._update(letter, state=WAITING)

    def piece_sent(self, letter: Letter) -> asyncio.Future[None]:
        """Note how many pieces were taken; the next one is about to be sent."""
        return self._update(letter, pieces_sent=letter.pieces_sent, cut_at=letter.cut_at, state=SENDING)

    def sent(self, letter: Letter, message_id: str | None) -> asyncio.Future[None]:
        """Note that the platform took all of it."""
        return self._update(
            letter, pieces_sent=letter.pieces_sent, state=SENT, message_id=message_id, ended=self._clock.time()
        )

    def failed(self, letter: Letter, error: str) -> asyncio.Future[None]:
        """Note that it is given up."""
        return self._update(letter, state=FAILED, error=error, ended=self._clock.time())

    async def unsent(self) -> list[tuple[int, str, str]]:
        """Number, channel and chat of all that are still to be sent, in order."""
        return await self._database.read(
            lambda connection: connection.execute(
                "SELECT seq, channel, chat FROM outbox WHERE ended IS NULL ORDER BY seq"
            ).fetchall()
        )

    async def load(self, seq: int) -> Letter | None:
        """The letter of that number; None when it is not to be sent any more."""
        row = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM outbox WHERE seq = ? AND ended IS NULL",  # noqa: S608 - a constant
                (seq,),
            ).fetchone()
        )
        return None if row is None else _letter(row)

    async def files(self) -> set[str]:
        """The paths of all attachments that are still to be sent."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT more FROM outbox WHERE ended IS NULL AND more IS NOT NULL"
            ).fetchall()
        )
        return paths_in(rows)

    async def state_of(self, outbox_id: str) -> str | None:
        """``waiting``, ``sending``, ``sent`` or ``failed``; None for an unknown id."""
        row = await self._database.read(
            lambda connection: connection.execute("SELECT state FROM outbox WHERE id = ?", (outbox_id,)).fetchone()
        )
        return None if row is None else str(row[0])

    async def expired(self, before: float) -> list[Letter]:
        """Those not sent by now that were written before a time."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM outbox WHERE ended IS NULL AND created < ? ORDER BY seq LIMIT 500",  # noqa: S608
                (before,),
            ).fetchall()
        )
        return [_letter(row) for row in rows]

    async def purge(self, before: float, at_most: int) -> int:
        """Delete rows that ended before a time; gives back how many."""
        return await self._database.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE ended < ? LIMIT ?)",
                    (before, at_most),
                ).rowcount
            )
        )

    def _update(self, letter: Letter, **values: Any) -> asyncio.Future[None]:
        work = _updating(tuple(values), tuple(values.values()), letter)
        return self._database.submit(work)


def _updating(columns: Sequence[str], values: tuple[Any, ...], letter: Letter) -> Callable[[sqlite3.Connection], None]:
    assignments = ", ".join([f"{column} = ?" for column in columns])
    statement = f"UPDATE outbox SET {assignments} WHERE seq = ? AND id = ?"  # noqa: S608 - our own column names

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(statement, (*values, letter.seq, letter.id))

    return work


def _pack(letter: Letter) -> str | None:
    more: dict[str, Any] = {
        name: value for name in ("answers", "buttons", "extra", "cause") if (value := getattr(letter, name))
    }
    if letter.actor != "system":
        more["actor"] = letter.actor
    if letter.attachments:
        more["attachments"] = pack_attachments(letter.attachments)
    return pack(more) if more else None


def _letter(row: tuple[Any, ...]) -> Letter:
    seq, id_, turn, session, channel, chat, thread, text, more, created, state, pieces_sent, cut_at = row
    rest = orjson.loads(more) if more else {}
    rest["attachments"] = unpack_attachments(rest.get("attachments", []))
    rest["buttons"] = tuple(rest.get("buttons", ()))
    return Letter(
        id=id_,
        channel=channel,
        chat=chat,
        text=text,
        created=created,
        seq=seq,
        turn=turn,
        session=session,
        thread=thread,
        pieces_sent=pieces_sent,
        cut_at=cut_at,
        marked=state == SENDING,
        repeated=state == SENDING,
        **rest,
    )
