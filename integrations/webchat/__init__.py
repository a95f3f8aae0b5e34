"""The page at ``/``: talk to nanobot in a browser, and see what lives in the hub."""

from __future__ import annotations

import importlib

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

CONFIG_SCHEMA = vol.Schema({})


async def setup(hub: Hub, entry: Entry) -> None:
    """Needs nothing from outside; the web server may come later or go, the chat waits."""
    await in_thread(importlib.import_module, f"{__name__}.view")  # aiohttp takes its time
    from .channel import WebChat
    from .status import Status
    from .view import ChatViews

    channel = WebChat(entry)
    entry.on_unload(channel.close)
    status = Status(entry, channel.tell_all)
    for view in ChatViews(entry, channel, status).views():
        entry.add(view)
    entry.add(channel)
