"""Questions to the records: a few threads of their own, on connections that can only read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from nanobot.errors import StorageError

from .database import READERS, Damaged, Database
from .writer import Writer

T = TypeVar("T")

MAX_WAITING = 100  # questions at a time
WAIT = 2.0  # s for the writer; while it is at something long, such as a repack, what it has written must do


class Reader:
    """Answers come from a snapshot that has all that happened before the question, where the writer can write."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="recorder reader")
        self._asked = 0

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """``question(connection)`` in a thread. Raises ``StorageError``."""
        if self._asked >= MAX_WAITING:
            raise StorageError("too many questions are being answered; ask again in a moment")
        self._asked += 1
        try:
            with contextlib.suppress(StorageError, TimeoutError):  # what was written can be read on a full disk as well
                async with asyncio.timeout(WAIT if self._database.openings else None):  # without tables nothing is read
                    await self._writer.flush()
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, question)
        except Damaged:
            await self._writer.outside(self._database.look)  # the writer meets the damage, and deals with it
            raise
        except RuntimeError as error:
            raise StorageError("nothing is recorded any more") from error
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """End the threads; answers under way are finished."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._database.close_readers()

    def _read(self, question: Callable[[Connection], T]) -> T:
        with self._database.read() as connection:
            return question(connection)
