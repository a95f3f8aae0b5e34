"""``search/related``: what belongs together, such as an entity and the automations that name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.runnable import Runnable
from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access

COLLECTIONS = ("group", "scene")
"""The domains whose entities tell in ``entity_id`` whom they consist of."""
ITEM_TYPES = ("area", "automation", "automation_blueprint", "config_entry", "device", "entity", "floor", "group",
              "integration", "label", "person", "scene", "script", "script_blueprint")  # fmt: skip
_ENTITY_ID = re.compile(r"\b[a-z0-9_]+\.[a-z0-9_]+\b")


def related(call: SocketCall) -> Any:
    """Which entities an automation, script, group or scene names, and the reverse; and which use a blueprint."""
    kind, item = call.data["item_type"], call.data["item_id"]
    states = call.hub.states
    found: dict[str, set[str]] = {}
    for one in call.hub.runnables:
        named = {entity_id for entity_id in _named(one.written) if entity_id in states}
        blueprint = _blueprint(one)
        if kind in ("automation", "script") and one.entity_id == item:
            found.setdefault("entity", set()).update(named - {item})
            if blueprint is not None:
                found[f"{one.domain}_blueprint"] = {blueprint}
        elif (kind == "entity" and item in named) or (kind == f"{one.domain}_blueprint" and item == blueprint):
            found.setdefault(one.domain, set()).add(one.entity_id)
    for domain in COLLECTIONS:
        for state in states.all(domain):
            members = state.attributes.get("entity_id") or ()
            if kind == domain and state.entity_id == item:
                found.setdefault("entity", set()).update(members)
            elif kind == "entity" and item in members:
                found.setdefault(domain, set()).add(state.entity_id)
    return {key: sorted(ids) for key, ids in found.items() if ids}


def _blueprint(one: Runnable) -> str | None:
    use = one.written.get("use_blueprint")
    path = use.get("path") if isinstance(use, Mapping) else None
    return path if isinstance(path, str) else None


def _named(value: Any) -> set[str]:
    """What looks like an entity id, wherever it stands."""
    if isinstance(value, str):
        return set(_ENTITY_ID.findall(value))
    if isinstance(value, Mapping):
        return {found for one in (*value.keys(), *value.values()) for found in _named(one)}
    if isinstance(value, (list, tuple)):
        return {found for one in value for found in _named(one)}
    return set()


COMMANDS = [
    SocketCommand(
        "search/related",
        related,
        Access.USER,
        vol.Schema({vol.Required("item_type"): vol.In(ITEM_TYPES), vol.Required("item_id"): str}),
    ),
]
