"""The index: finds words in the memory. It is made of the files, and made again of those that change."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nanobot.errors import StorageError
from nanobot.storage.sql import Database
from nanobot.util.aio import in_thread

from . import vectors
from .books import FACTS, HISTORY, Books, Page
from .fact import Fact, read

SCHEMA = """
CREATE TABLE page (path TEXT PRIMARY KEY, stamp TEXT NOT NULL);
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    book TEXT NOT NULL,
    key TEXT NOT NULL,
    date TEXT NOT NULL,
    source TEXT NOT NULL,
    confidence REAL NOT NULL,
    unverified INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX entry_path ON entry (path);
CREATE VIRTUAL TABLE words USING fts5(text, tokenize = "unicode61 remove_diacritics 2");
"""
RANK_BASE = 60  # of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)
MOST_WORDS = 12  # of a question
_WORD = re.compile(r"\w+")
_PARAGRAPH = re.compile(r"\n\s*\n")
_WHEN = re.compile(r"\[(\d{4}-\d{2}-\d{2})[^\]]*\]\s*")
_UNVERIFIED = "(unverified) "
_COLUMNS = ", ".join(
    f"entry.{name}" for name in ("id", "path", "book", "key", "date", "source", "confidence", "unverified", "text")
)

_log = logging.getLogger("nanobot.memory")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found. ``entry`` is its number in the index, until its file changes; ``key`` the id of a fact,
    "" for a paragraph or a note."""

    entry: int
    path: str
    book: str
    key: str
    date: str
    source: str
    confidence: float
    unverified: bool
    text: str


class Index:
    """One SQLite file that may be deleted at any time."""

    def __init__(self, path: Path, books: Books) -> None:
        self._database = Database(path, [SCHEMA, vectors.SCHEMA])
        self.vectors = vectors.Vectors(self._database)
        self._books = books

    async def open(self) -> None:
        """Raises ``StorageError``."""
        await self._database.open()

    async def close(self) -> None:
        """Nothing is asked after that."""
        await self._database.close()

    async def refresh(self) -> bool:
        """Read the files that have changed since the last time; whether there were any. Raises ``StorageError``."""
        pages = await in_thread(self._books.pages)
        known = await self._database.read(
            lambda connection: dict(connection.execute("SELECT path, stamp FROM page").fetchall())
        )
        changed = [page for page in pages if known.get(page.path) != page.stamp]
        gone = known.keys() - {page.path for page in pages}
        if not changed and not gone:
            return False
        read_ = await in_thread(lambda: [(page, self._entries(page)) for page in changed])
        await self._database.write(lambda connection: _replace(connection, read_, gone))
        return True

    def _entries(self, page: Page) -> list[Fact]:
        """Nothing of a file that cannot be read, such as a link: the others are found all the same."""
        try:
            return list(_entries(page, self._books.text(page.path)))
        except StorageError as error:
            _log.warning("%s", error)
            return []

    async def search(self, text: str, books: Collection[str], limit: int) -> list[Hit]:
        """What fits best first; only from these books. Words may be beginnings; one that is found is enough."""
        words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(text)))[:MOST_WORDS]
        if not words or not books:
            return []
        return await self._database.read(_found(words, sorted(books), limit))

    async def hits(self, entries: Sequence[int], books: Collection[str]) -> list[Hit]:
        """These entries, in this order; only those of these books. Raises ``StorageError``."""
        marks, of_books = ",".join("?" * len(entries)), ",".join("?" * len(books))
        wanted = f"SELECT {_COLUMNS} FROM entry WHERE id IN ({marks}) AND book IN ({of_books})"  # noqa: S608
        rows = await self._database.read(lambda connection: connection.execute(wanted, (*entries, *books)).fetchall())
        found = {row[0]: _hit(*row) for row in rows}
        return [found[entry] for entry in entries if entry in found]


