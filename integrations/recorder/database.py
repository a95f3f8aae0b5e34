"""The database: connections that write and that read, files kept from others, and what its errors mean."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from nanobot.errors import StorageError
from nanobot.storage.files import make_private_file

from .tables import prepare

READERS = 3
READ_LIMIT = 20.0  # s that one question may take
CHECK_BELOW = 64 * 2**20  # bytes; larger files are not read through at start, damage shows when it is met
WAL_KEEP = 16 * 2**20  # bytes that the journal may keep after a checkpoint
CONNECT_LIMIT = 5  # s to reach a server
BUSY = 5.0  # s to wait for another program that holds the file
TICKS = 50_000  # steps of SQLite's machine between two looks at the time
FREED_PAGES = 500  # given back to the disk at a time
LOCK = 0x6E616E6F  # of PostgreSQL: one writer for a database
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it, its folder or the disk is read-only",
    sqlite3.SQLITE_PERM: "the permissions of the file do not allow it",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check its folder and permissions",
    sqlite3.SQLITE_BUSY: "another program has it locked",
    sqlite3.SQLITE_LOCKED: "another program has it locked",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_IOERR: "the disk cannot be written to or read, or it is full",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not a database",
    sqlite3.SQLITE_INTERRUPT: f"the answer took more than {READ_LIMIT:g} s; ask for fewer entities or a shorter time",
}

_log = logging.getLogger("nanobot.recorder")


class Damaged(StorageError):
    """The file is no good any more."""


class Database:
    """``url`` is what SQLAlchemy takes; ``path`` is the file of SQLite, None for a server.

    Every method blocks, and is called in a thread: ``open``, ``write`` and ``close_writer`` in one and the same.
    """

    def __init__(self, url: str, path: Path | None) -> None:
        self.url = url
        self.path = path
        self.name = path.name if path else "the database"
        self._writer: Connection | None = None
        self._engine: Engine | None = None
        self._readers: Engine | None = None
        self._file: tuple[int, int] | None = None
        self.openings = 0
        """How often it was opened; what is remembered of an earlier time may be wrong."""

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of ours."""
        return self.path is not None

    def open(self) -> None:
        """Connect for writing and bring the tables up to date. Raises ``StorageError``, ``Damaged`` above all."""
        self.close_writer()
        try:
            if self.path is not None:
                make_private_file(self.path)
            patience = {} if self.is_sqlite else {"connect_timeout": CONNECT_LIMIT}
            self._engine = create_engine(self.url, poolclass=NullPool, hide_parameters=True, connect_args=patience)
            if self.path is None:
                event.listen(self._engine, "connect", _utc)
            else:
                event.listen(self._engine, "connect", _for_writing)
                event.listen(self._engine, "begin", _begin_writing)
            self._writer = self._engine.connect()
            if self.path is not None:
                self._check()
            else:
                self._lock()
            with self._writer.begin():
                prepare(self._writer)
            if self.path is not None:
                self._file = _identity(self.path)
            self.openings += 1
        except StorageError:
            self.close_writer()
            raise
        except Exception as error:  # whatever it is, the hub goes on without records, and a person hears of it
            self.close_writer()
            raise self.sentence(error, "opened") from error

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction on the one connection that writes. Raises ``StorageError`` for failures of the database."""
        if self._writer is None:
            self.open()
        elif self.path is not None and _identity(self.path) != self._file:
            _log.warning("%s is gone or another one; a new one is opened", self.name)
            self.close_writer()
            self.close_readers()  # before the new one is there: what closes an old file tidies up by its name
            self.open()
        connection = self._writer
        assert connection is not None
        try:
            with connection.begin():
                yield connection
        except DBAPIError as error:
            if not is_of_the_database(error):
                raise
            if not self.is_sqlite:
                self.close_writer()  # the lock is held by a connection, and goes with it
            raise self.sentence(error, "written") from error

    def run(self, statement: str) -> None:
        """A statement outside of transactions, such as ``VACUUM``."""
        with self.write():  # it is open, and the right one
            pass
        assert self._writer is not None
        try:
            raw = self._writer.connection.driver_connection
            assert raw is not None
            if self.is_sqlite:
                raw.executescript(statement)  # unlike ``execute``, it goes on until there is nothing left to do
                return
            self._writer.rollback()
            raw.autocommit = True
            try:
                raw.execute(statement)
            finally:
                raw.autocommit = False
        except sqlite3.Error as error:
            raise self.sentence(error, "written") from error

    def free_pages(self) -> bool:
        """Give some unused pages of the file back to the disk. False: there are no more."""
        before = self._unused_pages()
        if before:
            self.run(f"PRAGMA incremental_vacuum({FREED_PAGES})")
        return 0 < self._unused_pages() < before

    def _unused_pages(self) -> int:
        with self.write() as connection:
            return int(connection.execute(text("PRAGMA freelist_count")).scalar() or 0)

    def look(self) -> None:
        """Read the whole file, with a connection that remembers nothing of it. Raises ``Damaged``."""
        self.close_readers()
        self.open()
        if self.is_sqlite:
            try:
                self._check(always=True)
            except DBAPIError as error:
                raise self.sentence(error, "read") from error

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that can only read, for as long as one answer may take. Raises ``StorageError``."""
        try:
            if self._readers is None:
                self._readers = self._reading_engine()
            with self._readers.connect() as connection:
                if self.is_sqlite:
                    with _until(connection, time.monotonic() + READ_LIMIT):
                        yield connection
                else:
                    yield connection
        except (DBAPIError, ModuleNotFoundError) as error:
            raise self.sentence(error, "read") from error

    def set_aside(self) -> Path | None:
        """Move the damaged file away; gives its new name."""
        self.close_writer()
        self.close_readers()
        if self.path is None or not self.path.exists():
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for end in ("-wal", "-shm", ""):
            part = self.path.with_name(self.path.name + end)
            if part.exists():
                part.rename(aside.with_name(aside.name + end))
        _log.error("%s is damaged; it was set aside as %s and a new one was begun", self.name, aside.name)
        return aside

    def close_writer(self) -> None:
        """Give the connection back; ``write`` makes a new one."""
        writer, self._writer = self._writer, None
        engine, self._engine = self._engine, None
        if writer is not None:
            with contextlib.suppress(DBAPIError):
                writer.close()
        if engine is not None:
            engine.dispose()

    def close_readers(self) -> None:
        """Close what reads; ``read`` makes new ones."""
        readers, self._readers = self._readers, None
        if readers is not None:
            readers.dispose()

    def sentence(self, error: BaseException, verb: str) -> StorageError:
        """What went wrong, for people."""
        kind = code(error)
        reason = REASONS.get(kind)
        if reason is None:
            cause = getattr(error, "orig", None) or error
            reason = getattr(cause, "strerror", None) or " ".join(str(cause).split()) or type(cause).__name__
            if isinstance(cause, ModuleNotFoundError):
                reason = f"the library {cause.name} is missing; install it with: pip install 'psycopg[binary]'"
        text_of = f"{self.name} cannot be {verb}: {reason}"
        return Damaged(text_of) if kind in DAMAGED else StorageError(text_of)

    def _reading_engine(self) -> Engine:
        settings: dict[str, Any] = {"pool_size": READERS, "max_overflow": 0, "hide_parameters": True}
        if self.is_sqlite:
            engine = create_engine(self.url, connect_args={"check_same_thread": False}, **settings)
            event.listen(engine, "connect", _for_reading)
            event.listen(engine, "begin", _begin_reading)
            return engine
        options = f"-c default_transaction_read_only=on -c statement_timeout={int(READ_LIMIT * 1000)} -c timezone=UTC"
        return create_engine(
            self.url,
            pool_pre_ping=True,
            connect_args={"options": options, "connect_timeout": CONNECT_LIMIT},
            **settings,
        )

    def _check(self, *, always: bool = False) -> None:
        assert self._writer is not None
        assert self.path is not None
        if always or self.path.stat().st_size < CHECK_BELOW:
            verdict = self._writer.execute(text("PRAGMA quick_check(1)")).scalar()
            self._writer.rollback()
            if verdict != "ok":
                raise Damaged(f"{self.name} cannot be opened: it is damaged")

    def _lock(self) -> None:
        assert self._writer is not None
        taken = self._writer.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}).scalar()
        self._writer.commit()
        if not taken:
            raise StorageError("another nanobot records into the same database; give each one its own")


def is_of_the_database(error: DBAPIError) -> bool:
    """Whether all writing fails, and not just this row."""
    return isinstance(error, OperationalError) or error.connection_invalidated or code(error) != 0


def code(error: BaseException) -> int:
    """SQLite's primary result code, 0 for other errors."""
    cause = getattr(error, "orig", None) or error
    kind = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return 0 if kind in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG) else kind


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


# The driver is told to leave transactions to us: its own begin before some statements, and not before others.


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _for_writing(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts for a new file alone
    connection.execute("PRAGMA journal_mode = WAL")
    # what was committed survives the end of the process; a power cut may take the last few commits
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -4096")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEEP}")


def _for_reading(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -2048")


def _utc(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()


@contextlib.contextmanager
def _until(connection: Connection, deadline: float) -> Iterator[None]:
    raw: Any = connection.connection.driver_connection
    raw.set_progress_handler(lambda: int(time.monotonic() > deadline), TICKS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
