"""``trigger: persistent_notification``: a notice was put up, changed or taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub

EVENT = "persistent_notification"
UPDATE_TYPES = ("added", "removed", "updated", "current")

SCHEMA = vol.Schema(
    {
        vol.Optional("update_type", default=lambda: [*UPDATE_TYPES]): vol.All(
            cv.ensure_list, vol.Length(min=1, msg="names no kind of update"), [cv.one_of(*UPDATE_TYPES)]
        ),
        vol.Optional("notification_id"): cv.string,
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``update_type`` and ``notification`` (notification_id, title, message, created_at)."""
    types, wanted = config["update_type"], config.get("notification_id")

    def happened(event: Event) -> None:
        update_type, notification = event.data.get("update_type"), event.data.get("notification")
        if update_type not in types or not isinstance(notification, Mapping):
            return
        if wanted is None or notification.get("notification_id") == wanted:
            watch.fire(
                {"platform": "persistent_notification", "update_type": update_type, "notification": notification},
                event.context,
            )

    return hub.bus.listen(EVENT, happened)
