"""Automations: when something happens, and conditions hold, do something."""

from __future__ import annotations

from collections.abc import Sequence

import voluptuous as vol

from nanobot.contracts.audit import Finding, Severity
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .automations import Automations
from .item import Item, Items
from .services import offer

LONG_ENOUGH = 20  # characters of the id of a webhook that nobody guesses
WARNING: Severity = "warning"
ERROR: Severity = "error"

CONFIG_SCHEMA = vol.Schema(Items())


async def setup(hub: Hub, entry: Entry) -> None:
    automations = entry.data = Automations(hub, entry)
    await automations.open()
    offer(hub, entry, automations)


def audit(config: Sequence[Item]) -> list[Finding]:
    """The webhooks that other networks reach."""
    found = []
    for place, item in enumerate(config):
        for trigger in item.config["triggers"] if item.config is not None else ():
            if trigger.word == "webhook" and trigger.enabled and not trigger.config["local_only"]:
                is_short = len(trigger.config["webhook_id"]) < LONG_ENOUGH
                key, severity = ("webhook_short", ERROR) if is_short else ("webhook_open", WARNING)
                found.append(Finding(key, severity, (place,), {"name": item.name}))
    return found


async def reload(hub: Hub, entry: Entry, config: Sequence[Item]) -> bool:
    await entry.data.update(config)
    return True
