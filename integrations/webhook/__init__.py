"""Webhooks: ``/api/webhook/<id>``, where other programs tell nanobot that something happened."""

from __future__ import annotations

import importlib

import voluptuous as vol

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

CONFIG_SCHEMA = vol.Schema({})


async def setup(hub: Hub, entry: Entry) -> None:
    """Only the addresses; what a call does is up to whoever added a webhook to the hub."""
    await in_thread(importlib.import_module, f"{__name__}.view")  # aiohttp takes its time
    from .view import WebhookViews

    for view in WebhookViews(entry).views():
        entry.add(view)
