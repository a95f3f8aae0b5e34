"""The shapes in which Home Assistant's clients read the hub: states, events, the configuration, services, as JSON.

Read from the REST and WebSocket APIs of 2025.4.4. Times are ISO 8601 in UTC with microseconds and offset.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import orjson

from nanobot import __version__
from nanobot.contracts.service import Response, Service
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.hub import Phase
from nanobot.hub.states import State, States
from nanobot.util.dt import iso
from nanobot.util.secrets import Secret

if TYPE_CHECKING:
    from nanobot.hub.entry import Entry
    from nanobot.hub.hub import Hub
    from nanobot.storage.credentials import Rights

HA_VERSION = "2025.4.4"
"""The release whose API this is. Clients look at it to know what they may ask for."""

MAX_DEPTH = 100  # of what is turned into JSON the slow way
_OPTIONS = orjson.OPT_NON_STR_KEYS
_UNITS = {
    "metric": {
        "length": "km",
        "accumulated_precipitation": "mm",
        "area": "m²",
        "mass": "g",
        "pressure": "Pa",
        "temperature": "°C",
        "volume": "L",
        "wind_speed": "m/s",
    },
    "us_customary": {
        "length": "mi",
        "accumulated_precipitation": "in",
        "area": "ft²",
        "mass": "lb",
        "pressure": "psi",
        "temperature": "°F",
        "volume": "gal",
        "wind_speed": "mph",
    },
}


# -- JSON -------------------------------------------------------------------------------------------


def to_json(value: Any) -> bytes:
    """Any value as JSON, and never an error: what JSON has no word for becomes text, a circle ends in ``null``.

    Sets are lists, ``timedelta`` is text like ``0:05:00``, NaN is null. States, events and contexts may stand anywhere
    in ``value``; each state and event is encoded once, however often it is asked for.
    """
    try:
        return orjson.dumps(value, default=_default, option=_OPTIONS)
    except (TypeError, RecursionError):  # a number of more than 64 bits, half of a surrogate pair, or a circle
        return json.dumps(_plain(value), ensure_ascii=True, separators=(",", ":")).encode("ascii")


def state_json(state: State) -> bytes:
    """``state_dict`` as JSON. Kept with the state, for it is read by many."""
    found = state.json
    if found is None:
        found = state.json = to_json(state_dict(state))
    return found


def states_json(states: Iterable[State]) -> bytes:
    """Several as a JSON list."""
    return b"[%b]" % b",".join([state.json or state_json(state) for state in states])


def all_states_json(states: States) -> bytes:
    """All of them as a JSON list. Kept until one changes, for many ask for them after a restart."""
    found = states.json
    if found is None:
        found = states.json = states_json(states.all())
    return found


def event_json(event: Event) -> bytes:
    """``event_dict`` as JSON. Kept with the event, for it goes to many."""
    found = event.json
    if found is None:
        found = event.json = to_json(event_dict(event))
    return found


def _default(value: Any) -> Any:
    """What orjson should take in place of something that it does not know."""
    match value:
        case State():
            return orjson.Fragment(state_json(value))
        case Event():
            return orjson.Fragment(event_json(value))
        case Context():
            return value.as_dict()
        case Mapping():
            return dict(value)
        case set() | frozenset() | deque():
            return list(value)
        case Decimal():
            return float(value)
        case PurePath():
            return value.as_posix()
        case bytes() | bytearray():
            return bytes(value).decode("utf-8", "replace")
        case Secret():
            return str(value)
    as_dict = getattr(value, "as_dict", None)
    return as_dict() if callable(as_dict) else str(value)


def _plain(value: Any, depth: int = 0) -> Any:
    """The same of JSON's own types alone."""
    if depth > MAX_DEPTH:
        return None
    match value:
        case Enum():
            return _plain(value.value, depth + 1)
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {_key(key): _plain(one, depth + 1) for key, one in value.items()}
        case list() | tuple() | set() | frozenset() | deque():
            return [_plain(one, depth + 1) for one in value]
        case datetime() | date() | time():
            return value.isoformat()
        case State():
            return _plain(state_dict(value), depth + 1)
        case Event():
            return _plain(event_dict(value), depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name), depth + 1) for one in dataclasses.fields(value)}
    replaced = _default(value)
    return replaced if isinstance(replaced, str) else _plain(replaced, depth + 1)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    return json.dumps(key) if key is None or isinstance(key, bool) else str(_plain(key))


