"""The log of requests to models: one row each, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from nanobot.contracts.meter import Spender, Spent
from nanobot.storage.sql import Database

_WHO = tuple(field.name for field in fields(Spender))
_WHAT = tuple(field.name for field in fields(Spent) if field.name not in ("spender", "expected"))
COLUMNS = (*_WHO, *_WHAT)
SCHEMA = """
CREATE TABLE calls (
    agent TEXT NOT NULL, person TEXT NOT NULL, channel TEXT NOT NULL, session TEXT NOT NULL, turn TEXT NOT NULL,
    origin TEXT NOT NULL, model TEXT NOT NULL, at REAL NOT NULL, prompt INTEGER NOT NULL, completion INTEGER NOT NULL,
    cached INTEGER NOT NULL, cost REAL, seconds REAL NOT NULL, first REAL NOT NULL, failed INTEGER NOT NULL,
    estimated INTEGER NOT NULL, error TEXT NOT NULL
);
CREATE INDEX calls_at ON calls (at);
CREATE INDEX calls_turn ON calls (turn) WHERE turn <> ''
"""

_ALL = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO calls ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names of ours


class Log(Database):
    """Raises ``StorageError`` as every database."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, [SCHEMA])

    async def append(self, some: Sequence[Spent]) -> None:
        """On disk when it returns."""
        rows = [_row(spent) for spent in some]
        await self.write(lambda connection: connection.executemany(_INSERT, rows).rowcount)

    async def forget(self, before: float) -> int:
        """Forget what is older; the number of rows."""
        return await self.write(lambda c: c.execute("DELETE FROM calls WHERE at < ?", (before,)).rowcount)

    async def of_turn(self, turn: str) -> list[Spent]:
        """Those of one turn, in the order in which they ended."""
        query = f"SELECT {_ALL} FROM calls WHERE turn = ? ORDER BY rowid"  # noqa: S608
        rows: list[Sequence[Any]] = await self.read(lambda c: c.execute(query, (turn,)).fetchall())
        return [_spent(row) for row in rows]

    async def since(self, start: float, work: Any) -> Any:
        """``work(rows)`` of all from then on, in a thread: ``Spent``, oldest first."""
        query = f"SELECT {_ALL} FROM calls WHERE at >= ? ORDER BY at"  # noqa: S608

        def read(connection: sqlite3.Connection) -> Any:
            return work(map(_spent, connection.execute(query, (start,))))

        return await self.read(read)


def _row(spent: Spent) -> tuple[Any, ...]:
    who = spent.spender
    return (*(getattr(who, name) for name in _WHO), *(getattr(spent, name) for name in _WHAT))


def _spent(row: Sequence[Any]) -> Spent:
    who, what = row[: len(_WHO)], dict(zip(_WHAT, row[len(_WHO) :], strict=True))
    what |= {"failed": bool(what["failed"]), "estimated": bool(what["estimated"])}
    return Spent(Spender(*who), **what)
