"""Budgets count what models took, block when they are used up, and open again when their time is over."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nanobot.agent.asking import Asking, NoAnswer, Refusal
from nanobot.contracts.agent import Agent
from nanobot.contracts.meter import Spender, Spent
from nanobot.contracts.model import Delta, Message, Price, Request
from nanobot.errors import NotReady, ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp
from tests.agent.conftest import QUICK, Scripted

WHO = Spender(agent="agent", person="chat:tester", channel="chat", session="chat:test", turn="t1")
ASK = Spender(agent="agent", origin="schedule.report")


class Wall:
    """The clock on the wall, as the test wants it."""

    def __init__(self, hub: Hub, zone: str, moment: str) -> None:
        self.zone = ZoneInfo(zone)
        self.set(moment)
        hub.clock.time = lambda: self.now

    def set(self, moment: str) -> None:
        self.now = dt.datetime.fromisoformat(moment).replace(tzinfo=self.zone).timestamp()


def spend(hub: Hub, *, cost: float | None = 0.0, tokens: int = 0, who: Spender = WHO, model: str = "main") -> None:
    for meter in hub.meters:
        meter.spent(Spent(who, model, at=hub.clock.time(), prompt=tokens, cost=cost))


def refusal(hub: Hub, who: Spender = WHO, model: str = "main") -> str | None:
    return next((why for meter in hub.meters if (why := meter.refusal(who, model)) is not None), None)


def shown(hub: Hub, name: str = "daily") -> tuple[str, Any]:
    state = hub.states.get(f"budget.{name}")
    assert state is not None
    return state.state, state.attributes


def happened(hub: Hub, *types: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for type_ in types:
        hub.bus.listen(type_, lambda event: found.append((event.type, event.data)))
    return found


async def call(hub: Hub, service: str, **data: Any) -> None:
    await hub.services.call("budget", service, data, context=Context(actor="user"), blocking=True)


async def test_a_budget_blocks_with_a_sentence_and_opens_at_midnight(hub: Hub, set_up: SetUp) -> None:
    wall = Wall(hub, "UTC", "2026-06-01 22:00")
    await set_up("budget", {"daily": {"name": "Daily", "cost": 2.0}})
    spend(hub, cost=1.0)
    assert refusal(hub) is None
    assert shown(hub)[0] == "50.0"
    spend(hub, cost=1.5)
    assert refusal(hub) == "The budget “Daily” ($2.00 a day) is used up. It opens again at 2026-06-02 00:00."
    state, attributes = shown(hub)
    assert state == "125.0"
    assert attributes["used_up"] is True
    assert (attributes["cost"], attributes["cost_limit"], attributes["cost_remaining"]) == (2.5, 2.0, 0.0)
    assert attributes["period_end"] == "2026-06-02T00:00:00+00:00"
    wall.set("2026-06-02 00:00")
    assert refusal(hub) is None
    assert shown(hub)[0] == "0.0"


async def test_a_budget_in_tokens(hub: Hub, set_up: SetUp) -> None:
    Wall(hub, "UTC", "2026-06-01 22:00")
    await set_up("budget", {"daily": {"tokens": 1000, "period": "week"}})
    spend(hub, tokens=999, cost=100.0)
    assert refusal(hub) is None
    spend(hub, tokens=1)
    assert refusal(hub) == "The budget “daily” (1,000 tokens a week) is used up. It opens again at 2026-06-08 00:00."


async def test_it_warns_once_and_again_in_the_next_period(hub: Hub, set_up: SetUp) -> None:
    wall = Wall(hub, "UTC", "2026-06-01 12:00")
    await set_up("budget", {"daily": {"cost": 1.0, "tokens": 1000}})
    events = happened(hub, "budget_warning", "budget_used_up")
    for _ in range(3):
        spend(hub, tokens=290)
    [(type_, data)] = events
    assert type_ == "budget_warning"
    assert (data["entity_id"], data["percent"], data["tokens"]) == ("budget.daily", 87.0, 870)
    issue = hub.issues.get("budget.warning.daily")
    assert issue is not None
    assert issue.text().startswith("80 % of the budget “daily” ($1.00 / 1,000 tokens a day) are used.")
    spend(hub, cost=2.0)
    assert [type_ for type_, _ in events] == ["budget_warning", "budget_used_up"]
    assert [issue.id for issue in hub.issues] == ["budget.used_up.daily"]
    wall.set("2026-06-02 08:00")
    refusal(hub)
    assert len(hub.issues) == 0
    spend(hub, cost=5.0)
    assert [type_ for type_, _ in events[2:]] == ["budget_warning", "budget_used_up"]


async def test_it_counts_what_it_is_for(hub: Hub, set_up: SetUp) -> None:
    await set_up(
        "budget",
        {
            "mine": {"cost": 1, "person": ["chat:*"], "model": "main"},
            "reports": {"cost": 1, "origin": "schedule.*"},
            "phone": {"cost": 1, "channel": "telegram"},
        },
    )
    spend(hub, cost=5.0)
    spend(hub, cost=5.0, model="other")
    assert [shown(hub, name)[0] for name in ("mine", "reports", "phone")] == ["500.0", "0.0", "0.0"]
    assert refusal(hub) is not None
    assert refusal(hub, model="other") is None
    assert refusal(hub, ASK) is None
    spend(hub, cost=1.0, who=ASK)
    assert refusal(hub, ASK) is not None


async def test_each_person_may_have_a_budget_of_their_own(hub: Hub, set_up: SetUp) -> None:
    await set_up("budget", {"daily": {"cost": 1, "per": "person"}})
    other = Spender(agent="agent", person="chat:other", channel="chat")
    events = happened(hub, "budget_warning")
    spend(hub, cost=1.0)
    spend(hub, cost=0.25, who=other)
    assert refusal(hub) is not None
    assert refusal(hub, other) is None
    state, attributes = shown(hub)
    assert state == "100.0"
    assert attributes["by"] == {"chat:tester": 100.0, "chat:other": 25.0}
    assert [data["of"] for _, data in events] == ["chat:tester"]


async def test_it_is_kept_over_a_restart_and_not_warned_of_again(
    house: House, set_up: SetUp, restart: Callable[[], Awaitable[House]]
) -> None:
    await set_up("budget", {"daily": {"cost": 1, "period": "month"}})
    spend(house.hub, cost=0.9, tokens=10)
    await call(house.hub, "raise", entity_id="budget.daily", cost=0.1)
    again = await restart()
    events = happened(again.hub, "budget_warning")
    assert shown(again.hub)[1]["cost"] == 0.9
    assert shown(again.hub)[1]["cost_limit"] == 1.1
    assert "budget.warning.daily" in again.hub.issues
    spend(again.hub, cost=0.05)
    assert events == []


async def test_what_was_spent_is_on_disk_within_two_seconds(hub: Hub, set_up: SetUp, house: House) -> None:
    await set_up("budget", {"daily": {"cost": 1}})
    spend(hub, cost=0.25)
    folder = house.config_dir / ".storage"
    async with asyncio.timeout(2):
        while not any("0.25" in file.read_text() for file in folder.glob("budget.last_states*")):
            await asyncio.sleep(0.05)


async def test_a_period_that_ended_while_nanobot_was_away_is_over(
    house: House, set_up: SetUp, restart: Callable[[], Awaitable[House]], monkeypatch: pytest.MonkeyPatch
) -> None:
    Wall(house.hub, "UTC", "2020-06-01 12:00")
    await set_up("budget", {"daily": {"cost": 1}})
    spend(house.hub, cost=5.0)
    again = await restart()
    assert refusal(again.hub) is None
    assert shown(again.hub)[0] == "0.0"
    assert len(again.hub.issues) == 0


async def test_reset_and_raise_open_it_before_its_time(hub: Hub, set_up: SetUp) -> None:
    await set_up("budget", {"daily": {"cost": 1, "tokens": 100}})
    spend(hub, cost=1.2)
    await call(hub, "raise", entity_id="budget.daily", cost=1)
    assert refusal(hub) is None
    assert shown(hub)[0] == "60.0"
    assert len(hub.issues) == 0
    spend(hub, cost=0.8)
    assert refusal(hub) is not None
    await call(hub, "reset", entity_id="budget.daily")
    assert refusal(hub) is None
    assert shown(hub)[1]["cost_limit"] == 1
    with pytest.raises(ServiceError, match="cost"):
        await call(hub, "raise", entity_id="budget.daily")


async def test_an_edit_of_the_limit_is_live_and_keeps_what_was_spent(hub: Hub, set_up: SetUp, house: House) -> None:
    await set_up("budget", {"daily": {"cost": 1}})
    spend(hub, cost=1.0)
    await set_up("budget", {"daily": {"cost": 4}})
    assert refusal(hub) is None
    assert shown(hub)[0] == "25.0"
    assert len(hub.issues) == 0
    spend(hub, cost=3.0)
    assert len(hub.issues) == 1
    await set_up("budget", {"other": {"cost": 4}})
    assert hub.states.get("budget.daily") is None
    assert len(hub.issues) == 0


async def test_a_model_without_a_price_in_a_budget_in_money_is_an_issue(hub: Hub, set_up: SetUp) -> None:
    await set_up("budget", {"daily": {"cost": 1}})
    spend(hub, cost=None, tokens=5, model="mystery")
    issue = hub.issues.get("budget.price_unknown")
    assert issue is not None
    assert "mystery" in issue.text()
    spend(hub, cost=0.1, model="mystery")
    assert len(hub.issues) == 0


MIDNIGHTS = {
    "spring forward": ("Europe/Berlin", "2026-03-28 12:00", "day", "2026-03-29T00:00:00+01:00"),
    "the day of 23 hours": ("Europe/Berlin", "2026-03-29 12:00", "day", "2026-03-30T00:00:00+02:00"),
    "a week over fall back": ("Europe/Berlin", "2026-10-23 12:00", "week", "2026-10-26T00:00:00+01:00"),
    "a month": ("Europe/Berlin", "2026-10-31 23:59", "month", "2026-11-01T00:00:00+01:00"),
    "the end of the year": ("Asia/Tokyo", "2026-12-31 23:59", "month", "2027-01-01T00:00:00+09:00"),
    "a monday": ("UTC", "2026-06-01 00:00", "week", "2026-06-08T00:00:00+00:00"),
    "no midnight": ("Africa/Cairo", "2026-04-23 12:00", "day", "2026-04-24T01:00:00+03:00"),
}


@pytest.mark.parametrize("case", MIDNIGHTS)
async def test_a_period_ends_at_a_midnight_of_the_configured_zone(house: House, case: str) -> None:
    zone, now, period, end = MIDNIGHTS[case]
    Wall(house.hub, zone, now)
    config = {"nanobot": {"time_zone": zone}, "budget": {"daily": {"cost": 1, "period": period}}}
    applied = await house.apply(json.dumps(config, indent=1))
    assert not applied.problems
    assert shown(house.hub)[1]["period_end"] == end


async def test_a_clock_that_was_wrong_does_not_close_a_budget_for_years(hub: Hub, set_up: SetUp) -> None:
    wall = Wall(hub, "UTC", "2030-06-01 12:00")
    await set_up("budget", {"daily": {"cost": 1}})
    spend(hub, cost=1.0)
    wall.set("2026-06-01 12:00")
    assert refusal(hub) is not None
    wall.set("2026-06-02 00:01")
    assert refusal(hub) is None


@pytest.mark.looptime
async def test_it_begins_anew_at_midnight_although_nobody_asks(hub: Hub, set_up: SetUp) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    noon = dt.datetime(2026, 6, 1, 23, 59, tzinfo=dt.UTC).timestamp()
    hub.clock.time = lambda: noon + loop.time() - start
    await set_up("budget", {"daily": {"cost": 1}})
    spend(hub, cost=1.0)
    await asyncio.sleep(62)
    assert shown(hub)[0] == "0.0"


async def test_the_person_reads_it_and_no_model_is_asked(hub: Hub, entry: Entry, chat: Chat, set_up: SetUp) -> None:
    model = Scripted("main", [Delta("hello", finish="stop", usage={"prompt_tokens": 900, "completion_tokens": 100})])
    model.price = Price(1000.0, 1000.0)
    entry.add(model)
    await set_up("agent", {"model": "main"})
    await set_up("budget", {"daily": {"cost": 1}})
    assert await chat.types("hi") == "hello"
    answer = await chat.types("and now?")
    assert answer is not None
    assert answer.startswith("The budget “daily” ($1.00 a day) is used up.")
    assert len(model.requests) == 1
    assert all(isinstance(agent, Agent) for agent in hub.agents)


async def test_many_who_ask_at_once_do_not_slip_through(hub: Hub, entry: Entry, set_up: SetUp) -> None:
    usage = {"prompt_tokens": 400, "completion_tokens": 10}
    model = Scripted("main", ["hello", 0.05, Delta(finish="stop", usage=usage)])
    entry.add(model)
    await set_up("budget", {"daily": {"tokens": 1000}})
    request = Request([Message("user", "x" * 1600)])  # about 400 tokens

    async def ask() -> str:
        try:
            return "".join([getattr(one, "text", "") async for one in Asking(hub, "main").stream(request, WHO)])
        except Refusal as error:
            return error.why

    answers = await asyncio.gather(*(ask() for _ in range(10)))
    assert len(model.requests) == 3
    assert answers.count("hello") == 3
    limit = "the budget “daily” (1,000 tokens a day)"
    assert answers[-1] == f"What is being asked just now takes up the rest of {limit}. Try again in a moment."
    assert shown(hub)[0] == "123.0"
    assert str(refusal(hub)).startswith("The budget “daily” (1,000 tokens a day) is used up.")


async def test_a_request_that_is_given_up_takes_up_nothing_more(hub: Hub, entry: Entry, set_up: SetUp) -> None:
    entry.add(Scripted("main", [NotReady("down")]))
    await set_up("budget", {"daily": {"tokens": 500}})
    request = Request([Message("user", "x" * 1600)])
    asking = Asking(hub, "main", backoff=QUICK)
    for _ in range(3):
        with pytest.raises(NoAnswer, match="down"):
            _ = [one async for one in asking.stream(request, WHO)]
    assert shown(hub)[0] == "0.0"


async def test_what_an_automation_asks_counts_for_it_and_not_for_a_person(
    hub: Hub, entry: Entry, set_up: SetUp
) -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 100}
    entry.add(Scripted("main", [Delta("hello", finish="stop", usage=usage)]))
    await set_up("agent", {"model": "main"})
    await set_up(
        "budget", {"mine": {"tokens": 500, "person": "?*"}, "its": {"tokens": 500, "origin": "automation.report"}}
    )
    await set_up("automation", [{"alias": "Report", "triggers": [], "actions": [{"ask": "What happened?"}]}])
    data = {"entity_id": "automation.report"}
    await hub.services.call("automation", "trigger", data, context=Context(actor="user"), blocking=True)
    assert [shown(hub, name)[0] for name in ("mine", "its")] == ["0.0", "200.0"]


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"daily": {}}, "cost"),
        ({"daily": {"cost": 0}}, "out of range"),
        ({"daily": {"cost": 1, "period": "year"}}, "period"),
        ({"daily": {"cost": 1, "peroid": "day"}}, "did you mean 'period'?"),
        ({"daily": {"cost": 1, "per": "chat"}}, "per"),
    ],
)
async def test_a_wrong_budget_is_named(house: House, config: Any, why: str) -> None:
    applied = await house.apply(json.dumps({"budget": config}, indent=1))
    [problem] = applied.problems
    assert why in str(problem)
