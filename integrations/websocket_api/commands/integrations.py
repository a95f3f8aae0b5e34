"""What is configured: entries, their manifests, and what Home Assistant sets up by clicking, which there is none of."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import voluptuous as vol

from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.shapes import config_entry_dict
from nanobot.paths import bundled
from nanobot.util.aio import in_thread

OURS = "service"
"""The kind of integration that clients take ours for."""


def manifest_of(domain: str) -> dict[str, Any] | None:
    """The manifest of an integration in the shape of Home Assistant's, None when there is none. Reads a file."""
    try:
        found = importlib.util.find_spec(f"integrations.{domain}")
    except (ImportError, ValueError):
        return None
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    try:
        written = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    return {
        "domain": domain,
        "name": written.get("name", domain),
        "codeowners": [],
        "dependencies": written.get("dependencies", []),
        "after_dependencies": written.get("after_dependencies", []),
        "documentation": written.get("documentation", ""),
        "integration_type": OURS,
        "iot_class": "local_push",
        "requirements": written.get("requirements", []),
        "is_built_in": folder.is_relative_to(bundled("integrations")),
        "overwrites_built_in": False,
    }


def _loaded(hub: Hub) -> list[str]:
    return sorted({entry.domain for entry in hub.entries.values()})


async def manifests(call: SocketCall) -> Any:
    """Those of the integrations that are loaded, or of those asked for."""
    wanted = call.data.get("integrations") or _loaded(call.hub)
    found = await in_thread(lambda: [manifest_of(domain) for domain in wanted])
    return [manifest for manifest in found if manifest is not None]


async def manifest(call: SocketCall) -> Any:
    """One of them."""
    found = await in_thread(manifest_of, call.data["integration"])
    if found is None:
        raise SocketError(sc.NOT_FOUND, "Integration not found")
    return found


async def descriptions(call: SocketCall) -> Any:
    """What there is to choose from: nothing is set up by clicking, so what is loaded."""
    found = await in_thread(lambda: [manifest_of(domain) for domain in _loaded(call.hub)])
    homes: dict[str, dict[str, Any]] = {
        home: {"integration": {}, "helper": {}, "translated_name": []} for home in ("core", "custom")
    }
    for one in found:
        if one is not None:
            homes["core" if one["is_built_in"] else "custom"]["integration"][one["domain"]] = {
                "name": one["name"],
                "integration_type": OURS,
                "config_flow": False,
                "single_config_entry": False,
                "iot_class": one["iot_class"],
                "overwrites_built_in": False,
            }
    return homes


def setup_info(call: SocketCall) -> Any:
    """How long each setup took; nobody measures that here."""
    return []


def follow_setup(call: SocketCall) -> None:
    """What is still being set up when the hub starts, by domain with the seconds that it takes."""

    def tell(event: Event) -> None:
        call.event({entry.domain: 0.0 for entry in call.hub.entries.values() if entry.state == "starting"})

    call.subscribe(call.hub.bus.listen("entry_changed", tell))


def entries(call: SocketCall) -> Any:
    """The entries."""
    return [config_entry_dict(entry) for entry in _chosen(call)]


def follow_entries(call: SocketCall) -> None:
    """The entries, and then what changes of them."""
    known = {entry.id for entry in _chosen(call)}

    def changed(event: Event) -> None:
        entry = call.hub.entries.get(event.data["entry"])
        if entry is not None and _is_meant(call, entry):
            kind = "updated" if entry.id in known else "added"
            known.add(entry.id)
            call.event([{"type": kind, "entry": config_entry_dict(entry)}])

    def applied(event: Event) -> None:
        for entry_id in [entry_id for entry_id in known if entry_id not in call.hub.entries]:
            known.discard(entry_id)
            domain = entry_id.partition(" ")[0]
            call.event([{"type": "removed", "entry": {"entry_id": entry_id, "domain": domain, "title": entry_id}}])

    removes = [call.hub.bus.listen("entry_changed", changed), call.hub.bus.listen("config_applied", applied)]
    call.subscribe(lambda: [remove() for remove in removes])
    call.event([{"type": None, "entry": config_entry_dict(entry)} for entry in _chosen(call)])


def _chosen(call: SocketCall) -> list[Entry]:
    return [entry for entry in call.hub.entries.values() if _is_meant(call, entry)]


def _is_meant(call: SocketCall, entry: Entry) -> bool:
    kinds = call.data.get("type_filter") or (OURS,)
    return OURS in kinds and call.data.get("domain") in (None, entry.domain)


def nothing(call: SocketCall) -> Any:
    """There are none here."""
    return []


_domain = vol.All(str, vol.Match(r"^[a-z0-9_]+\Z"))
_FILTER = vol.Schema(
    {
        vol.Optional("type_filter"): vol.All(lambda value: [value] if isinstance(value, str) else value, [str]),
        vol.Optional("domain"): str,
    }
)

COMMANDS = [
    SocketCommand("manifest/list", manifests, Access.READ, vol.Schema({vol.Optional("integrations"): [_domain]})),
    SocketCommand("manifest/get", manifest, Access.READ, vol.Schema({vol.Required("integration"): _domain})),
    SocketCommand("integration/descriptions", descriptions, Access.READ),
    SocketCommand("integration/setup_info", setup_info, Access.READ),
    SocketCommand("subscribe_bootstrap_integrations", follow_setup, Access.READ),
    SocketCommand("config_entries/get", entries, Access.USER, _FILTER),
    SocketCommand("config_entries/subscribe", follow_entries, Access.USER, _FILTER),
    SocketCommand("config_entries/flow/progress", nothing, Access.READ),
    SocketCommand("diagnostics/list", nothing, Access.READ),
]
