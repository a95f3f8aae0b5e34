"""Numbers between bounds, which are numbers or entities: for triggers and conditions alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.entity import UNAVAILABLE, UNKNOWN
from nanobot.errors import ConditionError
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.templates import TemplateError
from nanobot.templates import validators as tv

BOUND_DOMAINS = ("input_number", "number", "sensor", "zone", "counter")
_NO_NUMBER = (None, UNAVAILABLE, UNKNOWN)


def bound(value: Any) -> float | str:
    """A number, or an entity whose state is one."""
    if isinstance(value, str) and "." in value and not value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        return str(cv.entity_domain(*BOUND_DOMAINS)(value))
    return float(cv.number(value))


def in_order(config: dict[str, Any]) -> dict[str, Any]:
    """Refuse bounds between which no number lies."""
    above, below = config.get("above"), config.get("below")
    if isinstance(above, float) and isinstance(below, float) and above > below:
        raise vol.Invalid(f"no number is above {above:g} and below {below:g}", path=["below"])
    return config


OPTIONS: Mapping[Any, Any] = {
    vol.Required("entity_id"): cv.entity_ids,
    vol.Optional("attribute"): cv.string,
    vol.Optional("above"): bound,
    vol.Optional("below"): bound,
    vol.Optional("value_template"): tv.template,
}


def value_of(hub: Hub, config: Mapping[str, Any], state: State, variables: Mapping[str, Any]) -> float | None:
    """The number that is compared, None where there is none. Raises ``ConditionError`` for what is no number."""
    template, attribute = config.get("value_template"), config.get("attribute")
    if attribute is not None and attribute not in state.attributes:
        return None
    if template is not None:
        try:
            value: Any = template.render(hub, {**variables, "state": state})
        except TemplateError as error:
            raise ConditionError(str(error)) from error
    else:
        value = state.state if attribute is None else state.attributes[attribute]
    return None if value in _NO_NUMBER else _number(value, state.entity_id)


def within(hub: Hub, config: Mapping[str, Any], value: float, tell: Callable[..., None] = lambda **found: None) -> bool:
    """Whether a number lies between the bounds, which it may not touch. A bound without a value holds nothing.

    Raises ``ConditionError`` for a bound that is not there. ``tell`` is given what it is compared with.
    """
    for name in ("below", "above"):
        if name not in config:
            continue
        limit = _limit(hub, config[name])
        tell(**{f"wanted_state_{name}": limit})
        if limit is None or not (value < limit if name == "below" else value > limit):
            return False
    return True


def _limit(hub: Hub, limit: float | str) -> float | None:
    if isinstance(limit, float):
        return limit
    state = hub.states.get(limit)
    if state is None:
        raise ConditionError(f"there is no entity {limit}, which is to be a bound")
    return None if state.state in _NO_NUMBER else _number(state.state, limit)


def _number(value: Any, entity_id: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConditionError(f"{entity_id} is '{value}', which is no number") from None
