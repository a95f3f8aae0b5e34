"""The services that are there whatever is configured; each target has one of its own name as well."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.contracts.tool import Risk
from nanobot.hub.collection import Action, offer_actions
from nanobot.hub.entry import Entry

from .message import FIELDS, MESSAGE, Message, message_of
from .options import NOTICES, NOTIFY
from .targets import Target, Targets


def offer(entry: Entry, targets: Targets) -> None:
    """Add ``notify.notify``, ``notify.persistent_notification`` and ``notify.send_message``."""

    async def notify(call: ServiceCall) -> None:
        await targets.send(targets.default, message_of(call.data), call.context)

    async def put_up(call: ServiceCall) -> None:
        await targets.send(NOTICES, replace(message_of(call.data), to=()), call.context)

    entry.service(
        NOTIFY, notify, MESSAGE, description="Send a message to the first target.", fields=FIELDS, risk=Risk.OUTSIDE
    )
    entry.service(NOTICES, put_up, MESSAGE, description="Put up a notice.", fields=FIELDS)
    send_message = Action(
        _send_message,
        "Send a message to these targets.",
        {vol.Required("message"): cv.string, vol.Optional("title"): cv.string},
        {key: FIELDS[key] for key in ("message", "title")},
        risk=Risk.OUTSIDE,
    )
    offer_actions(entry, {"send_message": send_message})


def _send_message(target: Target, call: ServiceCall) -> Awaitable[None]:
    return target.send(Message(call.data["message"], call.data.get("title")), call.context)
