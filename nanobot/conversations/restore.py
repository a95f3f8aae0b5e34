"""A session given back to the database, from the lines of its export. None of it is answered or sent any more."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from nanobot.conversations.archive import head_of
from nanobot.conversations.export_lines import FILE, Row, read, step_of, text_of
from nanobot.conversations.message import place_of
from nanobot.conversations.notes import changed
from nanobot.conversations.outbox import FAILED, SENT
from nanobot.conversations.packing import pack
from nanobot.conversations.transcript import UNDONE, packed_step
from nanobot.errors import NanobotError
from nanobot.util.dt import iso

WAITING = "waiting"  # the outcome of what was not answered when it was written out
STOPPED = "stopped"


def restored(connection: sqlite3.Connection, session: str, lines: Iterable[Any], *, now: float | None = None) -> int:
    """Write what ``archive.said`` gave of a session, within a transaction. Gives how many messages and steps are new.

    What is there already is left as it is, so doing it twice adds nothing. Lines that came from a session of another
    name get ids of their own. Rows are kept as long as if they had ended ``now`` (seconds since the epoch).

    Raises ``NanobotError`` with the number of the first wrong line, from 1, and when the session goes on after what the
    file holds: what is older cannot be put before it.
    """
    now = time.time() if now is None else now
    head, rows, undone = read(session, lines)
    seqs, sent, steps = _known(connection, session, rows)
    fresh = [row for row in rows if row.kind != 1 and row.id not in (seqs if row.kind == 0 else sent)]
    _check_order(connection, session, fresh)
    otherwise = _place(session, head)
    for row in fresh:
        if row.kind == 0:
            outcome = UNDONE if row.id in undone else text_of(row.line, "outcome", row.number, STOPPED)
            seqs[row.id] = _add_in(connection, session, row, otherwise, STOPPED if outcome == WAITING else outcome, now)
        else:
            _add_out(connection, session, row, otherwise, now)
    added = len(fresh)
    for row in rows:
        if row.kind != 1:
            continue
        step = (row.turn, packed_step(step_of(row)), iso(row.at))
        if steps[step]:
            steps[step] -= 1
            continue
        connection.execute("INSERT INTO steps (turn, message, at) VALUES (?, ?, ?)", (row.turn, step[1], row.at))
        added += 1
    _note(connection, session, head, seqs, now)
    return added


_Place = tuple[str, str, str | None]


def _place(session: str, head: Mapping[str, Any]) -> _Place:
    """Where something was said that does not tell it."""
    return place_of(session) or place_of(head.get("session", "")) or ("import", session, None)


def _known(
    connection: sqlite3.Connection, session: str, rows: list[Row]
) -> tuple[dict[str, int], set[str], Counter[tuple[str | None, str, str]]]:
    """What is there of the session: the numbers of messages by their ids, the ids of what went out, and its steps."""
    ids = {row.id: row.number for row in rows if row.kind != 1}
    wanted = orjson.dumps(list(ids)).decode()
    for table in ("inbox", "outbox"):
        statement = (
            f"SELECT id, session FROM {table} WHERE session IS NOT ? AND id IN (SELECT value FROM json_each(?)) LIMIT 1"  # noqa: S608 - one of the two
        )
        for id_, other in connection.execute(statement, (session, wanted)):
            raise NanobotError(f"line {ids[id_]}: the message {id_} is in the session '{other}' already")
    seqs = dict(connection.execute("SELECT id, seq FROM inbox WHERE session = ?", (session,)).fetchall())
    sent = {id_ for (id_,) in connection.execute("SELECT id FROM outbox WHERE session = ?", (session,))}
    steps: Counter[tuple[str | None, str, str]] = Counter()
    for turn in {row.turn for row in rows if row.kind == 1} & seqs.keys():
        for message, at in connection.execute("SELECT message, at FROM steps WHERE turn = ?", (turn,)):
            steps[turn, message, iso(at)] += 1
    return seqs, sent, steps


def _check_order(connection: sqlite3.Connection, session: str, fresh: list[Row]) -> None:
    if not fresh:
        return
    last = connection.execute(
        "SELECT MAX(at) FROM (SELECT received AS at FROM inbox WHERE session = ?1"
        " UNION ALL SELECT created FROM outbox WHERE session = ?1)",
        (session,),
    ).fetchone()[0]
    if last is not None and fresh[0].at < last:
        raise NanobotError(
            f"line {fresh[0].number}: is from {iso(fresh[0].at)}, and the session '{session}' goes on"
            f" until {iso(last)}; give what the file holds another name"
        )


def _add_in(connection: sqlite3.Connection, session: str, row: Row, otherwise: _Place, outcome: str, now: float) -> int:
    line = row.line
    more = {name: line[name] for name in ("sender_name", "attachments") if line.get(name)}
    more |= {name: True for name in ("owner", "group") if line.get(name) is True}
    cursor = connection.execute(
        "INSERT INTO inbox (id, session, channel, chat, thread, sender, text, more, received, outcome, done)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            row.id,
            session,
            *_where(row, otherwise),
            text_of(line, "sender", row.number, ""),
            text_of(line, "text", row.number),
            _more(more),
            row.at,
            outcome,
            now,
        ),
    )
    return cursor.lastrowid or 0


def _add_out(connection: sqlite3.Connection, session: str, row: Row, otherwise: _Place, now: float) -> None:
    line = row.line
    cause = line.get("cause") or row.turn
    more = {name: line[name] for name in ("buttons", "attachments") if line.get(name)} | (
        {"cause": cause} if cause else {}
    )
    state = text_of(line, "state", row.number, SENT)
    connection.execute(
        "INSERT INTO outbox (id, turn, session, channel, chat, thread, text, more, created, state, ended)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            row.id,
            row.turn,
            session,
            *_where(row, otherwise),
            text_of(line, "text", row.number),
            _more(more),
            row.at,
            state if state == SENT else FAILED,
            now,
        ),
    )


def _where(row: Row, otherwise: _Place) -> _Place:
    if "channel" not in row.line:
        return otherwise
    channel, chat = (text_of(row.line, name, row.number) for name in ("channel", "chat"))
    return channel, chat, text_of(row.line, "thread", row.number, "") or None


def _more(fields: dict[str, Any]) -> str | None:
    if "attachments" in fields:
        fields["attachments"] = [
            {"media_type": "application/octet-stream", "size_bytes": 0}
            | {name: file[name] for name in FILE if name in file}
            for file in fields["attachments"]
        ]
    return pack(fields) if fields else None


def _note(
    connection: sqlite3.Connection, session: str, head: Mapping[str, Any], seqs: Mapping[str, int], now: float
) -> None:
    """What was chosen for the session since, and a summary that it has by now, stay."""
    there = head_of(connection, session)
    noted = {name: head[name] for name in ("model", "agent", "summary") if head.get(name) and not there.get(name)}
    if "summary" in noted:
        noted["until"] = seqs.get(head.get("summary_until") or "", 0)
        noted["private"] = head.get("summary_private", True) is not False
    if noted:
        changed(session, now, **noted)(connection)
