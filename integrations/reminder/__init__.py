"""Reminders: a message to a chat at a time that somebody chose. Takes no options; they are set by service."""

from __future__ import annotations

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .reminders import Reminders

SET = vol.Schema(
    {
        vol.Required("text"): vol.All(cv.string, vol.Length(min=1, max=4000)),
        vol.Optional("id"): cv.string,
        vol.Exclusive("at", "time", msg="give either 'at' or 'in'"): cv.string,
        vol.Exclusive("in", "time", msg="give either 'at' or 'in'"): cv.time_period,
        vol.Optional("channel"): cv.string,
        vol.Optional("chat"): cv.string,
        vol.Optional("thread"): vol.Any(None, cv.string),
        vol.Optional("session"): cv.string,
        vol.Optional("language"): cv.string,
    }
)
CANCEL = vol.Schema({vol.Required("id"): vol.Any(cv.string, [cv.string])})
LIST = vol.Schema({vol.Optional(key): cv.string for key in ("channel", "chat", "session")})


async def setup(hub: Hub, entry: Entry) -> None:
    reminders = Reminders(hub, entry)
    await reminders.open()
    entry.run(reminders.keep, name="reminders")
    entry.service(
        "set",
        reminders.set,
        SET,
        response=Response.OPTIONAL,
        description="Have a text sent to a chat at a time. Gives its id and when it is due.",
        fields={
            "text": {"required": True, "example": "Water the plants"},
            "at": {"description": "A date and time, or a time of day (its next one).", "example": "18:30"},
            "in": {"description": "How long from now.", "example": "00:10:00"},
            "channel": {"example": "telegram"},
            "chat": {"example": "12345"},
        },
    )
    entry.service("cancel", reminders.cancel, CANCEL, description="Forget a reminder, by its id.")
    entry.service("list", reminders.listed, LIST, response=Response.ONLY, description="All that are to come.")
