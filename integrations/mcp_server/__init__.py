"""MCP server: clients of the Model Context Protocol use the tools, services and states of this hub, at ``/mcp``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.audit import Finding
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

SESSION_TIMEOUT = timedelta(minutes=30)
MAX_SESSIONS = 16
CONCURRENT = 16

_NAMES = vol.All(cv.ensure_list_csv, [cv.string])
_OFFERED = vol.Schema(
    {vol.Optional("allow", default=lambda: ["*"]): _NAMES, vol.Optional("deny", default=list): _NAMES}
)

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("tools", default=lambda: _OFFERED({})): _OFFERED,
        vol.Optional("services", default=lambda: _OFFERED({})): _OFFERED,
        vol.Optional("session_timeout", default=SESSION_TIMEOUT): vol.All(
            cv.positive_time_period, vol.Range(min=timedelta(seconds=1), max=timedelta(days=1))
        ),
        vol.Optional("max_sessions", default=MAX_SESSIONS): vol.All(cv.whole_number, vol.Range(min=1, max=1000)),
        vol.Optional("concurrent", default=CONCURRENT): vol.All(cv.whole_number, vol.Range(min=1, max=1000)),
    }
)


async def setup(hub: Hub, entry: Entry) -> None:
    """Needs nothing from outside. The SDK takes seconds to load, in a thread."""
    await in_thread(importlib.import_module, f"{__name__}.endpoint")
    from .endpoint import Endpoint

    endpoint = Endpoint(entry)
    for view in endpoint.views():
        entry.add(view)


def audit(config: Mapping[str, Any]) -> list[Finding]:
    """What this configuration leaves open: each of both that is offered as a whole."""
    whole = [what for what in ("tools", "services") if "*" in config[what]["allow"] and not config[what]["deny"]]
    return [Finding(f"all_{what}", "info", (what,)) for what in whole]


def rights(config: Mapping[str, Any]) -> set[str]:
    """What this configuration allows; `nanobot plan` shows what an edit adds."""
    told = set()
    for what in ("tools", "services"):
        named = [name for name in config[what]["allow"] if not any(sign in name for sign in "*?[")]
        told |= {f"MCP clients may use the {what[:-1]} {name}" for name in named}
    return told
