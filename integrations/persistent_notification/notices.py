"""The notices that are up. They are in memory alone: a restart takes them away, as in Home Assistant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from nanobot.hub.context import Context
from nanobot.hub.hub import Hub

EVENT = "persistent_notification"
"""Fired with ``update_type`` (added, removed) and ``notification``, once for each notice. Its trigger waits for it."""

MOST = 1000  # notices at a time; whoever makes one in a loop fills no memory with them


class Notices:
    """``by_id``: notification_id, title (or None), message and created_at (UTC) of each, the oldest first."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.by_id: dict[str, Mapping[str, Any]] = {}

    def put(self, message: str, title: str | None, notification_id: str | None, context: Context) -> None:
        """Put one up. One of the same id is replaced, which counts as added too, as in Home Assistant."""
        notification_id = uuid4().hex if notification_id is None else notification_id
        self.by_id[notification_id] = {
            "message": message,
            "notification_id": notification_id,
            "title": title,
            "created_at": self._hub.clock.utc(),
        }
        self._tell("added", self.by_id[notification_id], context)
        while len(self.by_id) > MOST:
            self.remove(next(iter(self.by_id)), context)

    def remove(self, notification_id: str, context: Context) -> None:
        """Take one away, if it is there."""
        notice = self.by_id.pop(notification_id, None)
        if notice is not None:
            self._tell("removed", notice, context)

    def clear(self, context: Context) -> None:
        """Take all away."""
        for notification_id in list(self.by_id):
            self.remove(notification_id, context)

    def _tell(self, update_type: str, notice: Mapping[str, Any], context: Context) -> None:
        self._hub.bus.fire(EVENT, {"update_type": update_type, "notification": notice}, context)
