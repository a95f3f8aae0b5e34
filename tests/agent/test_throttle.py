"""How many requests a model gets at a time and in a minute; those who wait do so in line."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.agent.asking import Asking, NoAnswer
from nanobot.agent.models import throttle as throttles
from nanobot.agent.models.throttle import RateLimit, Throttle, TooMany
from nanobot.contracts.model import Delta, Message, Request
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from tests.agent.conftest import QUICK, Scripted

pytestmark = pytest.mark.looptime


class Queue:
    """Requests that note when they were let in; each takes ``seconds``."""

    def __init__(self, throttle: Throttle, seconds: float = 0.0) -> None:
        self.throttle = throttle
        self.seconds = seconds
        self.began: list[tuple[str, float]] = []

    async def one(self, name: str, tokens: int = 0) -> None:
        async with self.throttle.admit(tokens):
            self.began.append((name, round(asyncio.get_running_loop().time() - self.start, 1)))
            await asyncio.sleep(self.seconds)

    async def all(self, *names: str, tokens: int = 0) -> list[tuple[str, float]]:
        self.start = asyncio.get_running_loop().time()
        await asyncio.gather(*(self.one(name, tokens) for name in names))
        return self.began


def limited(*, concurrency: int | None = None, **rate: int) -> Throttle:
    throttle = Throttle("local")
    throttle.limit(RateLimit(**rate), concurrency)
    return throttle


async def test_without_limits_nobody_waits() -> None:
    assert await Queue(limited(), 5.0).all(*"abc") == [("a", 0.0), ("b", 0.0), ("c", 0.0)]


async def test_so_many_at_a_time_and_the_others_in_the_order_in_which_they_came() -> None:
    began = await Queue(limited(concurrency=2), 5.0).all(*"abcde")
    assert began == [("a", 0.0), ("b", 0.0), ("c", 5.0), ("d", 5.0), ("e", 10.0)]


async def test_so_many_in_any_minute() -> None:
    queue = Queue(limited(requests=2))
    assert await queue.all(*"abcd") == [("a", 0.0), ("b", 0.0), ("c", 60.0), ("d", 60.0)]


async def test_so_many_tokens_in_any_minute_and_a_larger_request_goes_alone() -> None:
    queue = Queue(limited(tokens=1000))
    queue.start = asyncio.get_running_loop().time()
    await asyncio.gather(queue.one("a", 600), queue.one("b", 300), queue.one("c", 5000))
    assert queue.began == [("a", 0.0), ("b", 0.0), ("c", 60.0)]


async def test_what_an_answer_really_took_counts_for_those_who_wait() -> None:
    throttle = limited(tokens=1000)
    async with throttle.admit(900) as admitted:
        admitted.tokens = 100
    await asyncio.wait_for(Queue(throttle).all("b", tokens=800), 1)


async def test_a_large_request_is_not_overtaken() -> None:
    queue = Queue(limited(tokens=1000))
    queue.start = asyncio.get_running_loop().time()
    await asyncio.gather(queue.one("a", 600), queue.one("large", 900), queue.one("small", 1))
    assert [name for name, _ in queue.began] == ["a", "large", "small"]


async def test_whoever_gives_up_waiting_frees_the_place() -> None:
    throttle = limited(concurrency=1)
    queue = Queue(throttle, 5.0)
    queue.start = asyncio.get_running_loop().time()
    first, second, third = (asyncio.create_task(queue.one(name)) for name in "abc")
    await asyncio.sleep(1)
    second.cancel()
    await asyncio.sleep(0)
    assert throttle.waiting == 1
    await asyncio.gather(first, third)
    assert queue.began == [("a", 0.0), ("c", 5.0)]
    assert second.cancelled()


async def test_whoever_gives_up_in_the_moment_in_which_it_is_let_in_frees_the_place() -> None:
    throttle = limited(concurrency=1, requests=2)
    queue = Queue(throttle)
    queue.start = asyncio.get_running_loop().time()
    async with throttle.admit():
        second = asyncio.create_task(queue.one("b"))
        await asyncio.sleep(0)
    second.cancel()  # its place is given, but it has not run since
    await asyncio.wait([second])
    assert second.cancelled()
    await asyncio.wait_for(queue.one("c"), 1)
    assert [name for name, _ in queue.began] == ["c"]


async def test_too_many_who_wait_and_too_long_a_wait_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "MOST_WAITING", 1)
    queue = Queue(limited(concurrency=1), 500.0)
    queue.start = asyncio.get_running_loop().time()
    first, second = (asyncio.create_task(queue.one(name)) for name in "ab")
    await asyncio.sleep(1)
    with pytest.raises(TooMany, match="local: 1 requests are waiting already for its limits to allow them"):
        await queue.one("c")
    with pytest.raises(TooMany, match="local: its limits on requests did not allow another one within 120 s"):
        await second
    assert queue.throttle.waiting == 0
    first.cancel()


async def test_an_edit_of_the_limits_lets_in_who_waits() -> None:
    throttle = limited(concurrency=1)
    queue = Queue(throttle, 5.0)
    asyncio.get_running_loop().call_later(1, throttle.limit, RateLimit(), 2)
    assert await queue.all("a", "b") == [("a", 0.0), ("b", 1.0)]


async def test_an_agent_waits_for_the_limits_of_a_model(hub: Hub, entry: Entry) -> None:
    model = Scripted("main", ["a", 5.0, "b"])
    model.throttle = limited(concurrency=1)
    entry.add(model)
    began = asyncio.get_running_loop().time()
    request = Request([Message("user", "hello")])

    async def ask() -> None:
        assert [piece async for piece in Asking(hub, None).stream(request)]

    await asyncio.gather(ask(), ask(), ask())
    assert asyncio.get_running_loop().time() - began == pytest.approx(15)


async def test_the_wait_for_our_own_limits_is_no_failure_and_another_model_is_asked(
    hub: Hub, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "LONGEST_WAIT", 2.0)
    model = Scripted("main", ["a", 50.0])
    model.throttle = limited(concurrency=1)
    model.fallbacks = ("other",)
    entry.add(model)
    entry.add(Scripted("other", "me then"))
    busy = Asking(hub, "main").stream(Request([Message("user", "hello")]))
    await anext(busy)
    pieces: list[Any] = [p async for p in Asking(hub, "main").stream(Request([Message("user", "hello")]))]
    assert "".join(piece.text for piece in pieces) == "me then"
    assert "model.main" not in hub.issues
    model.fallbacks = ()
    with pytest.raises(NoAnswer, match="local: its limits on requests did not allow another one within 2 s"):
        [p async for p in Asking(hub, "main", backoff=QUICK).stream(Request([Message("user", "hello")]))]
    await busy.aclose()


async def test_the_tokens_of_a_request_count_before_it_is_sent_and_those_of_the_answer_after(
    hub: Hub, entry: Entry
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 80}
    model = Scripted("main", [Delta("hi", finish="stop", usage=usage)])
    model.throttle = limited(tokens=100)
    entry.add(model)
    request = Request([Message("user", "x" * 80)])
    began = asyncio.get_running_loop().time()
    for _ in range(2):
        _ = [piece async for piece in Asking(hub, None).stream(request)]
    assert asyncio.get_running_loop().time() - began == pytest.approx(60, abs=1)
