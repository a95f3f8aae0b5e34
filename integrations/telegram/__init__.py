"""Telegram: talk to nanobot from a Telegram chat or group, through a bot of your own."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nanobot.contracts.audit import Finding
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .options import EVERYBODY, IN_PLACE, SCHEMA

CONFIG_SCHEMA = SCHEMA

Config = Mapping[str, Any]


async def setup(hub: Hub, entry: Entry) -> None:
    """Asks Telegram nothing: the hub starts without it, and what the channel meets is the entry's state."""
    await in_thread(importlib.import_module, f"{__name__}.channel")  # the library takes its time
    from .channel import TelegramChannel
    from .connection import Connection

    connection = await in_thread(Connection, entry.config, hub.scrubber)
    entry.on_unload(connection.close)
    entry.data = channel = TelegramChannel(entry, connection)
    channel.sender.start()
    entry.add(channel)


async def reload(hub: Hub, entry: Entry, config: Config) -> bool:
    """Who may write and how they are answered changes in place; another bot or another way to it is a restart."""
    if any(config.get(key) != entry.config.get(key) for key in {*config, *entry.config} - IN_PLACE):
        return False
    entry.data.configure(config)
    return True


def audit(config: Config) -> list[Finding]:
    """What this configuration leaves open."""
    place = [number for number, who in enumerate(config["allow"]) if who == EVERYBODY]
    return [Finding("everybody", "error", ("allow", number)) for number in place]


def rights(config: Config) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = {f"exchanges messages and files with {urlsplit(config['base_url']).hostname}"}
    if EVERYBODY in config["allow"]:
        found.add("lets everybody on Telegram in who finds the bot")
    found |= {
        f"lets the members of the group {who} in" if who.startswith("-") else f"lets {who} in, as an owner"
        for who in config["allow"]
        if who != EVERYBODY
    }
    if config["pairing"]:
        found.add("shows unknown senders a code with which an owner can let them in")
    return found
