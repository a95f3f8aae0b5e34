"""``condition: numeric_state``: a number is above one bound and below another, both exclusive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.decide import Case
from nanobot.automation.numeric import OPTIONS, in_order, value_of, within
from nanobot.config import validators as cv
from nanobot.errors import ConditionError

SCHEMA = vol.Schema(vol.All(dict(OPTIONS), cv.has_at_least_one_key("above", "below"), in_order))


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
    number = value_of(case.hub, config, state, case.variables)
    if number is None:
        case.tell(state=None)
        return False
    case.tell(state=number)
    return within(case.hub, config, number, case.tell)
