"""Contacts: the chats that nanobot may write to of its own accord, since somebody in them was let in, and what of the
hub is their business."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from nanobot.contracts.agent import Turn
from nanobot.conversations.gate import EVERYBODY
from nanobot.hub.states import State

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

_LAST = """
SELECT channel, chat, sender, more, MAX(received) FROM inbox GROUP BY channel, chat ORDER BY MAX(received) DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Contact:
    """A chat, and who wrote in it last."""

    channel: str
    chat: str
    name: str


async def contacts(hub: Hub, limit: int = 50) -> list[Contact]:
    """The chats from which messages came in, as far back as messages are kept; the last one first."""

    def work(connection: sqlite3.Connection) -> list[Contact]:
        rows = connection.execute(_LAST, (limit,)).fetchall()
        return [Contact(channel, chat, _name(sender, more)) for channel, chat, sender, more, _ in rows]

    return await hub.conversations.database.read(work)


async def knows(hub: Hub, channel: str, chat: str) -> bool:
    """Whether the list of a channel names this chat, or a message of somebody who was let in came from it."""
    there = hub.channels.get(channel)
    if there is not None and chat != EVERYBODY and chat in {str(allowed) for allowed in there.allow}:
        return True

    def work(connection: sqlite3.Connection) -> bool:
        statement = "SELECT 1 FROM inbox WHERE channel = ? AND chat = ? LIMIT 1"
        return connection.execute(statement, (channel, chat)).fetchone() is not None

    return await hub.conversations.database.read(work)


def concerns(state: State, turn: Turn) -> bool:
    """Whether a thing is any business of whoever writes. What belongs to a chat, such as a reminder or a timer that was
    set there, is nobody's elsewhere but an owner's."""
    chat = state.attributes.get("chat")
    return turn.owner or chat is None or (state.attributes.get("channel"), str(chat)) == (turn.channel, turn.chat)


def _name(sender: str, more: str | None) -> str:
    return str((orjson.loads(more) if more else {}).get("sender_name") or sender)
