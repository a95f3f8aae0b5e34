"""Vectors of what is in the index, in the same file: which are missing, and which entries are near a question.

A vector belongs to a text, not to a place in a file: what was once embedded is not embedded again when lines move. Its
signs, a bit for each number, find the few that can be near; the numbers decide among those.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from heapq import nlargest, nsmallest
from math import sqrt
from operator import mul

from nanobot.storage.sql import Database

CANDIDATES = 400  # whose numbers are looked at
FLOOR = 0.2  # cosine below which nothing is alike
MARGIN = 0.15  # cosine below the best one, beyond which the rest only fills up the list
_NONE = b""
"""Of a text that the embedder refuses."""


SCHEMA = """
ALTER TABLE entry ADD COLUMN hash BLOB NOT NULL DEFAULT x'';
CREATE INDEX entry_hash ON entry (hash);
CREATE TABLE vector (
    id INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    hash BLOB NOT NULL,
    signs BLOB NOT NULL,
    numbers BLOB NOT NULL
);
CREATE INDEX vector_of ON vector (space, hash, signs);
DELETE FROM words;
DELETE FROM entry;
DELETE FROM page
"""
"""The entries are made anew of the files, each with its hash."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A text without a vector. ``key`` is its hash."""

    key: bytes
    text: str


class Vectors:
    """Of the database of the index. ``space`` says by what model they were made; each has its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def missing(self, space: str, limit: int, besides: Collection[str] = ()) -> tuple[str, list[Missing]]:
        """Texts of one book that have no vector yet, and that book; none of the books ``besides``. Raises
        ``StorageError``."""

        def work(connection: sqlite3.Connection) -> tuple[str, list[Missing]]:
            lacks = "NOT EXISTS (SELECT 1 FROM vector WHERE vector.space = ? AND vector.hash = entry.hash)"
            marks = ",".join("?" * len(besides))
            first = connection.execute(
                f"SELECT book FROM entry WHERE {lacks} AND book NOT IN ({marks}) LIMIT 1",  # noqa: S608
                (space, *besides),
            ).fetchone()
            if first is None:
                return "", []
            rows = connection.execute(
                f"SELECT hash, min(text) FROM entry WHERE book = ? AND {lacks} GROUP BY hash LIMIT ?",  # noqa: S608
                (first[0], space, limit),
            )
            return first[0], [Missing(*row) for row in rows]

        return await self._database.read(work)

    async def keep(self, space: str, vectors: Mapping[bytes, Sequence[float] | None]) -> None:
        """On the disk when this returns; None: there is none for this text. What is of another length was made by
        another model of the same name, and is made again. Raises ``StorageError``."""
        rows = [(space, key, *(packed(vector) if vector else (_NONE, _NONE))) for key, vector in vectors.items()]
        length = max(len(numbers) for *_, numbers in rows)

        def work(connection: sqlite3.Connection) -> None:
            if length:
                of_others = "DELETE FROM vector WHERE space = ? AND length(numbers) NOT IN (0, ?)"
                connection.execute(of_others, (space, length))
            connection.executemany("DELETE FROM vector WHERE space = ? AND hash = ?", [row[:2] for row in rows])
            # only of what is still there: it may have been forgotten while it was embedded
            connection.executemany(
                "INSERT INTO vector (space, hash, signs, numbers)"
                " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM entry WHERE hash = ?2)",
                rows,
            )

        await self._database.write(work)

    async def drop_others(self, space: str) -> None:
        """All of this space are there: those of others are of no more use. Raises ``StorageError``."""
        found = await self._database.read(
            lambda connection: connection.execute("SELECT 1 FROM vector WHERE space <> ? LIMIT 1", (space,)).fetchone()
        )
        if found:
            await self._database.write(
                lambda connection: connection.execute("DELETE FROM vector WHERE space <> ?", (space,)).rowcount
            )

    async def nearest(self, vector: Sequence[float], space: str, books: Collection[str], limit: int) -> list[int]:
        """The ids of the entries of these books that mean most alike, best first. Raises ``StorageError``."""
        return await self._database.read(lambda connection: _nearest(connection, vector, space, sorted(books), limit))


def packed(vector: Sequence[float]) -> tuple[bytes, bytes]:
    """The signs of a vector, and its numbers at length 1, as float32."""
    length = sqrt(sum(map(mul, vector, vector)))
    bits = "".join(["1" if number > 0 else "0" for number in vector])
    return int(bits, 2).to_bytes(-(-len(bits) // 8), "big"), array("f", [one / length for one in vector]).tobytes()


def key_of(text: str) -> bytes:
    """The hash that a text has here."""
    return sha256(text.encode("utf-8", "replace")).digest()[:16]


def drop_unused(connection: sqlite3.Connection) -> None:
    """Of what was forgotten, nothing stays."""
    connection.execute("DELETE FROM vector WHERE hash NOT IN (SELECT hash FROM entry)")


def _nearest(
    connection: sqlite3.Connection, vector: Sequence[float], space: str, books: Sequence[str], limit: int
) -> list[int]:
    signs, asked_bytes = packed(vector)
    asked, numbers = int.from_bytes(signs, "big"), array("f", asked_bytes)
    marks = ",".join("?" * len(books))
    rows = connection.execute(
        "SELECT entry.id, vector.id, vector.signs FROM entry"  # noqa: S608
        " JOIN vector ON vector.space = ? AND vector.hash = entry.hash"
        f" WHERE entry.book IN ({marks}) AND vector.signs <> x''",
        (space, *books),
    )
    far = (((asked ^ int.from_bytes(bits, "big")).bit_count(), entry, key) for entry, key, bits in rows)
    entries = {key: entry for _, entry, key in nsmallest(CANDIDATES, far)}
    marks = ",".join("?" * len(entries))
    found = connection.execute(f"SELECT id, numbers FROM vector WHERE id IN ({marks})", (*entries,))  # noqa: S608
    near = nlargest(
        limit,
        (
            (sum(map(mul, numbers, array("f", blob))), entries[key])
            for key, blob in found
            if len(blob) == len(asked_bytes)
        ),
    )
    least = max(FLOOR, near[0][0] - MARGIN) if near else FLOOR
    return [entry for likeness, entry in near if likeness >= least]
