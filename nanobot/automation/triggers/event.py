"""``trigger: event``: something was fired on the bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.errors import ConfigError
from nanobot.hub.bus import ALL, MAX_TYPE_LENGTH, Event, Filter
from nanobot.hub.hub import Hub
from nanobot.hub.states import STATE_REPORTED
from nanobot.templates import has_template, render_value
from nanobot.templates import validators as tv
from nanobot.util.text import shorten


def _event_type(value: Any) -> Any:
    if has_template(value):
        return tv.limited_template(value)
    text = str(cv.string(value))
    if wrong := _wrong(text):
        raise vol.Invalid(wrong)
    return text


def _wrong(event_type: str) -> str | None:
    """What is wrong with an event type, if anything is."""
    if event_type in (STATE_REPORTED, ALL):
        return f"'{event_type}' happens far too often to be a trigger"
    if not 0 < len(event_type) <= MAX_TYPE_LENGTH:
        return f"an event type has 1 to {MAX_TYPE_LENGTH} characters"
    return None


_MAPPING = vol.All(vol.Any(None, dict), lambda given: given or {}, tv.template_value)

SCHEMA = vol.Schema(
    {
        vol.Required("event_type"): vol.All(cv.ensure_list, vol.Length(min=1), [_event_type]),
        vol.Optional("event_data", default=dict): _MAPPING,
        vol.Optional("context", default=dict): vol.All(
            {vol.Any("id", "parent_id", "user_id"): vol.Any(str, None, [vol.Any(str, None)])}, tv.template_value
        ),
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``event``. The data of the event may hold more than ``event_data`` asks for.

    Templates are rendered once, here, and see no states.
    """
    wanted = render_value(hub, config["event_data"], watch.variables, limited=True)
    by = {
        name: cv.ensure_list(ids) if ids is not None else [None]
        for name, ids in render_value(hub, config["context"], watch.variables, limited=True).items()
    }
    types = [_rendered(hub, one, watch) for one in config["event_type"]]

    def happened(event: Event) -> None:
        context = event.context
        if by and not all(getattr(context, name) in ids for name, ids in by.items()):
            return
        watch.fire({"platform": "event", "event": event, "description": f"event '{event.type}'"}, context)

    accepts = _filter(wanted) if wanted else None
    removes = [hub.bus.listen(event_type, happened, filter=accepts) for event_type in types]

    def detach() -> None:
        for remove in removes:
            remove()

    return detach


def _rendered(hub: Hub, event_type: Any, watch: Watch) -> str:
    text = str(render_value(hub, event_type, watch.variables, limited=True))
    if wrong := _wrong(text):
        raise ConfigError(f"the template of event_type gave {shorten(text)}: {wrong}")
    return text


def _filter(wanted: Mapping[str, Any]) -> Filter:
    if any(isinstance(value, Mapping) for value in wanted.values()):
        # What stands within mappings is compared as Home Assistant 2025.4 does it, by a schema: there a key may be
        # missing, and a list holds what the items may be.
        fits = vol.Schema({vol.Required(key): value for key, value in wanted.items()}, extra=vol.ALLOW_EXTRA)
        return lambda data: _fits(fits, data)
    items = list(wanted.items())
    return lambda data: all(key in data and data[key] == value for key, value in items)


def _fits(schema: vol.Schema, data: Mapping[str, Any]) -> bool:
    try:
        schema(dict(data))
    except vol.Invalid:
        return False
    return True
