"""The entity registry of Home Assistant: the entities that keep their identity, and what people have them called.

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

from ..kept import Kept
from .registries import platform

UPDATED = "entity_registry_updated"
MAX_NAME = 255
MAX_ALIASES = 50

_TEXT = vol.Any(None, vol.All(str, vol.Length(max=MAX_NAME)))
_ENTITY = vol.Schema({vol.Required("entity_id"): cv.entity_id})
_KEPT = {
    vol.Optional("name"): _TEXT,
    vol.Optional("icon"): _TEXT,
    vol.Optional("hidden_by"): vol.Any(None, "user"),
    vol.Optional("aliases"): vol.All([vol.All(str, vol.Length(max=MAX_NAME))], vol.Length(max=MAX_ALIASES)),
}
_ELSEWHERE = {
    "area_id": "there are no areas",
    "categories": "there are none",
    "device_class": "the integration says what it is",
    "disabled_by": "take it out of the configuration",
    "labels": "there are none",
    "new_entity_id": "the configuration says what it is called",
    "options": "the integration keeps its own",
    "options_domain": "the integration keeps its own",
}
"""What is not for the registry to change, and where that is done. Clients send it all the same, as it is."""


class EntityRegistry:
    """Its commands. Names and icons that it keeps show in the states."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def commands(self) -> list[SocketCommand]:
        """All of them."""
        ids = vol.Schema({vol.Required("entity_ids"): cv.entity_ids})
        change = _ENTITY.extend({**_KEPT, **{vol.Optional(key): object for key in _ELSEWHERE}})
        start = "config/entity_registry"
        return [
            SocketCommand(f"{start}/list", self.list, Access.READ),
            SocketCommand(f"{start}/get", self.get, Access.READ, _ENTITY),
            SocketCommand(f"{start}/get_entries", self.get_entries, Access.READ, ids),
            SocketCommand(f"{start}/list_for_display", self.list_for_display, Access.READ),
            SocketCommand(f"{start}/update", self.update, Access.ADMIN, change),
        ]

    def get(self, call: SocketCall) -> Any:
        """One entity, with all there is to know."""
        return self._extended(call, _known(call))

    def get_entries(self, call: SocketCall) -> Any:
        """Several of them; None for those that are not there."""
        found = {}
        for entity_id in call.data["entity_ids"]:
            one = call.hub.entities.get(entity_id)
            found[entity_id] = self._extended(call, one) if one is not None and _unique_id(one) else None
        return found

    def list_for_display(self, call: SocketCall) -> Any:
        """The entities as short as they can be said."""
        shown = []
        for one in call.hub.entities:
            if not _unique_id(one):
                continue
            kept = self._of(one)
            short: dict[str, Any] = {"ei": one.entity_id, "pl": platform(one), "lb": []}
            if name := kept.get("name") or one.name:
                short["en"] = name
            if icon := kept.get("icon") or one.icon:
                short["ic"] = icon
            if kept.get("hidden_by"):
                short["hb"] = True
            shown.append(short)
        return {"entity_categories": {"0": "config", "1": "diagnostic"}, "entities": shown}

    def update(self, call: SocketCall) -> Any:
        """Keep what is named; the state follows at once."""
        entity = _known(call)
        data = dict(call.data)
        del data["entity_id"]
        for key, why in _ELSEWHERE.items():
            value = data.pop(key, None)
            if not _is_as_it_is(value) and not (key == "new_entity_id" and value == entity.entity_id):
                raise SocketError(sc.NOT_SUPPORTED, f"{key} cannot be changed here: {why}")
        before = self._of(entity)
        changes = {key: before.get(key) for key, value in data.items() if before.get(key) != (value or None)}
        if changes:
            now = {key: value for key, value in {**before, **data}.items() if value}
            now["modified_at"] = call.hub.clock.time()
            self._kept.entities[entity.entity_id] = now
            self._kept.save()
            call.hub.entities.write(entity, call.context)
            told = {"action": "update", "entity_id": entity.entity_id, "changes": changes}
            call.hub.bus.fire(UPDATED, told, call.context)
        return {"entity_entry": self._extended(call, entity)}

    def _of(self, entity: Entity) -> dict[str, Any]:
        return self._kept.entities.get(entity.entity_id, {})

    def _shape(self, entity: Entity) -> dict[str, Any]:
        kept = self._of(entity)
        exposed = self._kept.exposed.get(entity.entity_id, {})
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
            "hidden_by": kept.get("hidden_by"),
            "icon": kept.get("icon"),
            "id": hashlib.md5(entity.entity_id.encode(), usedforsecurity=False).hexdigest(),
            "labels": [],
            "modified_at": kept.get("modified_at", 0.0),
            "name": kept.get("name"),
            "options": {to: {"should_expose": yes} for to, yes in exposed.items()},
            "original_name": entity.name,
            "platform": platform(entity),
            "translation_key": None,
            "unique_id": _unique_id(entity),
        }

    def _extended(self, call: SocketCall, entity: Entity) -> dict[str, Any]:
        state = call.hub.states.get(entity.entity_id)
        attributes = state.attributes if state is not None else {}
        return {
            **self._shape(entity),
            "aliases": self._of(entity).get("aliases", []),
            "capabilities": None,
            "device_class": None,
            "original_device_class": attributes.get("device_class"),
            "original_icon": entity.icon,
        }

    def list(self, call: SocketCall) -> Any:
        """The entities that keep their identity."""
        return [self._shape(entity) for entity in call.hub.entities if _unique_id(entity)]


def _known(call: SocketCall) -> Entity:
    found = call.hub.entities.get(call.data["entity_id"])
    if found is None or not _unique_id(found):
        raise SocketError(sc.NOT_FOUND, "Entity not found")
    return found


def _is_as_it_is(value: Any) -> bool:
    """Whether it says nothing: None, nothing in it, or None for each of several."""
    return value is None or value == [] or (isinstance(value, dict) and all(one is None for one in value.values()))


def _unique_id(entity: Entity) -> str | None:
    """What it keeps when it is renamed; None: nothing, as with an automation without ``id``."""
    if isinstance(entity, Runnable):
        return entity.item_id
    found = getattr(entity, "unique_id", entity.entity_id.partition(".")[2])
    return None if found is None else str(found)
