"""Home Assistant: the entities of another system shown here, and its services called from here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from nanobot.agent.models.address import Address
from nanobot.contracts.audit import Finding
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .options import SCHEMA

CONFIG_SCHEMA = SCHEMA

Config = list[dict[str, Any]]


async def setup(hub: Hub, entry: Entry) -> None:
    """Fails for no server: the hub starts without them, and what a connection meets is the entry's state."""
    await in_thread(importlib.import_module, f"{__name__}.house")  # the HTTP client takes its time
    from .house import House

    entry.data = House(entry)
    entry.data.configure(entry.config)
    await entry.data.met()


async def reload(hub: Hub, entry: Entry, config: Config) -> bool:
    """Only the servers that are other than before are connected anew."""
    before = {server["name"]: server for server in entry.config}
    now = {server["name"]: server for server in config}
    for name in [name for name, server in before.items() if now.get(name) != server]:
        await entry.parts[name].release()
    entry.data.configure(config)
    await entry.data.met()
    return True


def rights(config: Config) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    found = set()
    for server in config:
        name, services = server["name"], server["services"]
        found.add(f"the entities of the Home Assistant {name} are shown, to agents too")
        found |= {f"the services {glob} of the Home Assistant {name} are called" for glob in services["include"]}
    return found


def audit(config: Config) -> list[Finding]:
    """What this configuration leaves open."""
    found = []
    for place, server in enumerate(config):
        address = Address.of(server["url"])
        given: Mapping[str, object] = {"server": server["name"], "host": address.parts.hostname or ""}
        if not address.is_encrypted and not address.is_here:
            found.append(Finding("plain", "warning" if address.is_private else "error", (place, "url"), given))
        if address.is_encrypted and not server["verify_ssl"]:
            found.append(Finding("unverified", "warning", (place, "verify_ssl"), given))
    return found
