"""Which sessions somebody deleted, for those who keep a copy of them; not those that were forgotten with time.

What is kept is a hash of the name, and no more than one for each.
"""

from __future__ import annotations

import hashlib
import sqlite3

SCHEMA = "CREATE TABLE deletions (seq INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL UNIQUE)"


def digest(session: str) -> str:
    """What is kept of the name of a session."""
    return hashlib.sha256(session.encode("utf-8", "replace")).hexdigest()


def note_deletion(connection: sqlite3.Connection, session: str) -> None:
    """As a part of the transaction that deletes it."""
    connection.execute("INSERT OR REPLACE INTO deletions (session) VALUES (?)", (digest(session),))
