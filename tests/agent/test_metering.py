"""Whoever counts what models cost is asked before each request and told after each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nanobot.agent.asking import Asking, Refusal
from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.meter import Meter, Spender, Spent
from nanobot.contracts.model import Delta, Message, Price, Request
from nanobot.errors import ModelError, NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from tests.agent.conftest import QUICK, Begin, Scripted

REQUEST = Request([Message("user", "x" * 400)])
WHO = Spender(agent="agent", person="chat:tester", channel="chat", session="chat:test", turn="t1")
USAGE = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}


class Counted(Meter):
    """Remembers; says no when told to."""

    def __init__(self, name: str = "counted") -> None:
        super().__init__(name)
        self.asked: list[tuple[Spender, str]] = []
        self.told: list[Spent] = []
        self.no: str | None = None

    def refusal(self, spender: Spender, model: str) -> str | None:
        self.asked.append((spender, model))
        return self.no

    def spent(self, spent: Spent) -> None:
        self.told.append(spent)


@pytest.fixture
def meter(entry: Entry) -> Counted:
    meter = Counted()
    entry.add(meter)
    return meter


async def ask(hub: Hub, wanted: str | None = None) -> list[Any]:
    asking = Asking(hub, wanted, backoff=QUICK)
    return [piece async for piece in asking.stream(REQUEST, WHO)]


async def test_an_answer_is_told_with_what_it_took_and_what_that_costs(hub: Hub, entry: Entry, meter: Counted) -> None:
    model = Scripted("main", ["hi", Delta(finish="stop", usage={**USAGE, "cached_tokens": 400, "written_tokens": 100})])
    model.price = Price(3.0, 15.0, cached=0.3, written=3.75)
    entry.add(model)
    hub.clock.time = lambda: 1_800_000_000.0
    await ask(hub)
    [spent] = meter.told
    assert meter.asked == [(WHO, "main")]
    assert (spent.spender, spent.model, spent.at) == (WHO, "main", 1_800_000_000.0)
    assert (spent.prompt, spent.completion, spent.cached) == (1000, 200, 400)
    assert spent.cost == pytest.approx((500 * 3 + 400 * 0.3 + 100 * 3.75 + 200 * 15) / 1e6)
    assert not spent.failed
    assert not spent.estimated
    assert 0 <= spent.first <= spent.seconds


async def test_without_a_price_nobody_knows_what_it_costs(hub: Hub, entry: Entry, meter: Counted) -> None:
    entry.add(Scripted("main", [Delta("hi", finish="stop", usage=USAGE)]))
    await ask(hub)
    assert meter.told[0].cost is None


async def test_a_model_that_does_not_count_is_counted_roughly(hub: Hub, entry: Entry, meter: Counted) -> None:
    entry.add(Scripted("main", "y" * 40))
    await ask(hub)
    assert (meter.told[0].prompt, meter.told[0].completion, meter.told[0].estimated) == (100, 10, True)


async def test_a_failed_request_costs_what_had_come_by_then(hub: Hub, entry: Entry, meter: Counted) -> None:
    model = Scripted("main", NotReady("main: down"), ["z" * 80, NotReady("main: broke off")], "fine")
    model.price = Price(1.0, 1.0)
    entry.add(model)
    await ask(hub)
    assert [(s.failed, s.prompt, s.completion, s.error) for s in meter.told] == [
        (True, 0, 0, "main: down"),
        (True, 100, 20, "main: broke off"),
        (False, 100, 1, ""),
    ]
    assert meter.told[0].cost == 0.0
    assert len(meter.asked) == 3


async def test_whoever_leaves_early_pays_for_what_had_come(hub: Hub, entry: Entry, meter: Counted) -> None:
    entry.add(Scripted("main", ["a" * 40, 60.0]))
    stream = Asking(hub, None).stream(REQUEST, WHO)
    await anext(stream)
    await stream.aclose()
    assert [(s.failed, s.prompt, s.completion) for s in meter.told] == [(False, 100, 10)]


async def test_whoever_is_cancelled_before_the_first_word_pays_for_the_prompt(
    hub: Hub, entry: Entry, meter: Counted
) -> None:
    model = Scripted("main", [60.0])
    entry.add(model)
    task = asyncio.create_task(ask(hub))
    while not model.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(s.failed, s.prompt, s.completion) for s in meter.told] == [(False, 100, 0)]


async def test_a_refusal_asks_no_model_and_no_fallback(hub: Hub, entry: Entry, meter: Counted) -> None:
    model, other = Scripted("main", ModelError("no")), Scripted("other", "yes")
    model.fallbacks = ("other",)
    entry.add(model)
    entry.add(other)
    meter.no = "That was enough for today."
    with pytest.raises(Refusal, match="That was enough for today."):
        await ask(hub, "main")
    assert model.requests == other.requests == []
    assert meter.told == []


async def test_a_refusal_that_comes_while_models_fail_ends_it(hub: Hub, entry: Entry, meter: Counted) -> None:
    class Late(Scripted):
        async def stream(self, request: Request) -> AsyncIterator[Delta]:
            meter.no = "Enough."
            async for delta in super().stream(request):
                yield delta

    model, other = Late("main", ModelError("no")), Scripted("other", "yes")
    model.fallbacks = ("other",)
    entry.add(model)
    entry.add(other)
    with pytest.raises(Refusal) as caught:
        await ask(hub, "main")
    assert caught.value.tried == ("main",)
    assert other.requests == []


async def test_a_meter_with_a_fault_keeps_no_answer_from_coming(
    hub: Hub, entry: Entry, meter: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Counted):
        def spent(self, spent: Spent) -> None:
            raise KeyError("model")

    hub.meters.add("first", Faulty("first"))
    entry.add(Scripted("main", "hello"))
    await ask(hub)
    assert len(meter.told) == 1
    assert "the meter first failed" in caplog.text


async def test_a_secret_in_a_failure_is_told_to_no_meter(hub: Hub, entry: Entry, meter: Counted) -> None:
    hub.scrubber.add("sk-very-secret")
    entry.add(Scripted("main", NotReady("no sk-very-secret"), "hello"))
    await ask(hub)
    assert "sk-very" not in meter.told[0].error


async def test_the_person_reads_the_sentence_of_the_refusal(
    hub: Hub, entry: Entry, chat: Chat, begin: Begin, meter: Counted, set_up: Any
) -> None:
    class Deputy(Agent):
        async def respond(self, turn: Turn) -> AsyncIterator[Part]:
            yield Text("I, then")

    entry.add(Deputy("deputy"))
    entry.add(Scripted("main", "hello"))
    await set_up("agent", {"model": "main"})
    meter.no = "The budget is used up. It opens again at 00:00."
    assert await chat.types("hi") == "The budget is used up. It opens again at 00:00."
