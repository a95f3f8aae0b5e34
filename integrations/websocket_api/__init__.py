"""The WebSocket API at ``/api/websocket``, in the dialect of Home Assistant's clients (2025.4)."""

from __future__ import annotations

import importlib

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

CONFIG_SCHEMA = vol.Schema({})


async def setup(hub: Hub, entry: Entry) -> None:
    """Needs nothing from outside; the web server may come later or go."""
    await in_thread(importlib.import_module, f"{__name__}.socket")  # aiohttp takes its time
    await in_thread(importlib.import_module, f"{__name__}.commands")
    from .commands import commands
    from .socket import Sockets

    for command in commands(hub, entry):
        entry.add(command)
    sockets = Sockets(entry)
    entry.on_unload(sockets.close)
    entry.add(sockets.view())
