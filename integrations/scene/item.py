"""A scene as it is written: states by entity, each alone or with attributes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.wrong import expected
from nanobot.util.text import shorten


@dataclass(frozen=True, slots=True)
class Wanted:
    """How one thing is to be."""

    entity_id: str
    state: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """``key`` is what a scene is known by from edit to edit."""

    key: str
    name: str
    wanted: tuple[Wanted, ...]
    id: str | None = None
    icon: str | None = None


def states(value: Any) -> tuple[Wanted, ...]:
    """``{light.a: "on", light.b: {state: "on", brightness: 30}}``; on and off need no quotes."""
    if not isinstance(value, dict):
        raise expected("mapping", value)
    found: dict[str, Wanted] = {}
    errors: list[vol.Invalid] = []
    for key, given in value.items():
        try:
            wanted = _wanted(key, given)
        except vol.Invalid as error:
            error.prepend([key])
            errors.append(error)
        else:
            found[wanted.entity_id] = wanted
    if errors:
        raise vol.MultipleInvalid(errors)
    return tuple(found.values())


def _wanted(key: Any, given: Any) -> Wanted:
    entity_id = cv.entity_id(key)
    attributes = dict(given) if isinstance(given, dict) else {}
    state = attributes.pop("state", None) if isinstance(given, dict) else given
    if isinstance(state, bool):
        state = "on" if state else "off"
    if state is None:
        raise vol.Invalid(f"say which state {entity_id} is to have")
    if not isinstance(state, str):
        hint = f'; write it in quotes: "{state}"' if isinstance(state, (int, float)) else ""
        raise vol.Invalid(f"a state is a text, and {shorten(state)} is none{hint}")
    return Wanted(entity_id, state, attributes)


SCENE = vol.Schema(
    {
        vol.Optional("id"): cv.string,
        vol.Required("name"): cv.string,
        vol.Optional("icon"): cv.icon,
        vol.Required("entities"): states,
        vol.Optional("metadata"): dict,
    }
)


class Items(cv.Items):
    """The list of all scenes."""

    def __init__(self) -> None:
        super().__init__(SCENE, by="index")

    def one(self, key: Hashable, item: Any) -> Item:
        if isinstance(key, tuple) and isinstance(item, Mapping) and item.get("id") is not None:
            raise vol.Invalid(f"the id '{key[0]}' belongs to a scene above; give this one another", ["id"])
        checked = super().one(key, item)
        known_as = f"{key[0]} {key[1]}" if isinstance(key, tuple) else str(key)
        return Item(known_as, checked["name"], checked["entities"], checked.get("id"), checked.get("icon"))
