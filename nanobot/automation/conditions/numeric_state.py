"""``condition: numeric_state``: a number is above one bound and below another, both exclusive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.decide import Case
from nanobot.config import validators as cv
from nanobot.contracts.entity import UNAVAILABLE, UNKNOWN
from nanobot.errors import ConditionError
from nanobot.hub.hub import Hub
from nanobot.templates import TemplateError
from nanobot.templates import validators as tv

BOUND_DOMAINS = ("input_number", "number", "sensor", "zone", "counter")


def bound(value: Any) -> float | str:
    """A number, or an entity whose state is one."""
    if isinstance(value, str) and "." in value and not value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        return str(cv.entity_domain(*BOUND_DOMAINS)(value))
    return float(cv.number(value))


def in_order(config: dict[str, Any]) -> dict[str, Any]:
    """Refuse bounds between which no number lies."""
    above, below = config.get("above"), config.get("below")
    if isinstance(above, float) and isinstance(below, float) and above >= below:
        raise vol.Invalid(f"no number is above {above:g} and below {below:g}", path=["below"])
    return config


SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Required("entity_id"): cv.entity_ids,
            vol.Optional("attribute"): cv.string,
            vol.Optional("above"): bound,
            vol.Optional("below"): bound,
            vol.Optional("value_template"): tv.template,
        },
        cv.has_at_least_one_key("above", "below"),
        in_order,
    )
)


def check(config: Mapping[str, Any], case: Case) -> bool:
    """Of several entities all have to hold. Raises ``ConditionError`` for what is no number."""
    undecided: list[str] = []
    for entity_id in config["entity_id"]:
        try:
            if not _one(config, entity_id, case):
                return False
        except ConditionError as error:
            undecided.append(str(error))
    if undecided:
        raise ConditionError("; ".join(undecided))
    return True


def _one(config: Mapping[str, Any], entity_id: str, case: Case) -> bool:
    state = case.hub.states.get(entity_id)
    if state is None:
        raise ConditionError(f"there is no entity {entity_id}")
    template, attribute = config.get("value_template"), config.get("attribute")
    if template is not None:
        try:
            value: Any = template.render(case.hub, {**case.variables, "state": state})
        except TemplateError as error:
            raise ConditionError(str(error)) from error
    elif attribute is not None:
        value = state.attributes.get(attribute)
    else:
        value = state.state
    if value in (None, UNAVAILABLE, UNKNOWN):
        case.tell(state=value)
        return False
    number = _number(value, entity_id)
    below, above = _limit(case.hub, config.get("below")), _limit(case.hub, config.get("above"))
    case.tell(state=number, **({} if below is None else {"wanted_state_below": below}),
              **({} if above is None else {"wanted_state_above": above}))  # fmt: skip
    return (below is None or number < below) and (above is None or number > above)


def _limit(hub: Hub, limit: float | str | None) -> float | None:
    if limit is None or isinstance(limit, float):
        return limit
    state = hub.states.get(limit)
    if state is None:
        raise ConditionError(f"there is no entity {limit}, which is to be a bound")
    return _number(state.state, limit)


def _number(value: Any, entity_id: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConditionError(f"{entity_id} is '{value}', which is no number") from None
