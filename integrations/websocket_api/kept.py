"""What clients have the hub keep for them: their own data, what they ignore, what is exposed to whom."""

from __future__ import annotations

from typing import Any

from nanobot.contracts.socket_command import HOME_ASSISTANT_ERROR, SocketError
from nanobot.hub.entry import Entry
from nanobot.hub.shapes import to_json

MAX_BYTES = 1024 * 1024  # of all that clients keep for one user


class Kept:
    """Small documents in ``.storage``."""

    def __init__(self, entry: Entry) -> None:
        self._store = entry.store()
        self.user_data: dict[str, dict[str, Any]] = {}
        """By user id, then by key."""
        self.exposed: dict[str, dict[str, bool]] = {}
        """By entity id, then by assistant."""
        self.entities: dict[str, dict[str, Any]] = {}
        """By entity id: what people have it called and shown as (``name``, ``icon``, ``hidden_by``, ``aliases``), and
        ``modified_at``, in seconds."""
        self.ignored: set[str] = set()
        """Ids of issues."""

    async def load(self) -> None:
        """Read what was kept before."""
        data = await self._store.load() or {}
        self.user_data = data.get("user_data", {})
        self.exposed = data.get("exposed", {})
        self.entities = data.get("entities", {})
        self.ignored = set(data.get("ignored", ()))

    def save(self) -> None:
        """Something has changed."""
        self._store.save(
            lambda: {
                "user_data": self.user_data,
                "exposed": self.exposed,
                "entities": self.entities,
                "ignored": sorted(self.ignored),
            }
        )

    def shown(self, entity_id: str) -> dict[str, Any]:
        """The attributes that people gave an entity."""
        kept = self.entities.get(entity_id)
        if kept is None:
            return {}
        given = {"friendly_name": kept.get("name"), "icon": kept.get("icon")}
        return {name: value for name, value in given.items() if value}

    def hides(self, entity_id: str) -> bool:
        """Whether people have hidden an entity."""
        kept = self.entities.get(entity_id)
        return kept is not None and bool(kept.get("hidden_by"))

    def keep(self, user_id: str, key: str, value: Any) -> None:
        """Keep a client's data. Raises ``SocketError`` when it is too much."""
        data = {**self.user_data.get(user_id, {}), key: value}
        if len(to_json(data)) > MAX_BYTES:
            raise SocketError(HOME_ASSISTANT_ERROR, f"at most {MAX_BYTES >> 10} KiB are kept for a user")
        self.user_data[user_id] = data
        self.save()
