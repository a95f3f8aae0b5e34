"""The writer: one thread with one connection, which takes what happened off the event loop and writes it in batches.

When the database fails, what is waiting is kept and tried again, later and later, up to a limit of how much may wait.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from nanobot.errors import StorageError
from nanobot.hub.bus import Event
from nanobot.util.aio import in_thread
from nanobot.util.backoff import Backoff

from .database import Damaged, Database
from .rows import Rows

T = TypeVar("T")

MAX_BACKLOG = 50_000  # events that may wait
PER_TRANSACTION = 2_000
RETRY = Backoff(first=1.0, limit=60.0)

_log = logging.getLogger("nanobot.recorder")
_Job = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]


class Told:
    """What the writer has to say, on the event loop. The functions are to return quickly."""

    def failing(self, error: StorageError) -> None:
        """Nothing can be written; it is tried again."""

    def works(self) -> None:
        """Something was written after a failure."""

    def damaged(self, aside: Path) -> None:
        """The file was damaged and set aside."""

    def lost(self, count: int) -> None:
        """So many events were dropped since this was last said."""


class Writer:
    """``interval``: seconds that events are gathered for before they are written."""

    def __init__(self, database: Database, rows: Rows, told: Told, *, interval: float) -> None:
        self.database = database
        self.rows = rows
        self.interval = interval
        self.error: StorageError | None = None
        """Why nothing can be written now."""
        self._told = told
        self._events: deque[Event] = deque()
        self._jobs: deque[_Job] = deque()
        self._idle = False
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._full = False
        self._lost = 0
        self._writing = False
        self._opening = 0
        self._thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Begin to write. What was put before is kept."""
        self._thread = threading.Thread(target=self._serve, name="recorder", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Events that wait."""
        return len(self._events)

    @property
    def is_running(self) -> bool:
        """Whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def put(self, event: Event) -> None:
        """Have an event written. Never waits: when too many do, it is dropped."""
        if len(self._events) >= MAX_BACKLOG:
            self._lost += 1
            if not self._full:
                self._full = True
                self._told.lost(self._lost)
            return
        self._events.append(event)
        if self._idle:
            self._wake.set()

    def submit(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Have ``work`` done in a transaction of its own, after everything that was put or submitted before."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._stopping or not self.is_running:
            future.set_exception(StorageError("nothing is recorded any more"))
            return future
        self._jobs.append((work, future))
        self._hurry.set()
        self._wake.set()
        return future

    async def do(self, work: Callable[[Connection], T]) -> T:
        """The same, and wait until it is done. Raises ``StorageError``."""
        return await self.submit(work)

    async def outside(self, work: Callable[[], T]) -> T:
        """Do ``work`` in the writer's thread, outside of transactions. Raises ``StorageError``."""
        return await self.do(_Outside(work))

    async def flush(self) -> None:
        """Wait until everything that was put before is written. Raises ``StorageError``."""
        if self.error is not None:
            raise self.error
        if self._events or self._jobs or self._writing:
            await self.do(_nothing)

    async def stop(self) -> None:
        """Write what waits, as far as that is possible, and end."""
        self._stopping = True
        self._hurry.set()
        self._wake.set()
        if self._thread is not None:
            await in_thread(self._thread.join)

    # -- in the thread --------------------------------------------------------------------------

    def _serve(self) -> None:
        self._open()
        failures = 0
        while True:
            self._await_work(RETRY.delay(failures) if self.error else None)
            failures = failures + 1 if self.error else 0
            if self.error and not self._events and not self._jobs and not self._stopping:
                self._probe()
            if self._events and not self._jobs and not self._stopping:
                self._hurry.wait(self.interval)
            self._hurry.clear()
            self._writing = True
            jobs = _take_all(self._jobs)
            count = len(self._events)
            done = self._write(count, jobs)
            self._writing = False
            if self._stopping and not self._jobs and (not self._events or not done):
                break
        if self._events:
            _log.error("%d events are not recorded: %s", len(self._events), self.error)
        for _, future in self._jobs:
            self._answer(future, None, StorageError("nothing is recorded any more"))
        self.database.close_writer()

    def _open(self) -> None:
        """Early, so that a database that does not work is seen before anything happens."""
        try:
            self.database.open()
        except Damaged:
            self._begin_anew()
        except StorageError as error:
            self._fail(error)

    def _probe(self) -> None:
        """Whether the database works again, while there is nothing to write."""
        try:
            with self.database.write():
                pass
        except Damaged:
            self._begin_anew()
        except StorageError as error:
            self._fail(error)
        else:
            self._recover()

    def _await_work(self, limit: float | None) -> None:
        self._idle = True
        if not self._events and not self._jobs and not self._stopping:
            self._wake.wait(limit)
        self._idle = False
        self._wake.clear()

    def _write(self, count: int, jobs: Sequence[_Job]) -> bool:
        """Write the first ``count`` events, then do the jobs. False: they are not written, and never will be."""
        failures = 0
        while count:
            batch = [self._events[number] for number in range(min(count, PER_TRANSACTION))]
            try:
                self._write_batch(batch)
            except Damaged as error:
                failures += 1
                if failures > 1 or not self._begin_anew():
                    self._fail(error)
                    jobs = self._refuse(jobs, error)
                    if not self._rest(failures):
                        return False
            except StorageError as error:
                failures += 1
                self._fail(error)
                jobs = self._refuse(jobs, error)
                if not self._rest(failures):
                    return False
            else:
                failures = 0
                for _ in batch:
                    self._events.popleft()
                count -= len(batch)
                self._recover()
        for work, future in jobs:
            self._do(work, future)
        return True

    def _write_batch(self, batch: Sequence[Event]) -> None:
        try:
            with self._transaction() as connection:
                self.rows.write(connection, batch)
        except StorageError:
            self.rows.forget()
            raise
        except Exception as error:  # a row that the database does not take must not stop the others
            self.rows.forget()
            if len(batch) == 1:
                _log.warning("%s cannot be recorded: %s", batch[0].type, _first_line(error))
                return
            half = len(batch) // 2
            self._write_batch(batch[:half])
            self._write_batch(batch[half:])

    def _do(self, work: Callable[[Connection], Any], future: asyncio.Future[Any]) -> None:
        try:
            if isinstance(work, _Outside):
                result = work.work()
            elif work is _nothing and self.error is None:
                result = None
            else:
                with self._transaction() as connection:
                    result = work(connection)
                self._recover()
        except Damaged as error:
            self.rows.forget()
            self._begin_anew()
            self._answer(future, None, error)
        except StorageError as error:
            self.rows.forget()
            self._fail(error)
            self._answer(future, None, error)
        except Exception as error:  # goes to whoever waits for it; the thread must live on
            self.rows.forget()
            self._answer(future, None, error)
        else:
            self._answer(future, result, None)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self.database.write() as connection:
            if self._opening != self.database.openings:
                self._opening = self.database.openings
                self.rows.forget()
            yield connection

    def _refuse(self, jobs: Sequence[_Job], error: StorageError) -> Sequence[_Job]:
        for _, future in (*jobs, *_take_all(self._jobs)):
            self._answer(future, None, error)
        return ()

    def _rest(self, failures: int) -> bool:
        """Wait before the next try, with an ear for those who ask meanwhile. False: there is no more time."""
        remaining = RETRY.delay(failures)
        while not self._stopping and remaining > 0:
            self._hurry.clear()
            hurried = self._hurry.wait(min(remaining, 1.0))
            assert self.error is not None
            self._refuse((), self.error)
            if not hurried:
                remaining -= 1.0
        return not self._stopping

    def _begin_anew(self) -> bool:
        self.rows.forget()
        try:
            aside = self.database.set_aside()
            self.database.open()
        except (StorageError, OSError) as error:
            self._fail(error if isinstance(error, StorageError) else self.database.sentence(error, "set aside"))
            return False
        if aside is not None:
            self._say(self._told.damaged, aside)
        self._recover()
        return True

    def _fail(self, error: StorageError) -> None:
        if self.error is None:
            _log.error("recording has stopped: %s", error)
        self.error = error
        self._say(self._told.failing, error)

    def _recover(self) -> None:
        if self.error is not None:
            self.error = None
            _log.info("recording goes on")
            self._say(self._told.works)
        if self._full and len(self._events) < MAX_BACKLOG // 2:
            self._full = False
            lost, self._lost = self._lost, 0
            _log.warning("%d events were not recorded, too many waited", lost)
            self._say(self._told.lost, 0)

    def _say(self, what: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:  # the loop is closed
            _log.debug("nobody is left to be told")

    def _answer(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._say(_settle, future, result, error)


class _Outside(Generic[T]):
    """Work that makes its own transactions."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work

    def __call__(self, connection: Connection) -> T:
        raise TypeError("it is not done within a transaction")


def _nothing(_: Connection) -> None:
    """For those who only want to know that it was their turn."""


def _take_all(jobs: deque[_Job]) -> list[_Job]:
    taken = []
    while jobs:
        taken.append(jobs.popleft())
    return taken


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _first_line(error: BaseException) -> str:
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return (text.splitlines() or [type(error).__name__])[0]
