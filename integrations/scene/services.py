"""The services of scenes: ``turn_on``, ``apply``, ``create``, ``delete`` and ``reload``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.errors import InvalidServiceData
from nanobot.hub.collection import Action, apply_edits, offer_actions, target_schema
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .item import Item, Wanted, states
from .reproduce import reproduce
from .scenes import DOMAIN, RELOADED, Scene, Scenes

LONGEST_TRANSITION = 6553.0  # s; what lamps can be told


def _transition(value: Any) -> float:
    return min(max(cv.number(value), 0.0), LONGEST_TRANSITION)


def _no_overlap(data: dict[str, Any]) -> dict[str, Any]:
    both = {one.entity_id for one in data["entities"]} & set(data["snapshot_entities"])
    if both:
        raise vol.Invalid(f"entities and snapshot_entities both name {', '.join(sorted(both))}")
    return data


APPLY = vol.Schema({vol.Required("entities"): states, vol.Optional("transition"): _transition})
CREATE = vol.Schema(
    vol.All(
        cv.has_at_least_one_key("entities", "snapshot_entities"),
        {
            vol.Required("scene_id"): cv.slug,
            vol.Optional("entities", default=dict): states,
            vol.Optional("snapshot_entities", default=list): cv.entity_ids,
        },
        _no_overlap,
    )
)

_TRANSITION = {"transition": {"selector": {"number": {"min": 0, "max": 300, "unit_of_measurement": "seconds"}}}}
_ENTITIES = {"entities": {"required": True, "selector": {"object": {}}}}
_CREATE = {
    "scene_id": {"required": True, "example": "all_lights", "selector": {"text": {}}},
    "entities": {"selector": {"object": {}}},
    "snapshot_entities": {"selector": {"entity": {"multiple": True}}},
}


def offer(hub: Hub, entry: Entry, scenes: Scenes) -> None:
    """Add them."""

    async def apply(call: ServiceCall) -> None:
        await reproduce(hub, call.data["entities"], call.context, transition=call.data.get("transition"))

    def create(call: ServiceCall) -> None:
        key = call.data["scene_id"]
        wanted = {one.entity_id: one for one in call.data["entities"]}
        for entity_id in call.data["snapshot_entities"]:
            state = hub.states.get(entity_id)
            if state is None:
                entry.log.warning("there is no %s, so the scene %s is without it", entity_id, key)
            else:
                wanted[entity_id] = Wanted(entity_id, state.state, state.attributes)
        if not wanted:
            entry.log.warning("the scene %s would be empty, so it is not made", key)
        elif not scenes.make(Item(key, key, tuple(wanted.values()))):
            entry.log.warning("the scene %s.%s is configured, so no other one is made of that name", DOMAIN, key)

    def delete(call: ServiceCall) -> None:
        for entity_id in call.data["entity_id"]:
            scene = hub.entities.get(entity_id)
            if not isinstance(scene, Scene):
                raise InvalidServiceData(f"there is no scene {entity_id}")
            if not scene.by_service:
                raise InvalidServiceData(f"{entity_id} was not made by scene.create; take it out of the configuration")
            scenes.discard(entity_id)

    async def reload(call: ServiceCall) -> None:
        scenes.announced += 1
        try:
            await apply_edits(hub, call.context)
        finally:
            scenes.announced -= 1
        scenes.discard_all()
        hub.bus.fire(RELOADED, {}, call.context)

    offer_actions(
        entry,
        {
            "turn_on": Action(
                _turn_on, "Make things as the scene says.", {vol.Optional("transition"): _transition}, _TRANSITION
            )
        },
    )
    entry.service("apply", apply, APPLY, description="Make things so, without a scene.", fields=_ENTITIES | _TRANSITION)
    entry.service("create", create, CREATE, description="Make a scene that lasts until a reload.", fields=_CREATE)
    entry.service(
        "delete", delete, target_schema(), description="Take away a scene that a service made.", entity_domain=DOMAIN
    )
    entry.service("reload", reload, vol.Schema({}), description="Apply the configuration as it is on disk.", admin=True)


def _turn_on(scene: Scene, call: ServiceCall) -> Awaitable[None]:
    return scene.turn_on(call.context, call.data.get("transition"))
