"""The services of groups: ``group.set``, ``group.remove`` and ``group.reload``."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.hub.collection import apply_edits
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.groups import PREFIX
from nanobot.hub.hub import Hub

from .group import Definition
from .groups import Groups

_CHANGES = ("entities", "add_entities", "remove_entities")

SET = vol.Schema(
    vol.All(
        {
            vol.Required("object_id"): cv.slug,
            vol.Optional("name"): cv.string,
            vol.Optional("icon"): cv.string,
            vol.Optional("all"): cv.boolean,
            **{vol.Optional(key): cv.entity_ids for key in _CHANGES},
        },
        cv.has_at_most_one_key(*_CHANGES),
    )
)
REMOVE = vol.Schema({vol.Required("object_id"): cv.slug})

_OBJECT_ID = {"object_id": {"required": True, "example": "living_room", "selector": {"text": {}}}}
_SHOWN = {
    **_OBJECT_ID,
    "name": {"selector": {"text": {}}},
    "icon": {"selector": {"icon": {}}},
    **{key: {"selector": {"entity": {"multiple": True}}} for key in _CHANGES},
    "all": {"selector": {"boolean": {}}},
}


def offer(hub: Hub, entry: Entry, groups: Groups) -> None:
    """Add them."""

    def set_(call: ServiceCall) -> None:
        entity_id = PREFIX + call.data["object_id"]
        group = groups.get(entity_id)
        if group is None:
            groups.put(entity_id, _new(call.data), call.context, by_service=True)
        else:
            groups.put(entity_id, _changed(group.definition, call.data), call.context)

    def remove(call: ServiceCall) -> None:
        entity_id = PREFIX + call.data["object_id"]
        if groups.get(entity_id) is None:
            entry.log.warning("there is no group %s", entity_id)
        else:
            groups.remove(entity_id)

    async def reload(call: ServiceCall) -> None:
        await apply_edits(hub, call.context)
        if entry.state is EntryState.LOADED:
            groups.update(entry.config)  # also what group.set and group.remove made of the configured ones

    entry.service("set", set_, SET, description="Make a group, or change one.", fields=_SHOWN)
    entry.service("remove", remove, REMOVE, description="Take a group away.", fields=_OBJECT_ID)
    entry.service("reload", reload, vol.Schema({}), description="Apply the configuration as it is on disk.")


def _new(data: Any) -> Definition:
    members = data.get("entities") or data.get("add_entities") or ()
    return Definition(
        data.get("name", data["object_id"]), tuple(members), data.get("icon"), bool(data.get("all", False))
    )


def _changed(before: Definition, data: Any) -> Definition:
    members = tuple(data.get("entities", before.members))
    if added := data.get("add_entities"):
        members = tuple(dict.fromkeys((*members, *added)))
    if gone := data.get("remove_entities"):
        members = tuple(one for one in members if one not in gone)
    return Definition(
        data.get("name", before.name), members, data.get("icon", before.icon), data.get("all", before.every)
    )
