"""Usage: remembers what was asked of models, and tells what it took: `nanobot usage`, `/usage`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.errors import NotReady, StorageError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .command import chat_command, command
from .log import Log
from .meter import UsageMeter

CONFIG_SCHEMA = vol.Schema({vol.Optional("keep_days", default=90): vol.All(cv.number, vol.Range(min=1, max=36_500))})


async def setup(hub: Hub, entry: Entry) -> None:
    log = Log(hub.config_dir / ".storage" / "usage.db")
    entry.on_unload(log.close)
    try:
        await log.open()
    except StorageError as error:
        raise NotReady(str(error)) from error
    meter = entry.data = UsageMeter(entry, log)
    meter.keep_days = entry.config["keep_days"]
    entry.on_unload(meter.flush)
    entry.add(meter)
    entry.add(command(hub, meter))
    entry.add(chat_command(hub, meter))
    await meter.purge()


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    entry.data.keep_days = config["keep_days"]
    return True
