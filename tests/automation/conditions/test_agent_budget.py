"""``condition: agent_budget``: how much of a budget for models is used, or left."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from nanobot.automation import parse
from nanobot.automation.decide import Case
from nanobot.cli import check
from nanobot.contracts.meter import Spender, Spent
from nanobot.errors import ConditionError
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

BUDGETS = {
    "daily": {"cost": 10, "tokens": 1000},
    "each": {"tokens": 500, "per": "person"},
    "Reports": {"cost": 1, "origin": "schedule.*"},
}


@pytest.fixture
async def half(hub: Hub, set_up: SetUp) -> Hub:
    """Half of the tokens are used, and a fifth of the money."""
    await set_up("budget", {key.lower(): budget for key, budget in BUDGETS.items()})
    for meter in hub.meters:
        meter.spent(Spent(Spender(person="chat:me"), "main", at=0.0, prompt=500, cost=2.0))
    return hub


def ask(hub: Hub, config: dict[str, Any]) -> bool:
    conditions = parse.conditions({"condition": "agent_budget", **config})
    return conditions.all(Case(hub, {}, logging.getLogger("test")), "condition")


CASES: list[tuple[dict[str, Any], bool]] = [
    ({"budget": "daily"}, True),
    ({"budget": "budget.daily"}, True),
    ({"budget": "daily", "below": 51}, True),
    ({"budget": "daily", "below": 50}, False),
    ({"budget": "daily", "above": 49, "below": 60}, True),
    ({"budget": "daily", "above": 50}, False),
    ({"budget": "daily", "cost_remaining_above": 7.99}, True),
    ({"budget": "daily", "cost_remaining_above": 8}, False),
    ({"budget": "daily", "tokens_remaining_above": 499, "below": 80}, True),
    ({"budget": "daily", "tokens_remaining_above": 499, "below": 20}, False),
    ({"budget": "each"}, False),
    ({"budget": "each", "of": "chat:me"}, False),
    ({"budget": "each", "of": "chat:you"}, True),
    ({"budget": "Reports", "below": 1}, True),
]


@pytest.mark.parametrize(("config", "holds"), CASES, ids=[str(config) for config, _ in CASES])
async def test_what_is_used_and_what_is_left(half: Hub, config: dict[str, Any], holds: bool) -> None:
    assert ask(half, config) is holds


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"budget": "dayli"}, "there is no budget 'dayli'; did you mean 'daily'?"),
        ({"budget": "cars"}, "there is no budget 'cars'"),
        ({"budget": "each", "cost_remaining_above": 1}, "the budget 'each' has no limit of that kind"),
    ],
)
async def test_what_cannot_be_decided_says_why(half: Hub, config: dict[str, Any], why: str) -> None:
    with pytest.raises(ConditionError, match=why.replace("?", r"\?")):
        ask(half, config)


def test_the_check_names_a_budget_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    automation = {"alias": "X", "triggers": [], "actions": [], "conditions": []}
    for name in ("daily", "dayli"):
        automation["conditions"].append({"condition": "agent_budget", "budget": name})  # type: ignore[attr-defined]
    config = json.dumps({"budget": {"daily": {"cost": 1}}, "automation": [automation]}, indent=1)
    (tmp_path / "configuration.yaml").write_text(config, encoding="utf-8")
    assert check.run(tmp_path, as_json=True) == 0
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert problem["message"] == "there is no entity 'budget.dayli'; did you mean 'budget.daily'?"
