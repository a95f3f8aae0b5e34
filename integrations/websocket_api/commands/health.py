"""What somebody who looks after the hub asks: how it runs, and which addresses it listens at."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

from nanobot import __version__
from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access


def health(call: SocketCall) -> None:
    """Events ``{type: initial, data: {domain: {info}}}`` and ``{type: finish}``, as in Home Assistant 2025.4."""
    hub = call.hub
    info = {
        "version": __version__,
        "installation_type": "nanobot",
        "python_version": platform.python_version(),
        "os_name": platform.system(),
        "os_version": platform.release(),
        "arch": platform.machine(),
        "virtualenv": sys.prefix != sys.base_prefix,
        "hassio": False,
        "dev": False,
        "user": os.environ.get("USER", ""),
        "timezone": hub.config.time_zone,
        "config_dir": str(hub.config_dir),
    }
    not_loaded = sorted(entry.id for entry in hub.entries.values() if entry.state != "loaded")
    counts = {"entities": len(hub.states), "integrations": len(hub.entries), "not_loaded": ", ".join(not_loaded)}
    call.subscribe(lambda: None)
    call.event({"type": "initial", "data": {"homeassistant": {"info": info}, "nanobot": {"info": counts}}})
    call.event({"type": "finish"})


def webhooks(call: SocketCall) -> Any:
    """All webhooks. Whoever knows the id of one may call it."""
    return [
        {
            "webhook_id": one.id,
            "domain": "automation",
            "name": one.name,
            "local_only": one.local_only,
            "allowed_methods": sorted(one.methods),
        }
        for one in call.hub.webhooks
    ]


COMMANDS = [
    SocketCommand("system_health/info", health, Access.ADMIN),
    SocketCommand("webhook/list", webhooks, Access.ADMIN),
]
