"""``condition: state``: things are in one of some states, if wanted for some time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.decide import Case
from nanobot.automation.duration import duration, seconds
from nanobot.config import validators as cv
from nanobot.config.wrong import expected
from nanobot.errors import ConditionError
from nanobot.hub.hub import Hub
from nanobot.hub.states import State


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text_unless_attribute(given: dict[str, Any]) -> dict[str, Any]:
    for value in given["state"] if "attribute" not in given else ():
        if not isinstance(value, (str, bool, int, float)):
            wrong = expected("text", value)
            wrong.prepend(["state"])
            raise wrong
    return given


SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Required("entity_id"): cv.entity_ids,
            vol.Required("state"): _listed,
            vol.Optional("attribute"): cv.string,
            vol.Optional("for"): duration,
            vol.Optional("match", default="all"): vol.In(["all", "any"]),
        },
        _text_unless_attribute,
    )
)

_INPUT = re.compile(r"input_[a-z]+\.[a-z0-9_]+")


def check(config: Mapping[str, Any], case: Case) -> bool:
    """Raises ``ConditionError`` for an entity that is not there, unless all have to hold and another one does not."""
    all_of_them = bool(config["match"] == "all")
    held: bool = all_of_them
    undecided: list[str] = []
    for entity_id in config["entity_id"]:
        try:
            if _one(config, entity_id, case):
                held = True
            elif all_of_them:
                return False
        except ConditionError as error:
            undecided.append(str(error))
    if undecided:
        raise ConditionError("; ".join(undecided))
    return held


def _one(config: Mapping[str, Any], entity_id: str, case: Case) -> bool:
    hub = case.hub
    state = hub.states.get(entity_id)
    if state is None:
        raise ConditionError(f"there is no entity {entity_id}")
    attribute = config.get("attribute")
    if attribute is not None and attribute not in state.attributes:
        case.tell(state=None, wanted_state=config["state"])
        return False
    value = state.state if attribute is None else state.attributes[attribute]
    wanted = [_wanted(hub, one, as_text=attribute is None) for one in config["state"]]
    case.tell(state=value, wanted_state=wanted[0] if len(wanted) == 1 else wanted)
    if value not in wanted:
        return False
    if "for" not in config:
        return True
    lasted, needed = _lasted(hub, state, attribute is not None), seconds(hub, config["for"], case.variables)
    case.tell(duration=lasted, wanted_duration=needed)
    return lasted >= needed


def _wanted(hub: Hub, value: Any, *, as_text: bool) -> Any:
    """The value itself, or the state of the input of that name."""
    if isinstance(value, str) and _INPUT.fullmatch(value) and (state := hub.states.get(value)) is not None:
        return state.state
    if as_text and isinstance(value, bool):
        return "on" if value else "off"  # what YAML made of a bare on or off
    return str(value) if as_text else value


def _lasted(hub: Hub, state: State, of_attribute: bool) -> float:
    return hub.clock.time() - (state.last_updated if of_attribute else state.last_changed)
