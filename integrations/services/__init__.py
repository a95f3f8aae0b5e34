"""Services: the tools with which an agent finds the services of the hub and calls them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .permissions import Permissions
from .tool import CallService, ListServices

_GLOB = re.compile(r"[a-z0-9_*?]+(?:\.[a-z0-9_*?]+)?")


def _glob(value: Any) -> str:
    """``light.turn_on``, ``light`` for all of that domain, ``*.turn_on``."""
    text = cv.string(value).strip().lower()
    if not _GLOB.fullmatch(text):
        raise vol.Invalid("is no service; write it like 'light.turn_on', 'light' or '*.turn_on'")
    return text if "." in text or text == "*" else f"{text}.*"


_GLOBS = vol.All(cv.ensure_list, [_glob])

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("allow", default=lambda: ["*"]): _GLOBS,
        vol.Optional("deny", default=list): _GLOBS,
        vol.Optional("guests"): _GLOBS,
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    permissions = entry.data = Permissions(hub, entry.config)
    entry.add(ListServices(hub, permissions))
    entry.add(CallService(hub, permissions))


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    """What may be called counts from the next call on."""
    entry.data.config = config
    return True


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    called = {f"agents call the services {glob}" for glob in config["allow"]}
    return called | {f"whoever may write to nanobot has {glob} called" for glob in config.get("guests", ())}
