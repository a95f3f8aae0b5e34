"""States: the tool with which an agent looks at how things are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config.globs import entity_globs
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .tool import GetState
from .view import View

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("allow", default=lambda: ["*"]): entity_globs,
        vol.Optional("deny", default=list): entity_globs,
        vol.Optional("guests", default=lambda: ["*"]): entity_globs,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    view = entry.data = View(hub, entry.config)
    entry.add(GetState(view))


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """What may be seen counts from the next look on."""
    entry.data.config = config
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    seen = {f"agents see the states of {glob}" for glob in config["allow"]}
    return seen | {f"whoever may write to nanobot hears the states of {glob}" for glob in config["guests"]}
