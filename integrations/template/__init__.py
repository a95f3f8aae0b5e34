"""Template entities: sensors, switches and more that are made of templates, and follow what these read."""

from __future__ import annotations

from collections.abc import Sequence

import voluptuous as vol

from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import apply_edits
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .section import Section, Sections
from .templates import RELOADED, Templates

CONFIG_SCHEMA = vol.Schema(Sections())


async def setup(hub: Hub, entry: Entry) -> None:
    templates: Templates = Templates(hub, entry)
    entry.data = templates
    await templates.open()

    async def reload_(call: ServiceCall) -> None:
        templates.announced += 1
        try:
            await apply_edits(hub, call.context)
        finally:
            templates.announced -= 1
        hub.bus.fire(RELOADED, {}, call.context)

    entry.service(
        "reload", reload_, vol.Schema({}), description="Apply the configuration as it is on disk.", admin=True
    )


async def reload(hub: Hub, entry: Entry, config: Sequence[Section]) -> bool:
    await entry.data.update_all(config)
    return True
