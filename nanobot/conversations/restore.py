"""A session given back to the database, from the lines of its export. None of it is answered or sent any more."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nanobot.contracts.model import Message, ToolCall
from nanobot.conversations.archive import head_of
from nanobot.conversations.message import place_of
from nanobot.conversations.notes import changed
from nanobot.conversations.outbox import FAILED, SENT
from nanobot.conversations.packing import pack, whole
from nanobot.conversations.transcript import UNDONE, packed_step
from nanobot.errors import NanobotError
from nanobot.util.dt import iso

WAITING = "waiting"  # the outcome of what was not answered when it was written out
STOPPED = "stopped"
ROLES = {"user": 0, "assistant": 2}
STEP_ROLES = ("system", "user", "assistant", "tool")
KINDS = ("session", "message", "step", "undone")
_FILE = {"path": str, "name": str, "media_type": str, "size_bytes": int}


@dataclass(frozen=True, slots=True)
class _Row:
    """``kind`` as in the archive: 0 came in, 1 is a step, 2 went out."""

    number: int
    at: float
    kind: int
    id: str
    turn: str | None
    line: Mapping[str, Any]


def restored(connection: sqlite3.Connection, session: str, lines: Iterable[Any], *, now: float | None = None) -> int:
    """Write what ``archive.said`` gave of a session, within a transaction. Gives how many messages and steps are new.

    What is there already is left as it is, so doing it twice adds nothing. Lines that came from a session of another
    name get ids of their own. Rows are kept as long as if they had ended ``now`` (seconds since the epoch).

    Raises ``NanobotError`` with the number of the first wrong line, from 1, and when the session goes on after what the
    file holds: what is older cannot be put before it.
    """
    now = time.time() if now is None else now
    head, rows, undone = _read(session, lines)
    seqs, sent, steps = _known(connection, session, rows)
    fresh = [row for row in rows if row.kind != 1 and row.id not in (seqs if row.kind == 0 else sent)]
    _check_order(connection, session, fresh)
    otherwise = _place(session, head)
    for row in fresh:
        if row.kind == 0:
            outcome = UNDONE if row.id in undone else _text(row.line, "outcome", row.number, STOPPED)
            seqs[row.id] = _add_in(connection, session, row, otherwise, STOPPED if outcome == WAITING else outcome, now)
        else:
            _add_out(connection, session, row, otherwise, now)
    added = len(fresh)
    for row in rows:
        if row.kind != 1:
            continue
        step = (row.turn, packed_step(_step(row)), iso(row.at))
        if steps[step]:
            steps[step] -= 1
            continue
        connection.execute("INSERT INTO steps (turn, message, at) VALUES (?, ?, ?)", (row.turn, step[1], row.at))
        added += 1
    _note(connection, session, head, seqs, now)
    return added


# -- reading --------------------------------------------------------------------------------------


def _read(session: str, lines: Iterable[Any]) -> tuple[Mapping[str, Any], list[_Row], set[str]]:
    head: Mapping[str, Any] = {}
    rows: list[_Row] = []
    undone: set[str] = set()
    there: set[tuple[int, str]] = set()
    own: Callable[[str], str] = str
    for number, line in enumerate(lines, 1):
        kind = line.get("type") if isinstance(line, Mapping) else None
        if kind not in KINDS:
            raise NanobotError(f"line {number}: is no line of a session; its type is one of: {', '.join(KINDS)}")
        if kind == "session":
            name = _text(line, "session", number)
            if rows and name != head.get("session", name):
                raise NanobotError(f"line {number}: another session begins here, '{name}'; one file is one session")
            if name != session:
                own = _renamed(session)
            until = _text(line, "summary_until", number, "")
            head = {**line, "summary_until": own(until) if until else None}
        elif kind == "undone":
            undone.add(own(_text(line, "id", number)))
        else:
            row = _row(line, number, own)
            if row.kind == 1 or (row.kind, row.id) not in there:
                rows.append(row)
                there.add((row.kind, row.id))
    turns = {row.id for row in rows if row.kind == 0}
    for row in rows:
        if row.kind == 1 and row.turn not in turns:
            raise NanobotError(
                f"line {row.number}: is a step of the turn '{row.line['turn']}', whose message is missing"
            )
    rows.sort(key=lambda row: (row.at, row.kind))
    return head, rows, undone


def _row(line: Mapping[str, Any], number: int, own: Callable[[str], str]) -> _Row:
    try:
        moment = datetime.fromisoformat(_text(line, "time", number))
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise NanobotError(f"line {number}: '{line['time']}' is no time; write it like {iso(0)}") from error
    _text(line, "text", number)
    if line["type"] == "step":
        row = _Row(number, at, 1, "", own(_text(line, "turn", number)), line)
        _step(row)
        return row
    if (role := _text(line, "role", number)) not in ROLES:
        raise NanobotError(f"line {number}: the role '{role}' is none of: {', '.join(ROLES)}")
    for file in line.get("attachments") or ():
        if not isinstance(file, Mapping) or not all(
            isinstance(file.get(name, kind()), kind) for name, kind in _FILE.items()
        ):
            raise NanobotError(f"line {number}: an attachment has a path, a name, a media_type and size_bytes")
    _text(line, "sender_name", number, "")
    if not isinstance(line.get("buttons") or [], list):
        raise NanobotError(f"line {number}: 'buttons' is no list")
    owned = {name: own(value) for name in ("turn", "cause") if (value := _text(line, name, number, ""))}
    return _Row(number, at, ROLES[role], own(_text(line, "id", number)), owned.get("turn"), {**line, **owned})


def _step(row: _Row) -> Message:
    try:
        calls = tuple(
            ToolCall(call["id"], call["name"], call["arguments"]) for call in row.line.get("tool_calls") or ()
        )
    except (TypeError, KeyError) as error:
        raise NanobotError(f"line {row.number}: a tool call has an id, a name and arguments") from error
    role = _text(row.line, "role", row.number)
    if role not in STEP_ROLES:
        raise NanobotError(f"line {row.number}: the role '{role}' is none of: {', '.join(STEP_ROLES)}")
    files = row.line.get("files") or []
    if not isinstance(files, list) or not all(isinstance(path, str) for path in files):
        raise NanobotError(f"line {row.number}: 'files' is no list of paths")
    return Message(
        role,
        _text(row.line, "text", row.number),
        calls,
        _text(row.line, "tool_call_id", row.number, "") or None,
        files=tuple(files),
    )


def _text(line: Mapping[str, Any], name: str, number: int, otherwise: str | None = None) -> Any:
    value = line.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if not isinstance(value, str):
        raise NanobotError(f"line {number}: '{name}' is missing, or is no text")
    return whole(value)


def _renamed(session: str) -> Callable[[str], str]:
    """Ids for a copy, the same ones each time; they sort as the old ones do."""

    def own(id_: str) -> str:
        return id_[:10] + hashlib.sha256(f"{session}\0{id_}".encode()).hexdigest()[:16].upper()

    return own


# -- writing --------------------------------------------------------------------------------------

_Place = tuple[str, str, str | None]


def _place(session: str, head: Mapping[str, Any]) -> _Place:
    """Where something was said that does not tell it."""
    return place_of(session) or place_of(head.get("session", "")) or ("import", session, None)


def _known(
    connection: sqlite3.Connection, session: str, rows: list[_Row]
) -> tuple[dict[str, int], set[str], Counter[tuple[str | None, str, str]]]:
    """What is there of the session: the numbers of messages by their ids, the ids of what went out, and its steps."""
    ids = {row.id: row.number for row in rows if row.kind != 1}
    for table in ("inbox", "outbox"):
        statement = f"SELECT id, session FROM {table} WHERE session IS NOT ?"  # noqa: S608 - one of the two
        for id_, other in connection.execute(statement, (session,)):
            if id_ in ids:
                raise NanobotError(f"line {ids[id_]}: the message {id_} is in the session '{other}' already")
    seqs = dict(connection.execute("SELECT id, seq FROM inbox WHERE session = ?", (session,)).fetchall())
    sent = {id_ for (id_,) in connection.execute("SELECT id FROM outbox WHERE session = ?", (session,))}
    steps: Counter[tuple[str | None, str, str]] = Counter()
    for turn in {row.turn for row in rows if row.kind == 1} & seqs.keys():
        for message, at in connection.execute("SELECT message, at FROM steps WHERE turn = ?", (turn,)):
            steps[turn, message, iso(at)] += 1
    return seqs, sent, steps


def _check_order(connection: sqlite3.Connection, session: str, fresh: list[_Row]) -> None:
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


def _add_in(
    connection: sqlite3.Connection, session: str, row: _Row, otherwise: _Place, outcome: str, now: float
) -> int:
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
            _text(line, "sender", row.number, ""),
            _text(line, "text", row.number),
            _more(more),
            row.at,
            outcome,
            now,
        ),
    )
    return cursor.lastrowid or 0


def _add_out(connection: sqlite3.Connection, session: str, row: _Row, otherwise: _Place, now: float) -> None:
    line = row.line
    cause = line.get("cause") or row.turn
    more = {name: line[name] for name in ("buttons", "attachments") if line.get(name)} | (
        {"cause": cause} if cause else {}
    )
    state = _text(line, "state", row.number, SENT)
    connection.execute(
        "INSERT INTO outbox (id, turn, session, channel, chat, thread, text, more, created, state, ended)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            row.id,
            row.turn,
            session,
            *_where(row, otherwise),
            _text(line, "text", row.number),
            _more(more),
            row.at,
            state if state == SENT else FAILED,
            now,
        ),
    )


def _where(row: _Row, otherwise: _Place) -> _Place:
    if "channel" not in row.line:
        return otherwise
    channel, chat = (_text(row.line, name, row.number) for name in ("channel", "chat"))
    return channel, chat, _text(row.line, "thread", row.number, "") or None


def _more(fields: dict[str, Any]) -> str | None:
    if "attachments" in fields:
        fields["attachments"] = [
            {"media_type": "application/octet-stream", "size_bytes": 0}
            | {name: file[name] for name in _FILE if name in file}
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
