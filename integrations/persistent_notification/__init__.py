"""Notices: what stays in sight of everybody who looks, until somebody takes it away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .notices import EVENT, Notices

CONFIG_SCHEMA = vol.Schema({})

CREATE = vol.Schema(
    {
        vol.Required("message"): cv.string,
        vol.Optional("title"): cv.string,
        vol.Optional("notification_id"): cv.string,
    }
)
DISMISS = vol.Schema({vol.Required("notification_id"): cv.string})

_TEXT: Mapping[str, Any] = {"selector": {"text": {}}}
_ID = {"notification_id": _TEXT}


async def setup(hub: Hub, entry: Entry) -> None:
    notices = Notices(hub)

    def create(call: ServiceCall) -> None:
        data = call.data
        notices.put(data["message"], data.get("title"), data.get("notification_id"), call.context)

    def dismiss(call: ServiceCall) -> None:
        notices.remove(call.data["notification_id"], call.context)

    def dismiss_all(call: ServiceCall) -> None:
        notices.clear(call.context)

    def subscribe(call: SocketCall) -> None:
        def changed(event: Event) -> None:
            notice = event.data["notification"]
            call.event({"type": event.data["update_type"], "notifications": {notice["notification_id"]: notice}})

        call.subscribe(hub.bus.listen(EVENT, changed))
        call.event({"type": "current", "notifications": notices.by_id})

    shown = {"message": {"required": True, **_TEXT}, "title": _TEXT, **_ID}
    entry.service("create", create, CREATE, description="Put up a notice, or another one in its place.", fields=shown)
    entry.service("dismiss", dismiss, DISMISS, description="Take a notice away.", fields=_ID)
    entry.service("dismiss_all", dismiss_all, vol.Schema({}), description="Take all notices away.")
    entry.add(SocketCommand("persistent_notification/get", lambda call: [*notices.by_id.values()], Access.READ))
    entry.add(SocketCommand("persistent_notification/subscribe", subscribe, Access.READ))
