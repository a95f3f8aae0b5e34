"""Message: write to a chat, as a tool of agents and as a service for automations."""

from __future__ import annotations

from collections.abc import Mapping

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.contracts.tool import Risk
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .tool import LABELS, MAX_TEXT, SendMessage

CONFIG_SCHEMA = vol.Schema({})

SEND = vol.Schema(
    {
        vol.Required("channel"): cv.string,
        vol.Required("chat"): cv.chat_id,
        vol.Required("text"): vol.All(cv.string, vol.Length(min=1, max=MAX_TEXT)),
        vol.Optional("thread"): vol.Any(None, cv.string),
        vol.Optional("buttons"): LABELS,
    }
)
FIELDS = {
    "channel": {"required": True, "description": "The key of the channel in the configuration.", "example": "telegram"},
    "chat": {"required": True, "description": "The id of the chat on its platform.", "example": "12345"},
    "text": {"required": True, "example": "The washing machine is done."},
    "thread": {"description": "The topic in the chat."},
    "buttons": {"description": "Labels to choose an answer from.", "example": ["Yes", "No"]},
}


async def setup(hub: Hub, entry: Entry) -> None:
    async def send(call: ServiceCall) -> Mapping[str, str]:
        data = call.data
        sent = await hub.conversations.send(
            data["channel"],
            data["chat"],
            data["text"],
            thread=data.get("thread"),
            buttons=data.get("buttons", ()),
            context=call.context,
        )
        return {"id": sent}

    entry.add(SendMessage(hub))
    description = "Send a text to a chat, now or when its channel is there. Gives the id of the message."
    entry.add(
        Service("message", "send", send, SEND, Response.OPTIONAL, description, FIELDS, admin=True, risk=Risk.OUTSIDE)
    )
