"""Messages for chats at which no terminal is open, kept until somebody takes a seat."""

from __future__ import annotations

from typing import Any

from nanobot.storage.store import Store

MOST_PER_CHAT = 100
MOST_CHATS = 200


class Mailbox:
    """On disk before ``put`` returns. The oldest messages make room for new ones."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, list[dict[str, Any]]] = {}

    async def load(self) -> None:
        """What was left the last time."""
        self._kept = (await self._store.load() or {}).get("chats", {})

    async def put(self, chat: str, event: dict[str, Any]) -> None:
        """Keep a message."""
        messages = self._kept.setdefault(chat, [])
        messages.append(event)
        del messages[:-MOST_PER_CHAT]
        while len(self._kept) > MOST_CHATS:
            del self._kept[next(iter(self._kept))]
        self._store.save(self._document)
        await self._store.flush()

    def take(self, chat: str) -> list[dict[str, Any]]:
        """What was kept for a chat; it is handed over now."""
        messages = self._kept.pop(chat, [])
        if messages:
            self._store.save(self._document)
        return messages

    def _document(self) -> dict[str, Any]:
        return {"chats": self._kept}
