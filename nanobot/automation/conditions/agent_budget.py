"""``condition: agent_budget``: a budget for models has not been used up, or no more of it than so much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.decide import Case
from nanobot.config import validators as cv
from nanobot.contracts.entity import UNAVAILABLE, UNKNOWN
from nanobot.errors import ConditionError
from nanobot.util.text import nearest, slugify

DOMAIN = "budget"
LEFT = {"cost_remaining_above": "cost_remaining", "tokens_remaining_above": "tokens_remaining"}
"""Options, and the attributes that they ask for."""

_PERCENT = vol.All(cv.number, vol.Range(min=0, max=1000))

_LEFT = vol.All(cv.number, vol.Range(min=0))

SCHEMA = vol.Schema(
    {
        vol.Required("budget"): cv.string,
        vol.Optional("of"): cv.string,
        vol.Optional("below"): _PERCENT,
        vol.Optional("above"): _PERCENT,
        vol.Optional("cost_remaining_above"): _LEFT,
        vol.Optional("tokens_remaining_above"): _LEFT,
    }
)


def entity_of(budget: str) -> str:
    """``daily`` and ``budget.daily`` are ``budget.daily``."""
    return f"{DOMAIN}.{slugify(budget.removeprefix(f'{DOMAIN}.'))}"


def check(config: Mapping[str, Any], case: Case) -> bool:
    """Without a bound: there is something left. Raises ``ConditionError`` for a budget that is not there."""
    entity_id = entity_of(config["budget"])
    state = case.hub.states.get(entity_id)
    if state is None:
        known = [one.entity_id.partition(".")[2] for one in case.hub.states if one.domain == DOMAIN]
        near = nearest(config["budget"], known)
        raise ConditionError(f"there is no budget '{config['budget']}'" + (f"; did you mean '{near}'?" if near else ""))
    if state.state in (UNAVAILABLE, UNKNOWN):
        raise ConditionError(f"what is used of {entity_id} is not known")
    used = float(state.attributes.get("by", {}).get(config["of"], 0.0) if "of" in config else state.state)
    case.tell(used=used)
    if "below" not in config and "above" not in config and LEFT.keys().isdisjoint(config):
        return used < 100
    return (
        used < config.get("below", float("inf"))
        and used > config.get("above", -1.0)
        and all(_left(state.attributes, name, config["budget"], case) > config[option]
                for option, name in LEFT.items() if option in config)
    )  # fmt: skip


def _left(attributes: Mapping[str, Any], name: str, budget: str, case: Case) -> float:
    if name not in attributes:
        raise ConditionError(f"the budget '{budget}' has no limit of that kind")
    case.tell(**{name: attributes[name]})
    return float(attributes[name])