def fused(*rankings: Sequence[Hit]) -> list[Hit]:
    """One ranking of several, each with the best first; what is high in many comes first."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, 1):
            scores[hit.entry] = scores.get(hit.entry, 0.0) + 1 / (RANK_BASE + rank)
    found = {hit.entry: hit for ranking in rankings for hit in ranking}
    return sorted(found.values(), key=lambda hit: -scores[hit.entry])


def _found(words: list[str], books: list[str], limit: int) -> Callable[[sqlite3.Connection], list[Hit]]:
    marks = ",".join("?" * len(books))
    match = " OR ".join(f'"{word}"*' for word in words)
    ranked = (
        f"SELECT {_COLUMNS} FROM words JOIN entry ON entry.id = words.rowid"  # noqa: S608
        f" WHERE words MATCH ? AND entry.book IN ({marks}) ORDER BY words.rank, entry.date DESC LIMIT ?"
    )
    # languages without blanks between words: whatever contains what was asked for
    contained = " OR ".join("entry.text LIKE ? ESCAPE '\\'" for _ in words)
    plain = (
        f"SELECT {_COLUMNS} FROM entry WHERE entry.book IN ({marks}) AND ({contained})"  # noqa: S608
        " ORDER BY entry.date DESC LIMIT ?"
    )

    def work(connection: sqlite3.Connection) -> list[Hit]:
        rows = connection.execute(ranked, (match, *books, limit)).fetchall()
        if not rows:
            rows = connection.execute(plain, (*books, *(_like(word) for word in words), limit)).fetchall()
        return [_hit(*row) for row in rows]

    return work


def _hit(
    entry: int,
    path: str,
    book: str,
    key: str,
    date: str,
    source: str,
    confidence: float,
    unverified: int,
    text: str,
) -> Hit:
    return Hit(entry, path, book, key, date, source, confidence, bool(unverified), text)


def _like(word: str) -> str:
    return "%" + re.sub(r"([%_\\])", r"\\\1", word) + "%"


def _replace(connection: sqlite3.Connection, pages: Iterable[tuple[Page, list[Fact]]], gone: Iterable[str]) -> None:
    for path in gone:
        _drop(connection, path)
    for page, entries in pages:
        _drop(connection, page.path)
        connection.execute("INSERT INTO page VALUES (?, ?)", (page.path, page.stamp))
        for fact in entries:
            cursor = connection.execute(
                "INSERT INTO entry (path, book, key, date, source, confidence, unverified, text, hash)"
                " VALUES (?,?,?,?,?,?,?,?,?)",
                (page.path, page.book, fact.id, fact.date, fact.source, fact.confidence, fact.unverified, fact.text,
                 vectors.key_of(fact.text)),
            )  # fmt: skip
            connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (cursor.lastrowid, fact.text))
    vectors.drop_unused(connection)


def _drop(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("DELETE FROM words WHERE rowid IN (SELECT id FROM entry WHERE path = ?)", (path,))
    connection.execute("DELETE FROM entry WHERE path = ?", (path,))
    connection.execute("DELETE FROM page WHERE path = ?", (path,))


def _entries(page: Page, text: str) -> Iterable[Fact]:
    """Lines of facts and notes, paragraphs of a history."""
    name = page.path.rpartition("/")[2]
    if name == HISTORY:
        yield from filter(None, map(_paragraph, _PARAGRAPH.split(text)))
        return
    for line in text.split("\n"):
        fact = read(line)
        if fact is not None:
            yield fact if name == FACTS else Fact("", fact.text, date=name[:10], unverified=fact.unverified)


def _paragraph(text: str) -> Fact | None:
    found = _WHEN.match(text.strip())
    said = text.strip()[found.end() :] if found else text.strip()
    unverified = said.startswith(_UNVERIFIED)
    said = " ".join(said.removeprefix(_UNVERIFIED).split())
    return Fact("", said, date=found[1] if found else "", unverified=unverified) if said else None
