"""The WebSocket API at ``/api/websocket``, in the dialect of Home Assistant's clients (2025.4)."""

from __future__ import annotations

import importlib
import logging

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

CONFIG_SCHEMA = vol.Schema({})


async def setup(hub: Hub, entry: Entry) -> None:
    """Needs nothing from outside; the web server may come later or go."""
    await in_thread(importlib.import_module, f"{__name__}.socket")  # aiohttp takes its time
    await in_thread(importlib.import_module, f"{__name__}.commands")
    from .commands import commands, stand_ins
    from .kept import Kept
    from .log import RecentLog, services
    from .socket import Sockets

    log = RecentLog(hub.scrubber.scrub)
    logging.getLogger().addHandler(log)
    entry.on_unload(lambda: logging.getLogger().removeHandler(log))
    kept = Kept(entry)
    await kept.load()
    entry.on_unload(hub.entities.name(kept.shown, kept.hides))
    for command in commands(entry, kept, log):
        entry.add(command)
    for service in services(log):
        entry.add(service)
    sockets = Sockets(entry, stand_ins())
    entry.on_unload(sockets.close)
    entry.add(sockets.view())
