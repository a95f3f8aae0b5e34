"""Timers: configured ones, as in Home Assistant, and those that somebody starts in a chat."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response
from nanobot.hub import collection
from nanobot.hub.collection import Action
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .chat import CREATE, ChatTimers
from .entity import Timer

CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        {
            vol.Optional("name"): cv.string,
            vol.Optional("icon"): cv.icon,
            vol.Optional("duration", default=0): cv.positive_time_period,
            vol.Optional("restore", default=False): cv.boolean,
        }
    )
)

_LENGTH = {
    "duration": {
        "description": "How long, as 00:05:00, or as seconds.",
        "example": "00:05:00",
        "selector": {"text": {}},
    }
}

ACTIONS: Mapping[str, Action] = {
    "start": Action(
        lambda timer, call: timer.start(call.data.get("duration"), call.context),
        "Start a timer, go on with a paused one, or start a running one again.",
        {vol.Optional("duration"): cv.time_period},
        _LENGTH,
    ),
    "pause": Action(lambda timer, call: timer.pause(call.context), "Hold a running timer."),
    "cancel": Action(lambda timer, call: timer.cancel(call.context), "Stop a timer without finishing it."),
    "finish": Action(lambda timer, call: timer.finish(call.context), "Finish a timer now."),
    "change": Action(
        lambda timer, call: timer.change(call.data["duration"], call.context),
        "Add time to a running timer; a negative duration takes time off.",
        {vol.Required("duration"): cv.time_period},
        _LENGTH,
    ),
}


async def setup(hub: Hub, entry: Entry) -> None:
    timers = ChatTimers(hub, entry)
    await collection.set_up(hub, entry, partial(Timer, entry), ACTIONS)
    await timers.open()
    entry.service(
        "create",
        timers.create,
        CREATE,
        response=Response.OPTIONAL,
        description="Start a timer that is gone when it is over; it can say so in a chat.",
        fields=_LENGTH,
    )


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    return await collection.reload(hub, entry, config)