# -- what happens -----------------------------------------------------------------------------------


def context_dict(context: Context) -> dict[str, str | None]:
    """``{id, parent_id, user_id}``."""
    return context.as_dict()


def state_dict(state: State) -> dict[str, Any]:
    """``{entity_id, state, attributes, last_changed, last_reported, last_updated, context}``."""
    return state.as_dict()


def event_dict(event: Event) -> dict[str, Any]:
    """``{event_type, data, origin, time_fired, context}``. States in the data are still ``State``: see ``to_json``."""
    return {
        "event_type": event.type,
        "data": event.data,
        "origin": event.origin,
        "time_fired": iso(event.time),
        "context": event.context.as_dict(),
    }


# -- what there is ----------------------------------------------------------------------------------


def components(hub: Hub) -> list[str]:
    """The domains that are set up, and those of entities that others bring."""
    loaded = {entry.domain for entry in hub.entries.values() if entry.state in ("loaded", "retrying")}
    return sorted({"homeassistant", *loaded, *(entity.entity_id.partition(".")[0] for entity in hub.entities)})


def phase(hub: Hub) -> str:
    """How far the hub is, for clients: they are told RUNNING when the start triggers have run."""
    return Phase.STARTING if hub.phase is Phase.RUNNING and not hub.settled else hub.phase.value


def config_dict(hub: Hub) -> dict[str, Any]:
    """``GET /api/config`` and ``get_config``, with the version of nanobot beside that of the API."""
    core = hub.config
    external = [str(folder) for folder in core.allowlist_external_dirs]
    return {
        "allowlist_external_dirs": external,
        "allowlist_external_urls": list(core.allowlist_external_urls),
        "components": components(hub),
        "config_dir": str(hub.config_dir),
        "config_source": "yaml",
        "country": core.country,
        "currency": core.currency,
        "debug": core.debug,
        "elevation": core.elevation,
        "external_url": core.external_url,
        "internal_url": core.internal_url,
        "language": core.language,
        "latitude": core.latitude,
        "location_name": core.name,
        "longitude": core.longitude,
        "nanobot_version": __version__,
        "radius": core.radius,
        "recovery_mode": hub.recovery is not None,
        "safe_mode": False,
        "state": phase(hub),
        "time_zone": core.time_zone,
        "unit_system": _UNITS[core.unit_system],
        "version": HA_VERSION,
        "whitelist_external_dirs": external,
    }


def service_dict(service: Service) -> dict[str, Any]:
    """``{name, description, fields, target?, response?}``."""
    shape: dict[str, Any] = {
        "name": service.title or service.name.replace("_", " ").capitalize(),
        "description": service.description,
        "fields": service.fields,
    }
    if service.entity_domain is not None:
        shape["target"] = {"entity": [{"domain": [service.entity_domain]}]}
    if service.response is not Response.NONE:
        shape["response"] = {"optional": service.response is Response.OPTIONAL}
    return shape


def services_dict(hub: Hub, rights: Rights | None = None) -> dict[str, dict[str, Any]]:
    """``{domain: {service: service_dict}}``, as ``get_services`` gives it; with ``rights`` that have a list of
    services, only these."""
    shapes: dict[str, dict[str, Any]] = {}
    listed = rights if rights is not None and rights.scope.services is not None else None
    for service in hub.services:
        if listed is not None and not listed.may_call(service.domain, service.name):
            continue
        shapes.setdefault(service.domain, {})[service.name] = service_dict(service)
    return shapes


_ENTRY_STATES = {
    "starting": "setup_in_progress",
    "loaded": "loaded",
    "retrying": "setup_retry",
    "failed": "setup_error",
    "stopped": "not_loaded",
}


def config_entry_dict(entry: Entry) -> dict[str, Any]:
    """What is configured, in the shape of a config entry. Its id is the key in the YAML; there are no flows."""
    return {
        "created_at": entry.since,
        "disabled_by": None,
        "domain": entry.domain,
        "entry_id": entry.id,
        "error_reason_translation_key": None,
        "error_reason_translation_placeholders": None,
        "modified_at": entry.since,
        "num_subentries": 0,
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "reason": entry.error,
        "source": "import",
        "state": _ENTRY_STATES[entry.state.value],
        "supported_subentry_types": {},
        "supports_options": False,
        "supports_reconfigure": False,
        "supports_remove_device": False,
        "supports_unload": True,
        "title": entry.id,
    }
