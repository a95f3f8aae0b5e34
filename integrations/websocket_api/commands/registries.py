"""The registries of Home Assistant: entities as they are here; areas, devices, floors and labels there are none.

Shapes of Home Assistant 2025.4, which some clients check strictly.
"""

from __future__ import annotations

import hashlib
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts import socket_command as sc
from nanobot.contracts.entity import Entity
from nanobot.contracts.runnable import Runnable
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub

COLLECTIONS = ("person", "tag", "zone")
"""What can be made over the API in Home Assistant, and is not known here."""


def nothing(call: SocketCall) -> Any:
    """There is no such thing here."""
    return []


def follow_nothing(call: SocketCall) -> None:
    """There are no notifications, and none will come."""
    call.subscribe(lambda: None)
    call.event({"type": "current", "notifications": {}})


def entities(call: SocketCall) -> Any:
    """The entities that keep their identity."""
    return [shape(call.hub, entity) for entity in call.hub.entities if _unique_id(entity)]


def entity(call: SocketCall) -> Any:
    """One of them, with all there is to know."""
    return _extended(call.hub, _known(call.hub, call.data["entity_id"]))


def some_entities(call: SocketCall) -> Any:
    """Several of them; None for those that are not there."""
    found = {}
    for entity_id in call.data["entity_ids"]:
        one = call.hub.entities.get(entity_id)
        found[entity_id] = _extended(call.hub, one) if one is not None and _unique_id(one) else None
    return found


def entities_for_display(call: SocketCall) -> Any:
    """The entities as short as they can be said."""
    shown = []
    for one in call.hub.entities:
        if not _unique_id(one):
            continue
        short: dict[str, Any] = {"ei": one.entity_id, "pl": _platform(one), "lb": []}
        if one.name:
            short["en"] = one.name
        if one.icon:
            short["ic"] = one.icon
        shown.append(short)
    return {"entity_categories": {"0": "config", "1": "diagnostic"}, "entities": shown}


def entity_sources(call: SocketCall) -> Any:
    """Which integration each entity comes from."""
    return {one.entity_id: {"domain": _platform(one), "custom_component": False} for one in call.hub.entities}


def shape(hub: Hub, entity: Entity) -> dict[str, Any]:
    """An entry of the entity registry."""
    return {
        "area_id": None,
        "categories": {},
        "config_entry_id": None,
        "config_subentry_id": None,
        "created_at": 0.0,
        "device_id": None,
        "disabled_by": None,
        "entity_category": None,
        "entity_id": entity.entity_id,
        "has_entity_name": False,
        "hidden_by": None,
        "icon": None,
        "id": hashlib.md5(entity.entity_id.encode(), usedforsecurity=False).hexdigest(),
        "labels": [],
        "modified_at": 0.0,
        "name": None,
        "options": {},
        "original_name": entity.name,
        "platform": _platform(entity),
        "translation_key": None,
        "unique_id": _unique_id(entity),
    }


def _extended(hub: Hub, entity: Entity) -> dict[str, Any]:
    state = hub.states.get(entity.entity_id)
    attributes = state.attributes if state is not None else {}
    return {
        **shape(hub, entity),
        "aliases": [],
        "capabilities": None,
        "device_class": None,
        "original_device_class": attributes.get("device_class"),
        "original_icon": entity.icon,
    }


def _known(hub: Hub, entity_id: str) -> Entity:
    found = hub.entities.get(entity_id)
    if found is None or not _unique_id(found):
        raise SocketError(sc.NOT_FOUND, "Entity not found")
    return found


def _unique_id(entity: Entity) -> str | None:
    """What it keeps when it is renamed; None: nothing, as with an automation without ``id``."""
    if isinstance(entity, Runnable):
        return entity.item_id
    found = getattr(entity, "unique_id", entity.entity_id.partition(".")[2])
    return None if found is None else str(found)


def _platform(entity: Entity) -> str:
    return str(getattr(entity, "platform", None) or entity.entity_id.partition(".")[0])


_ENTITY = vol.Schema({vol.Required("entity_id"): cv.entity_id})

_EMPTY = (*(f"config/{name}_registry" for name in ("area", "device", "floor", "label")), *COLLECTIONS)

STAND_INS = [
    *(SocketCommand(f"{name}/list", nothing, Access.READ) for name in _EMPTY),
    SocketCommand("config/category_registry/list", nothing, Access.READ, vol.Schema({vol.Required("scope"): str})),
    SocketCommand("persistent_notification/get", nothing, Access.READ),
    SocketCommand("persistent_notification/subscribe", follow_nothing, Access.READ),
]

COMMANDS = [
    SocketCommand("config/entity_registry/list", entities, Access.READ),
    SocketCommand("config/entity_registry/get", entity, Access.READ, _ENTITY),
    SocketCommand(
        "config/entity_registry/get_entries",
        some_entities,
        Access.READ,
        vol.Schema({vol.Required("entity_ids"): cv.entity_ids}),
    ),
    SocketCommand("config/entity_registry/list_for_display", entities_for_display, Access.READ),
    SocketCommand("entity/source", entity_sources, Access.READ),
]
