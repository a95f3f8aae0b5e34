"""``trigger: homeassistant`` or ``trigger: nanobot``: nanobot has started, or is about to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.hub.hub import Hub

START = "start"
SHUTDOWN = "shutdown"

SCHEMA = vol.Schema({vol.Required("event"): cv.one_of(START, SHUTDOWN)})


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``event``. ``start`` does so once, when nanobot starts: not after an edit.

    What ``shutdown`` starts has 20 seconds, in which everything still works.
    """
    event = config["event"]
    told = {"platform": "homeassistant", "event": event}
    if event == SHUTDOWN:
        return hub.farewells.add(lambda: watch.ask({**told, "description": "Home Assistant stopping"}))
    if watch.starting:
        watch.fire({**told, "description": "Home Assistant starting"})
    return lambda: None
