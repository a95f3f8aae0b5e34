"""A house with lamps and a few services that note how they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.hub.collection import target_schema
from nanobot.hub.entry import Entry

SPOKEN = vol.Schema(
    {vol.Required("text"): cv.string, vol.Optional("channel"): cv.string, vol.Optional("chat"): cv.string}
)


class Lamps:
    """``light.turn_on``, ``house.report``, ``house.say``, ``house.list``, ``house.wipe`` (for administrators)."""

    def __init__(self, entry: Entry) -> None:
        self.calls: list[ServiceCall] = []
        self.entry = entry
        for name in ("kitchen", "hall"):
            entry.set_state(f"light.{name}", "off")
        brightness = {vol.Optional("brightness"): vol.All(cv.whole_number, vol.Range(0, 255))}
        fields = {"brightness": {"description": "How bright, 0 to 255.", "example": 120}}
        add = entry.add
        add(
            Service(
                "light",
                "turn_on",
                self.turn_on,
                target_schema(brightness),
                Response.NONE,
                "Turn on lamps.",
                fields,
                "light",
            )
        )
        add(Service("house", "report", self.report, vol.Schema({}), Response.OPTIONAL, "How the house is."))
        add(Service("house", "say", self.note, SPOKEN, description="Say something in a chat."))
        add(
            Service(
                "house",
                "list",
                self.report,
                vol.Schema({vol.Optional("channel"): str, vol.Optional("chat"): str}),
                Response.ONLY,
            )
        )
        add(Service("house", "wipe", self.note, vol.Schema({}), admin=True))
        add(Service("house", "reload", self.note, vol.Schema({})))

    def note(self, call: ServiceCall) -> None:
        self.calls.append(call)

    def turn_on(self, call: ServiceCall) -> None:
        self.calls.append(call)
        for entity_id in call.data["entity_id"]:
            self.entry.set_state(entity_id, "on", context=call.context)

    async def report(self, call: ServiceCall) -> Mapping[str, Any]:
        self.calls.append(call)
        return {"doors": {"open": 0}, "asked": dict(call.data)}


@pytest.fixture
async def lamps(entry: Entry) -> Lamps:
    return Lamps(entry)
