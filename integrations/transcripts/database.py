"""Transcripts in a database: rows, and how far they have come, in one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import NullPool

from nanobot.conversations.deletions import digest
from nanobot.conversations.following import News, Position
from nanobot.errors import StorageError
from nanobot.storage.files import make_private_file
from nanobot.storage.sql import REASONS

from .store import Store

LIMITS = {
    "connect_timeout": 5,  # s to reach a server
    "options": "-c statement_timeout=30000",  # ms that it may take for one statement
    "tcp_user_timeout": 20_000,  # ms until a network that swallows everything counts as gone; so do the next three
    "keepalives_idle": 30,  # s
    "keepalives_interval": 10,  # s
    "keepalives_count": 3,
}
"""Of libpq: nothing waits for ever."""
BUSY = 5000  # ms to wait for another program that holds the file
LOCK = 0x6E616E74  # of PostgreSQL: one writer for a database

metadata = MetaData()
sessions = Table(
    "transcript_sessions",
    metadata,
    Column("session", Text, primary_key=True),
    Column("head", Text, nullable=False),
    Column("last", Double, nullable=False),
)
lines = Table(
    "transcript_lines",
    metadata,
    Column("n", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("session", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("role", String(16)),
    Column("sender", Text),
    Column("text", Text),
    Column("line", Text, nullable=False),
    UniqueConstraint("session", "key"),
)
meta = Table(
    "transcript_meta", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False)
)


class Rows(Store):
    """``url`` is what SQLAlchemy takes; ``path`` is the file of SQLite, None for a server."""

    def __init__(self, url: str, path: Path | None) -> None:
        self._url = url
        self._path = path
        self._name = path.name if path else "the database"
        self._insert: Any = sqlite.insert if path else postgresql.insert
        self._engine: Engine | None = None
        self._connection: Connection | None = None

    def position(self) -> Position:
        """A connection that the server gave up while nothing was said is made anew without a word."""
        was_open = self._connection is not None
        try:
            return self._position()
        except StorageError:
            if not was_open:
                raise
        return self._position()

    def _position(self) -> Position:
        with self._transaction() as connection:
            found = connection.execute(select(meta.c.value).where(meta.c.name == "position")).scalar()
        return Position.of(orjson.loads(found)) if found else Position()

    def write(self, news: News) -> None:
        with self._transaction() as connection:
            if news.deleted:
                names = connection.execute(select(sessions.c.session)).scalars().all()
                _delete(connection, [name for name in names if digest(name) in news.deleted])
            for session, head in news.heads.items():
                self._append(connection, session, head, news.lines.get(session, []))
            position = {"name": "position", "value": orjson.dumps(news.position.as_dict()).decode()}
            self._put(connection, meta, position, "name")

    def expire(self, before: float) -> int:
        with self._transaction() as connection:
            old = connection.execute(select(sessions.c.session).where(sessions.c.last < before)).scalars().all()
            _delete(connection, list(old))
        return len(old)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        engine, self._engine = self._engine, None
        with contextlib.suppress(Exception):  # what is broken already cannot be closed well
            if connection is not None:
                connection.close()
        if engine is not None:
            engine.dispose()

    def _append(
        self, connection: Connection, session: str, head: dict[str, Any], news: list[tuple[str, dict[str, Any]]]
    ) -> None:
        rows = [_row(session, key, line) for key, line in news]
        there = select(sessions.c.last).where(sessions.c.session == _plain(session))
        last = connection.execute(there).scalar()
        if not rows and last is None:
            return
        if rows:
            connection.execute(self._insert(lines).on_conflict_do_nothing(), rows)
        last = max([last or 0.0, *(row["at"] for row in rows)])
        row = {"session": _plain(session), "head": orjson.dumps(head).decode(), "last": last}
        self._put(connection, sessions, row, "session")

    def _put(self, connection: Connection, table: Table, row: dict[str, Any], key: str) -> None:
        rest = {name: value for name, value in row.items() if name != key}
        connection.execute(self._insert(table).values(row).on_conflict_do_update(index_elements=[key], set_=rest))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            if self._connection is None or (self._path is not None and not self._path.exists()):
                self.close()
                self._connection = self._open()
            with self._connection.begin():
                yield self._connection
        except StorageError:
            self.close()
            raise
        except Exception as error:  # whatever it is, the hub goes on, and a person hears of it
            self.close()
            raise self._sentence(error) from error

    def _open(self) -> Connection:
        if self._path is not None:
            make_private_file(self._path)
            self._engine = create_engine(
                self._url, poolclass=NullPool, hide_parameters=True, connect_args={"check_same_thread": False}
            )
            event.listen(self._engine, "connect", _prepare_file)
            event.listen(self._engine, "begin", _begin)
        else:
            self._engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True, connect_args=LIMITS)
        self._connection = connection = self._engine.connect()
        with connection.begin():
            if self._path is None and not connection.execute(select(func.pg_try_advisory_lock(LOCK))).scalar():
                raise StorageError("another nanobot writes transcripts into the same database; give each one its own")
            metadata.create_all(connection)
        return connection

    def _sentence(self, error: Exception) -> StorageError:
        cause = getattr(error, "orig", None) or error
        reason = REASONS.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF) if isinstance(cause, sqlite3.Error) else None
        if isinstance(cause, ModuleNotFoundError):
            reason = f"the library {cause.name} is missing; install it with: pip install 'psycopg[binary]'"
        reason = reason or getattr(cause, "strerror", None) or " ".join(str(cause).split()) or type(cause).__name__
        return StorageError(f"{self._name} cannot be written: {reason}")


def _delete(connection: Connection, names: list[str]) -> None:
    for name in names:
        connection.execute(delete(lines).where(lines.c.session == name))
        connection.execute(delete(sessions).where(sessions.c.session == name))


def _row(session: str, key: str, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "session": _plain(session),
        "key": _plain(key),
        "at": datetime.fromisoformat(line["time"]).timestamp(),
        "role": line.get("role"),
        "sender": _plain(line.get("sender")),
        "text": _plain(line.get("text")),
        "line": orjson.dumps(line).decode(),
    }


def _plain(value: str | None) -> str | None:
    """PostgreSQL takes no zero bytes in texts."""
    return value.replace("\0", "\ufffd") if value else value


def _prepare_file(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver leaves transactions to us
    for pragma in (f"busy_timeout = {BUSY}", "journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.execute(text("BEGIN IMMEDIATE"))
