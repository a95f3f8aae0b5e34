"""Groups: several things as one, with the state that they have together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .groups import Groups
from .services import offer


def _long_form(value: Any) -> Any:
    """``hall: light.a, light.b`` is ``hall: {entities: light.a, light.b}``."""
    return value if isinstance(value, dict) else {"entities": value}


def _members(value: Any) -> list[str]:
    return [] if value is None else cv.entity_ids(value)


CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        vol.All(
            _long_form,
            {
                vol.Optional("name"): cv.string,
                vol.Optional("icon"): cv.icon,
                vol.Optional("entities", default=list): _members,
                vol.Optional("all", default=False): cv.boolean,
            },
        ),
        any_name=True,
    )
)


async def setup(hub: Hub, entry: Entry) -> None:
    groups = entry.data = Groups(entry)
    groups.update(entry.config)
    offer(hub, entry, groups)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    entry.data.update(config)
    return True
