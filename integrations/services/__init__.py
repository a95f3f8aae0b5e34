"""Services: the tools with which an agent finds the services of the hub and calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config.globs import service_globs
from nanobot.contracts.audit import Finding
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .permissions import Permissions
from .tool import CallService, ListServices

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("allow", default=lambda: ["*"]): service_globs,
        vol.Optional("deny", default=list): service_globs,
        vol.Optional("guests"): service_globs,
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


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open."""
    if not config.get("guests"):
        return []
    everything = "*" in config["guests"]
    given = {"services": ", ".join(config["guests"])}
    return [Finding("guests", "error" if everything else "info", ("guests",), given)]
