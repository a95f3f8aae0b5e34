"""``trigger: config_applied``: an edit of the configuration was applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub

EVENT = "config_applied"
REJECTED = "config_rejected"
LISTS = ("added", "changed", "removed")

SCHEMA = vol.Schema(
    {
        vol.Optional("entry"): vol.All(cv.ensure_list, vol.Length(min=1, msg="names no entry"), [cv.string]),
        vol.Optional("problems"): cv.boolean,
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``added``, ``changed``, ``removed`` (ids of entries), ``problems``, and ``rejected``: the files could
    not be read at all, so nothing was applied.

    ``entry``: only when one of these was touched. ``problems``: only with problems, or only without.
    """
    entries = set(config.get("entry", ()))

    def happened(event: Event) -> None:
        touched = {name: list(event.data.get(name, ())) for name in LISTS}
        problems = list(event.data.get("problems", ()))
        if entries and entries.isdisjoint(entry for names in touched.values() for entry in names):
            return
        if "problems" in config and bool(problems) is not config["problems"]:
            return
        rejected = event.type == REJECTED
        description = "configuration rejected" if rejected else "configuration applied"
        watch.fire(
            {
                "platform": "config_applied",
                **touched,
                "problems": problems,
                "rejected": rejected,
                "description": description,
            },
            event.context,
        )

    removes = [hub.bus.listen(event, happened) for event in (EVENT, REJECTED)]

    def detach() -> None:
        for remove in removes:
            remove()

    return detach
