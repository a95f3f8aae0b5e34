"""Where the people who run nanobot can be asked something, when it was not they who wrote."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import orjson

from nanobot.errors import StorageError
from nanobot.hub.hub import Hub

MOST = 5  # chats
_OWNERS = """
SELECT channel, chat, sender, thread, session, more, MAX(received) FROM inbox WHERE more LIKE '%"owner":true%'
GROUP BY channel, chat, sender ORDER BY MAX(received) DESC LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, and the session that goes on there."""

    channel: str
    chat: str
    thread: str | None = None
    session: str | None = None
    language: str | None = None


async def owners_chats(hub: Hub) -> list[Place]:
    """Where each owner wrote last with nobody reading along, as far back as messages are kept; the last one first."""

    def work(connection: sqlite3.Connection) -> list[Place]:
        found: dict[tuple[str, str], Place] = {}
        for channel, chat, sender, thread, session, packed, _ in connection.execute(_OWNERS):
            more = orjson.loads(packed)
            if more.get("owner") and not more.get("group"):
                found.setdefault((channel, sender), Place(channel, chat, thread, session, more.get("language")))
        return list(found.values())

    try:
        places = await hub.conversations.database.read(work)
    except StorageError:
        return []
    return [place for place in places if place.channel in hub.channels][:MOST]
