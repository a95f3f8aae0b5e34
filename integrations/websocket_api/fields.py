"""What stands in messages again and again. Functions, since these are checked a thousand times a second."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.config.wrong import expected
from nanobot.hub.bus import MAX_TYPE_LENGTH

LONGEST_NAME = 255  # characters
TARGETS = frozenset({"entity_id", "device_id", "area_id", "floor_id", "label_id"})


def event_type(value: Any) -> str:
    """1 to 64 characters."""
    if type(value) is str and 0 < len(value) <= MAX_TYPE_LENGTH:
        return value
    raise vol.Invalid(f"has to be a text of 1 to {MAX_TYPE_LENGTH} characters")


def name(value: Any) -> str:
    """1 to 255 characters."""
    if type(value) is str and 0 < len(value) <= LONGEST_NAME:
        return value
    raise vol.Invalid(f"has to be a text of 1 to {LONGEST_NAME} characters")


def mapping(value: Any) -> dict[str, Any]:
    """A mapping, or null for an empty one."""
    if value is None:
        return {}
    if type(value) is dict:
        return value
    raise expected("mapping", value)


def target(value: Any) -> dict[str, Any]:
    """Ids of entities and the like: ``{entity_id: one or a list}``."""
    for key, ids in mapping(value).items():
        if key not in TARGETS:
            raise vol.Invalid(f"there is no such target; there are {', '.join(sorted(TARGETS))}", path=[key])
        if not (ids is None or type(ids) is str or (type(ids) is list and all(type(one) is str for one in ids))):
            raise expected("text,list", ids)
    return value or {}


def flag(value: Any) -> bool:
    """true or false."""
    if type(value) is bool:
        return value
    raise expected("bool", value)
