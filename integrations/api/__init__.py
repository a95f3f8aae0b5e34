"""The REST API below ``/api/``, in the dialect of Home Assistant's clients (2025.4)."""

from __future__ import annotations

import importlib

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

CONFIG_SCHEMA = vol.Schema({})


async def setup(hub: Hub, entry: Entry) -> None:
    """Needs nothing from outside; the web server may come later or go."""
    await in_thread(importlib.import_module, f"{__name__}.views")  # aiohttp takes its time
    from .views import views

    for view in views(entry):
        entry.add(view)
