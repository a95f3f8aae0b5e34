"""Notes on sessions: which model and which agent were chosen for them, and what was said longer ago, in short."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nanobot.storage.sql import Database
from nanobot.util.dt import Clock

SCHEMA = """
CREATE TABLE sessions (
    session TEXT PRIMARY KEY,
    model TEXT,
    agent TEXT,
    summary TEXT,
    until INTEGER NOT NULL DEFAULT 0,
    private INTEGER NOT NULL DEFAULT 1,
    changed REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_changed ON sessions (changed)
"""

COLUMNS = ("model", "agent", "summary", "until", "private")


@dataclass(frozen=True, slots=True)
class Note:
    """What is noted of one session.

    ``summary`` stands for all that was said up to the row ``until`` of the inbox; ``private``: it may tell what only
    the people who run nanobot should know.
    """

    model: str | None = None
    agent: str | None = None
    summary: str | None = None
    until: int = 0
    private: bool = True


NOTHING = Note()


class Notes:
    """The statements on the table ``sessions``. Which agent was chosen is known in memory, too."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._agents: dict[str, str] = {}

    async def open(self) -> None:
        """Read what has to be at hand."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT session, agent FROM sessions WHERE agent IS NOT NULL"
            ).fetchall()
        )
        self._agents = dict(rows)

    def agent(self, session: str) -> str | None:
        """The agent that a session was handed over to."""
        return self._agents.get(session)

    async def of(self, session: str) -> Note:
        """Raises ``StorageError``."""
        return await self._database.read(lambda connection: note_of(connection, session))

    def changed(self, session: str, **fields: Any) -> Callable[[sqlite3.Connection], None]:
        """Note something, as a part of a transaction; the fields of ``Note``."""
        return changed(session, self._clock.time(), **fields)

    async def change(self, session: str, **fields: Any) -> None:
        """Note something now. Raises ``StorageError``."""
        await self._database.write(self.changed(session, **fields))
        self.knows(session, **fields)

    def knows(self, session: str, **fields: Any) -> None:
        """What ``changed`` noted is on disk."""
        if "agent" not in fields:
            return
        if fields["agent"]:
            self._agents[session] = fields["agent"]
        else:
            self._agents.pop(session, None)

    async def purge(self, before: float, at_most: int) -> int:
        """Delete those of sessions in which nothing is left; gives back how many."""

        def work(connection: sqlite3.Connection) -> list[tuple[str]]:
            rows: list[tuple[str]] = connection.execute(
                "SELECT session FROM sessions WHERE changed < ? AND NOT EXISTS"
                " (SELECT 1 FROM inbox WHERE inbox.session = sessions.session) LIMIT ?",
                (before, at_most),
            ).fetchall()
            connection.executemany("DELETE FROM sessions WHERE session = ?", rows)
            return rows

        rows = await self._database.write(work)
        for (session,) in rows:
            self._agents.pop(session, None)
        return len(rows)


def changed(session: str, now: float, **fields: Any) -> Callable[[sqlite3.Connection], None]:
    """Note something of a session, as a part of a transaction; the fields of ``Note``."""
    names = [name for name in COLUMNS if name in fields]
    values = [fields[name] for name in names]
    columns, marks = ", ".join(["session", "changed", *names]), ", ".join("?" * (len(names) + 2))
    updates = ", ".join(f"{name} = excluded.{name}" for name in ["changed", *names])
    statement = f"INSERT INTO sessions ({columns}) VALUES ({marks}) ON CONFLICT (session) DO UPDATE SET {updates}"  # noqa: S608

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(statement, (session, now, *values))

    return work


def note_of(connection: sqlite3.Connection, session: str) -> Note:
    """What is noted of a session, as work for a reader."""
    row = connection.execute(
        "SELECT model, agent, summary, until, private FROM sessions WHERE session = ?", (session,)
    ).fetchone()
    if row is None:
        return NOTHING
    model, agent, summary, until, private = row
    return Note(model, agent, summary, until, bool(private))
