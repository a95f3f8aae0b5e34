"""The services of all scripts; each one also has a service of its own name."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import Action, apply_edits, offer_actions
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import Script
from .scripts import Scripts


def offer(hub: Hub, entry: Entry, scripts: Scripts) -> None:
    """Add ``script.turn_on``, ``turn_off``, ``toggle`` and ``reload``."""

    async def reload(call: ServiceCall) -> None:
        await apply_edits(hub, call.context)

    given = {vol.Optional("variables", default=dict): dict}
    shown: Mapping[str, Any] = {"variables": {"selector": {"object": {}}}}
    offer_actions(
        entry,
        {
            "turn_on": Action(_turn_on, "Start the script, and do not wait for its end.", given, shown),
            "turn_off": Action(_turn_off, "End what the script is doing."),
            "toggle": Action(_toggle, "Start a script that is idle, and end one that runs.", given, shown),
        },
    )
    entry.service("reload", reload, vol.Schema({}), description="Apply the configuration as it is on disk.")


def _turn_on(script: Script, call: ServiceCall) -> Awaitable[None]:
    return script.run(call.data["variables"], call.context, wait=False)


def _turn_off(script: Script, call: ServiceCall) -> Awaitable[None]:
    return script.stop_runs()


def _toggle(script: Script, call: ServiceCall) -> Awaitable[None]:
    return _turn_off(script, call) if script.state == "on" else _turn_on(script, call)
