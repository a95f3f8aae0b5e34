"""The registries that are empty here (areas, devices, floors, labels), and which integration entities come from."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.contracts.entity import Entity
from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access

COLLECTIONS = ("tag", "zone")
"""What can be made over the API in Home Assistant, and is not known here."""


def nothing(call: SocketCall) -> Any:
    """There is no such thing here."""
    return []


def nobody(call: SocketCall) -> Any:
    """Neither made over the API nor in the YAML."""
    return {"storage": [], "config": []}


def follow_nothing(call: SocketCall) -> None:
    """There are no notifications, and none will come."""
    call.subscribe(lambda: None)
    call.event({"type": "current", "notifications": {}})


def entity_sources(call: SocketCall) -> Any:
    """Which integration each entity comes from."""
    return {one.entity_id: {"domain": platform(one), "custom_component": False} for one in call.hub.entities}


def platform(entity: Entity) -> str:
    return str(getattr(entity, "platform", None) or entity.entity_id.partition(".")[0])


_EMPTY = (*(f"config/{name}_registry" for name in ("area", "device", "floor", "label")), *COLLECTIONS)

STAND_INS = [
    *(SocketCommand(f"{name}/list", nothing, Access.READ) for name in _EMPTY),
    SocketCommand("person/list", nobody, Access.READ),
    SocketCommand("config/category_registry/list", nothing, Access.READ, vol.Schema({vol.Required("scope"): str})),
    SocketCommand("persistent_notification/get", nothing, Access.READ),
    SocketCommand("persistent_notification/subscribe", follow_nothing, Access.READ),
]

COMMANDS = [
    SocketCommand("entity/source", entity_sources, Access.READ),
]
