"""What was said since somebody last looked, for whoever keeps a copy of the sessions.

Only what is final is told: a message that was answered or given up, with the steps of its turn, and an answer that was
sent or never will be. What has no end yet is remembered by its number, so nothing is missed and nothing told twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nanobot.conversations.archive import COLUMNS_IN, COLUMNS_OUT, COLUMNS_STEP, head_of, line_of
from nanobot.conversations.outbox import AT_THE_DOOR
from nanobot.conversations.transcript import UNDONE
from nanobot.util.dt import iso

TAKES_BACK = ("undo", "retry")
"""Commands that make messages that were said before void."""
SLICE = 200  # messages that are told in one go
_IN = f"SELECT {COLUMNS_IN}, session, done FROM inbox WHERE"  # noqa: S608 - our own columns
_OUT = f"SELECT {COLUMNS_OUT}, session, ended FROM outbox WHERE"  # noqa: S608

_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """How far somebody has come: the last rows of the inbox, the outbox and the deletions, those without an end among
    them, and when notes on sessions were last changed. ``mark``: the id in that row of the inbox.

    Whoever begins is told of all that is there, and of deletions from then on (-1): what was deleted before may have
    gone on since, and the copy may hold more of that than the database.
    """

    inbox: int = 0
    outbox: int = 0
    deletions: int = -1
    noted: float = 0.0
    mark: str = ""
    open_in: tuple[int, ...] = ()
    open_out: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Position:
        """What ``as_dict`` gave, once more. Raises ``TypeError`` or ``ValueError`` for anything else."""
        if not isinstance(data, dict):
            raise TypeError("a position is an object")
        numbers = {name: tuple(map(int, data.get(name, ()))) for name in ("open_in", "open_out")}
        return cls(**{**data, **numbers})


@dataclass(slots=True)
class News:
    """``deleted``: hashes of the names of sessions, whose earlier lines are void. ``lines`` of each session in order,
    with a key that only that line of the session has; ``heads`` of all of these, and of those whose head changed.
    ``more``: there is more to be told from ``position`` on."""

    position: Position
    deleted: set[str] = field(default_factory=set)
    lines: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    heads: dict[str, dict[str, Any]] = field(default_factory=dict)
    more: bool = False


def key_of(line: Mapping[str, Any], steps: dict[str, int]) -> str:
    """What names a line within its session; ``steps`` counts those of each turn along."""
    if line["type"] == "step":
        number = steps[line["turn"]] = steps.get(line["turn"], -1) + 1
        return f"{line['turn']}#{number}"
    return f"undone#{line['id']}" if line["type"] == "undone" else str(line["id"])


def since(
    position: Position, wanted: Callable[[str], bool] = lambda channel: True, limit: int = SLICE
) -> Callable[[sqlite3.Connection], News]:
    """What is new from there on, as work for a reader; of the channels that are ``wanted``. A file of messages that is
    another one than before is told from its beginning."""

    def work(connection: sqlite3.Connection) -> News:
        connection.execute("BEGIN")
        try:
            return _news(connection, _valid(connection, position), wanted, limit)
        finally:
            connection.execute("ROLLBACK")

    return work


def _valid(connection: sqlite3.Connection, position: Position) -> Position:
    last = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    row = connection.execute("SELECT id FROM inbox WHERE seq = ?", (position.inbox,)).fetchone()
    known = all(last.get(name, 0) >= getattr(position, name) for name in ("inbox", "outbox", "deletions"))
    return position if known and (row is None or row[0] == position.mark) else Position()


def _news(connection: sqlite3.Connection, old: Position, wanted: Callable[[str], bool], limit: int) -> News:
    came = connection.execute(f"{_IN} seq > ? ORDER BY seq LIMIT ?", (old.inbox, limit)).fetchall()
    went = connection.execute(f"{_OUT} seq > ? ORDER BY seq LIMIT ?", (old.outbox, limit)).fetchall()
    more = len(came) == limit or len(went) == limit
    came, went = _together(came, went, limit)
    deletions = connection.execute("SELECT seq, session FROM deletions WHERE seq > ?", (old.deletions,)).fetchall()
    gone = {name for _, name in deletions} if old.deletions >= 0 else set()
    ended_in, open_in = _ended([*_open(connection, _IN, old.open_in), *came])
    ended_out, open_out = _ended([*_open(connection, _OUT, old.open_out), *went])
    changed = connection.execute("SELECT session, changed FROM sessions WHERE changed >= ?", (old.noted,)).fetchall()
    position = Position(
        inbox=came[-1][2] if came else old.inbox,
        outbox=went[-1][2] if went else old.outbox,
        deletions=max((seq for seq, _ in deletions), default=max(old.deletions, 0)),
        noted=max((at for _, at in changed), default=old.noted),
        mark=came[-1][3] if came else old.mark,
        open_in=open_in,
        open_out=open_out,
    )
    news = News(position, gone, more=more)
    _tell(connection, news, [row for row in (*ended_in, *ended_out) if row[-2] and wanted(row[9])])
    for session in {*news.lines, *(session for session, _ in changed)}:
        news.heads[session] = head_of(connection, session)
    return news


def _tell(connection: sqlite3.Connection, news: News, rows: list[_Row]) -> None:
    rows = [row for row in rows if row[-2] != AT_THE_DOOR]
    sessions = {row[3]: row[-2] for row in rows if row[1] == 0}
    for step in _steps(connection, sessions):
        rows.append((*step, sessions[step[8]], None))
    rows.sort(key=lambda row: row[:3])
    steps: dict[str, int] = {}
    for row in rows:
        session = row[-2]
        line = line_of(session, row[:-2])
        lines = news.lines.setdefault(session, [])
        lines.append((key_of(line, steps), line))
        if row[1] == 0 and row[7] in TAKES_BACK:
            lines += _void(connection, session, row)


def _void(connection: sqlite3.Connection, session: str, row: _Row) -> list[tuple[str, dict[str, Any]]]:
    statement = "SELECT id FROM inbox WHERE session = ? AND outcome = ? AND seq < ?"
    found = connection.execute(statement, (session, UNDONE, row[2]))
    lines = [{"time": iso(row[0]), "type": "undone", "id": id_} for (id_,) in found]
    return [(key_of(line, {}), line) for line in lines]


def _together(came: list[_Row], went: list[_Row], limit: int) -> tuple[list[_Row], list[_Row]]:
    """Both up to the same time, so that an answer does not run ahead of what was asked in a long way to catch up."""
    full = [rows[-1][0] for rows in (came, went) if len(rows) == limit]
    if not full:
        return came, went
    until = min(full)

    def cut(rows: list[_Row]) -> list[_Row]:
        return rows[: max((number for number, row in enumerate(rows, 1) if row[0] <= until), default=0)]

    return cut(came), cut(went)


def _open(connection: sqlite3.Connection, select: str, seqs: tuple[int, ...]) -> list[_Row]:
    """Those that had no end when they were first seen, as far as they are there."""
    found: list[_Row] = []
    for start in range(0, len(seqs), SLICE):
        batch = seqs[start : start + SLICE]
        marks = ",".join("?" * len(batch))
        found += connection.execute(f"{select} seq IN ({marks}) ORDER BY seq", batch).fetchall()
    return found


def _ended(rows: list[_Row]) -> tuple[list[_Row], tuple[int, ...]]:
    return [row for row in rows if row[-1] is not None], tuple(row[2] for row in rows if row[-1] is None)


def _steps(connection: sqlite3.Connection, turns: Collection[str]) -> list[_Row]:
    marks = ",".join("?" * len(turns))
    statement = f"SELECT {COLUMNS_STEP} FROM steps WHERE turn IN ({marks}) ORDER BY seq"  # noqa: S608
    return connection.execute(statement, list(turns)).fetchall() if turns else []
