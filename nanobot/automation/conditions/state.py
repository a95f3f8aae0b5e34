"""``condition: state``: things are in one of some states, if wanted for some time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.errors import ConfigError
from nanobot.hub.hub import Hub
from nanobot.hub.states import State

SCHEMA = vol.Schema(
    {
        vol.Required("entity_id"): cv.entity_ids,
        vol.Required("state"): vol.All(cv.ensure_list, [vol.Any(str, bool, int, float)]),
        vol.Optional("attribute"): cv.string,
        vol.Optional("for"): cv.positive_time_period,
        vol.Optional("match", default="all"): vol.In(["all", "any"]),
    }
)

_INPUT = re.compile(r"input_[a-z]+\.[a-z0-9_]+")


def check(hub: Hub, config: Mapping[str, Any], variables: Mapping[str, Any]) -> bool:
    """Raises ``ConfigError`` for an entity or attribute that is not there."""
    results = (_one(hub, config, entity_id) for entity_id in config["entity_id"])
    return any(results) if config["match"] == "any" else all(results)


def _one(hub: Hub, config: Mapping[str, Any], entity_id: str) -> bool:
    state = hub.states.get(entity_id)
    if state is None:
        raise ConfigError(f"there is no entity {entity_id}")
    attribute = config.get("attribute")
    if attribute is None:
        value: Any = state.state
    elif attribute in state.attributes:
        value = state.attributes[attribute]
    else:
        return False
    if not any(value == _wanted(hub, one, as_text=attribute is None) for one in config["state"]):
        return False
    return "for" not in config or _lasted(hub, state, attribute is not None) >= config["for"].total_seconds()


def _wanted(hub: Hub, value: Any, *, as_text: bool) -> Any:
    """The value itself, or the state of the input of that name."""
    if isinstance(value, str) and _INPUT.fullmatch(value) and (state := hub.states.get(value)) is not None:
        return state.state
    if as_text and isinstance(value, bool):
        return "on" if value else "off"  # what YAML made of a bare on or off
    return str(value) if as_text else value


def _lasted(hub: Hub, state: State, of_attribute: bool) -> float:
    return hub.clock.time() - (state.last_updated if of_attribute else state.last_changed)
