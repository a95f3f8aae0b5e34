"""Budgets: what models may cost in a day, a week or a month, in money and in tokens. When one is used up, no model is
asked for whom it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import ServiceCall
from nanobot.hub import collection
from nanobot.hub.collection import Action, Collection
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

from .entity import GROUPS, Budget
from .meter import BudgetMeter
from .period import PERIODS

_DOLLARS = vol.All(cv.number, vol.Range(min=0.0001, max=1_000_000))
_TOKENS = vol.All(cv.whole_number, vol.Range(min=1))
_GLOBS = vol.All(cv.ensure_list, [cv.string])

CONFIG_SCHEMA = vol.Schema(
    cv.Items(
        vol.All(
            {
                vol.Optional("name"): cv.string,
                vol.Optional("icon", default="mdi:cash-clock"): cv.icon,
                vol.Optional("cost"): _DOLLARS,
                vol.Optional("tokens"): _TOKENS,
                vol.Optional("period", default="day"): vol.In(PERIODS),
                vol.Optional("per"): vol.In(GROUPS),
                vol.Optional("warn_at", default=80): vol.All(cv.number, vol.Range(min=1, max=100)),
                **{vol.Optional(name): _GLOBS for name in GROUPS},
            },
            cv.has_at_least_one_key("cost", "tokens"),
        )
    )
)


def _raise(budget: Budget, call: ServiceCall) -> None:
    budget.raise_by(call.data.get("cost", 0.0), call.data.get("tokens", 0), call.context)


ACTIONS = {
    "reset": Action(lambda budget, call: budget.reset(call.context), "Begin to count anew, before the period ends."),
    "raise": Action(
        _raise,
        "Allow more until the period ends.",
        {vol.Optional("cost"): _DOLLARS, vol.Optional("tokens"): _TOKENS},
        {
            "cost": {"description": "US dollars more.", "selector": {"number": {"min": 0, "mode": "box"}}},
            "tokens": {"description": "Tokens more.", "selector": {"number": {"min": 0, "mode": "box"}}},
        },
        cv.has_at_least_one_key("cost", "tokens"),
    ),
}


async def setup(hub: Hub, entry: Entry) -> None:
    meter = BudgetMeter(entry)
    entry.on_unload(meter.close)
    await collection.set_up(hub, entry, partial(Budget, entry), ACTIONS)
    budgets: Collection[Budget] = entry.data
    meter.begin(budgets)
    entry.add(meter)


async def reload(hub: Hub, entry: Entry, config: Mapping[str, Any]) -> bool:
    gone = [budget for budget in entry.data if budget.key not in config]
    await collection.reload(hub, entry, config)
    for budget in gone:
        budget.withdraw()
    return True
