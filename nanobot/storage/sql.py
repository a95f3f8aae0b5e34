"""One SQLite file: a single writer thread that commits for many at once, and readers off the event loop.

What ``write`` has returned is on the disk. The journal is a WAL with ``synchronous=FULL``: every commit is synced
before it is acknowledged, so neither a ``kill -9`` nor a power cut takes back what was acknowledged. The price, one
sync for each commit, is shared: everything that waits when the writer is free goes into one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from nanobot.errors import StorageError
from nanobot.storage.files import make_private_file
from nanobot.util.aio import in_thread

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

MAX_BATCH = 500  # jobs that share one transaction
BUSY_LIMIT = 5.0  # s to wait for another program that holds the file (a backup, a curious person)
CHECK_BELOW = 64 * 2**20  # bytes; larger files are not read through at start, damage shows when it is met
WAL_KEEP = 16 * 2**20  # bytes that the journal may keep on disk after a checkpoint
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Errors of the file, not of one statement: SQLite may have rolled back everything, so all of a batch fails together.
OF_THE_FILE = DAMAGED | {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it, its folder or the disk is read-only",
    sqlite3.SQLITE_PERM: "the permissions of the file do not allow it",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check its folder and permissions",
    sqlite3.SQLITE_BUSY: "another program has it locked",
    sqlite3.SQLITE_LOCKED: "another program has it locked",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not a database",
}

_log = logging.getLogger(__name__)
_Job = tuple[Work[Any], "asyncio.Future[Any]"]


class Database:
    """``migrations`` are SQL scripts, the n-th of which leads from version n-1 to n; a new file gets all of them.

    A damaged file is never lost: it is set aside beside the fresh one, and ``damaged`` is told where, on the event
    loop, be it at ``open`` or later.
    """

    def __init__(self, path: Path, migrations: Sequence[str], *, damaged: Callable[[Path], None] | None = None) -> None:
        self.path = path
        self._migrations = migrations
        self._damaged = damaged
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether it takes work."""
        return self._thread is not None

    async def open(self) -> None:
        """Raises ``StorageError`` when the file cannot be used; may be called again later then."""
        if self._thread is not None:
            return
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Any] = loop.create_future()
        self._jobs = queue.SimpleQueue()
        thread = threading.Thread(
            target=self._serve, args=(loop, self._jobs, opened), name=f"writer {self.path.name}", daemon=True
        )
        thread.start()
        await opened
        self._thread = thread

    def submit(self, work: Work[T]) -> asyncio.Future[T]:
        """Queue ``work(connection)`` for the writer thread; the future is done when it is on the disk.

        Work is done in the order of the calls, whoever waits for it. Whoever stops waiting does not stop the work.
        ``work`` may be called twice, when the first transaction is lost to a damaged file.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._thread is None:
            future.set_exception(StorageError(f"{self.path.name} is not open"))
        else:
            self._jobs.put((work, future))
        return future

    async def write(self, work: Work[T]) -> T:
        """Do ``work`` within a transaction and wait until it is on the disk. Raises ``StorageError``."""
        return await asyncio.shield(self.submit(work))

    async def read(self, work: Work[T]) -> T:
        """Do ``work`` on a connection that can only read, in a thread. Sees whatever ``write`` has returned."""
        if self._thread is None:
            raise StorageError(f"{self.path.name} is not open")
        try:
            try:
                return await in_thread(self._read, work)
            except sqlite3.Error as error:
                if _kind(error) not in DAMAGED:
                    raise
                await self.write(self._probe)  # the writer meets the damage, and deals with it
                return await in_thread(self._read, work)
        except sqlite3.Error as error:
            raise self._sentence(error, "read") from error

    async def close(self) -> None:
        """Wait for what is queued, then close. Later work is refused."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._jobs.put(None)
        await in_thread(self._close_reader)
        await in_thread(thread.join)

    # -- reading, in threads of the pool -------------------------------------------------------

    def _read(self, work: Work[T]) -> T:
        with self._reading:
            if self._reader is None:
                self._reader = sqlite3.connect(
                    self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_LIMIT
                )
                self._reader.execute("PRAGMA query_only = ON")
                self._reader.execute("PRAGMA cache_size = -512")
            return work(self._reader)

    def _close_reader(self) -> None:
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    # -- writing, in the one writer thread -----------------------------------------------------

    def _serve(
        self,
        loop: asyncio.AbstractEventLoop,
        jobs: queue.SimpleQueue[_Job | None],
        opened: asyncio.Future[Any],
    ) -> None:
        try:
            connection = self._connect(loop)
        except Exception as error:  # whatever it is, whoever waits for the opening must hear of it
            _tell(loop, [(opened, None, self._sentence(error, "opened"))])
            return
        _tell(loop, [(opened, None, None)])
        more = True
        while more:
            batch: list[_Job] = []
            more = _gather(jobs, batch)
            if batch:
                connection, results = self._commit(loop, connection, batch)
                _tell(loop, results)
        connection.close()

    def _commit(
        self, loop: asyncio.AbstractEventLoop, connection: sqlite3.Connection, batch: list[_Job]
    ) -> tuple[sqlite3.Connection, list[_Result]]:
        for _ in range(2):
            try:
                return connection, _transact(connection, batch)
            except sqlite3.Error as error:
                failure: BaseException = self._sentence(error, "written")
                _roll_back(connection)
                if _kind(error) not in DAMAGED:
                    break
            try:
                connection = self._renew(loop, connection)
            except Exception as error:  # the thread must live on: the disk may come back
                failure = self._sentence(error, "opened")
                break
        return connection, [(future, None, failure) for _, future in batch]

    def _connect(self, loop: asyncio.AbstractEventLoop) -> sqlite3.Connection:
        make_private_file(self.path)  # the journal inherits its mode
        try:
            return self._prepare()
        except sqlite3.Error as error:
            if _kind(error) not in DAMAGED:
                raise
        self._set_aside(loop)
        return self._connect_fresh()

    def _connect_fresh(self) -> sqlite3.Connection:
        make_private_file(self.path)
        return self._prepare()

    def _prepare(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_LIMIT, cached_statements=256
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -1024")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_KEEP}")
            if self.path.stat().st_size < CHECK_BELOW:
                _check(connection)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(self._migrations):
            raise StorageError(
                f"{self.path.name} was written by a newer nanobot (format {version}, this one knows "
                f"{len(self._migrations)}); update nanobot, or move the file away to begin a new one"
            )
        for number, script in enumerate(self._migrations[version:], version + 1):
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in script.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def _renew(self, loop: asyncio.AbstractEventLoop, connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.close()
        self._close_reader()
        self._set_aside(loop)
        return self._connect_fresh()

    def _set_aside(self, loop: asyncio.AbstractEventLoop) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for end in ("-wal", "-shm", ""):
            part = self.path.with_name(self.path.name + end)
            if part.exists():
                part.rename(aside.with_name(aside.name + end))
        _log.error("%s is damaged; it was set aside as %s and a new one was begun", self.path.name, aside.name)
        if self._damaged is not None:
            _call(loop, self._damaged, aside)

    def _probe(self, _: sqlite3.Connection) -> None:
        """Look at the file itself: what the writer has in its cache may be better than what is on disk."""
        connection = sqlite3.connect(self.path)
        try:
            _check(connection)
        finally:
            connection.close()

    def _sentence(self, error: BaseException, verb: str) -> StorageError:
        if isinstance(error, StorageError):
            return error
        reason = REASONS.get(_kind(error)) or getattr(error, "strerror", None) or str(error)
        return StorageError(f"{self.path.name} cannot be {verb}: {reason}")


_Result = tuple["asyncio.Future[Any]", Any, BaseException | None]


def _gather(jobs: queue.SimpleQueue[_Job | None], batch: list[_Job]) -> bool:
    """Wait for a job and take all that are there by then; False when the end was among them."""
    job = jobs.get()
    while job is not None:
        batch.append(job)
        if len(batch) >= MAX_BATCH:
            return True
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            return True
    return False


def _transact(connection: sqlite3.Connection, batch: list[_Job]) -> list[_Result]:
    """All jobs in one transaction. A job that fails is undone alone, unless the failure is one of the file."""
    results: list[_Result] = []
    connection.execute("BEGIN IMMEDIATE")
    for work, future in batch:
        connection.execute("SAVEPOINT job")
        try:
            results.append((future, work(connection), None))
        except Exception as error:  # goes to whoever waits for this job; the others are not concerned
            if isinstance(error, sqlite3.Error) and _kind(error) in OF_THE_FILE:
                raise
            connection.execute("ROLLBACK TO job")
            results.append((future, None, error))
        connection.execute("RELEASE job")
    connection.execute("COMMIT")
    return results


def _roll_back(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        _log.debug("rolling back failed: %s", error)


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _kind(error: BaseException) -> int:
    """SQLite's primary result code (the lower 8 bits of the extended one); 0 for other errors."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _tell(loop: asyncio.AbstractEventLoop, results: list[_Result]) -> None:
    _call(loop, _settle, results)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        _log.debug("the event loop ended before the writer did")


def _settle(results: list[_Result]) -> None:
    for future, value, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
