"""``trigger: event``: something was fired on the bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Fire
from nanobot.hub.bus import ALL, MAX_TYPE_LENGTH, Event, Filter
from nanobot.hub.hub import Hub
from nanobot.hub.states import STATE_REPORTED


def _event_type(value: Any) -> str:
    text = str(cv.string(value))
    if text in (STATE_REPORTED, ALL):
        raise vol.Invalid(f"'{text}' happens far too often to be a trigger")
    if not 0 < len(text) <= MAX_TYPE_LENGTH:
        raise vol.Invalid(f"has 1 to {MAX_TYPE_LENGTH} characters")
    return text


SCHEMA = vol.Schema(
    {
        vol.Required("event_type"): vol.All(cv.ensure_list, [_event_type]),
        vol.Optional("event_data", default=dict): vol.All(vol.Any(None, dict), lambda data: data or {}),
        vol.Optional("context", default=dict): {
            vol.Any("id", "parent_id", "user_id"): vol.All(cv.ensure_list, [vol.Any(str, None)])
        },
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], fire: Fire) -> Detach:
    """Fires with ``event``. The data of the event may hold more than ``event_data`` asks for."""
    wanted, by = config["event_data"], config["context"]

    def happened(event: Event) -> None:
        context = event.context
        if by and not all(getattr(context, name) in ids for name, ids in by.items()):
            return
        fire({"platform": "event", "event": event, "description": f"event '{event.type}'"}, context)

    removes = [
        hub.bus.listen(event_type, happened, filter=_filter(wanted) if wanted else None)
        for event_type in config["event_type"]
    ]

    def detach() -> None:
        for remove in removes:
            remove()

    return detach


def _filter(wanted: Mapping[str, Any]) -> Filter:
    return lambda data: _holds(data, wanted)


def _holds(data: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether ``data`` has all that is wanted, also within mappings. 1 is not "1"."""
    if not isinstance(data, Mapping):
        return False
    for key, value in wanted.items():
        if key not in data:
            return False
        if not (_holds(data[key], value) if isinstance(value, Mapping) else data[key] == value):
            return False
    return True
