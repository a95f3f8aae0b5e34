"""Which entities are shown in the logbook, and a service to write into it."""

from __future__ import annotations

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.choice import choice, options
from nanobot.contracts.history import Shown
from nanobot.contracts.service import ServiceCall
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

ENTRY = "logbook_entry"

CONFIG_SCHEMA = vol.Schema(options())

LOG = vol.Schema(
    {
        vol.Required("name"): cv.string,
        vol.Required("message"): cv.string,
        vol.Optional("entity_id"): cv.entity_id,
        vol.Optional("domain"): cv.slug,
        vol.Optional("icon"): cv.icon,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    entry.add(Shown("logbook", choice(entry.config)))

    def log(call: ServiceCall) -> None:
        told = dict(call.data)
        if "domain" not in told and "entity_id" not in told:
            told["domain"] = "logbook"
        hub.bus.fire(ENTRY, told, call.context)

    entry.service(
        "log",
        log,
        LOG,
        description="Write a line into the logbook.",
        fields={
            "name": {"description": "Who or what it is about.", "required": True, "selector": {"text": {}}},
            "message": {"description": "What happened.", "required": True, "selector": {"text": {}}},
            "entity_id": {"description": "The entity it belongs to.", "selector": {"entity": {}}},
            "domain": {"description": "The integration it belongs to.", "selector": {"text": {}}},
            "icon": {"description": "The icon of the line.", "selector": {"icon": {}}},
        },
    )
