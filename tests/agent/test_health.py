"""A model that fails is left alone for a while, and tried again; others are asked meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.agent.asking import Asking, NoAnswer
from nanobot.agent.models.health import Condition, Health
from nanobot.contracts.model import Message, Request
from nanobot.errors import AuthFailed, ModelError, NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from tests.agent.conftest import QUICK, Scripted

REQUEST = Request([Message("user", "hello")])
DOWN = NotReady("main: http://127.0.0.1:9 cannot be reached")


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def main(entry: Entry, time: Time) -> Scripted:
    model = Scripted("main", DOWN)
    model.retries, model.health, model.fallbacks = 1, Health(time), ("other",)
    entry.add(model)
    return model


@pytest.fixture
def other(entry: Entry) -> Scripted:
    model = Scripted("other", "me then")
    entry.add(model)
    return model


async def ask(hub: Hub) -> str:
    pieces: list[Any] = [piece async for piece in Asking(hub, "main", backoff=QUICK).stream(REQUEST)]
    return "".join(getattr(piece, "text", "") for piece in pieces)


def health_of(model: Scripted) -> Health:
    assert model.health is not None
    return model.health


async def test_after_three_requests_in_a_row_it_is_passed_over_and_tried_again_later(
    hub: Hub, main: Scripted, other: Scripted, time: Time
) -> None:
    assert health_of(main).condition is Condition.UNKNOWN
    for _ in range(3):
        assert await ask(hub) == "me then"
    assert len(main.requests) == 6
    assert health_of(main).condition is Condition.UNAVAILABLE
    assert health_of(main).retry_at == time.now + 30
    await ask(hub)
    assert len(main.requests) == 6
    time.now += 31
    await ask(hub)  # half open: tried once more, and left alone for longer
    assert len(main.requests) == 8
    assert health_of(main).retry_at == time.now + 60
    time.now += 61
    main.scripts = ["hello again"]
    assert await ask(hub) == "hello again"
    assert health_of(main).condition is Condition.OK
    assert health_of(main).retry_at is None


async def test_only_one_request_tries_whether_it_is_back(hub: Hub, main: Scripted, other: Scripted, time: Time) -> None:
    for _ in range(3):
        await ask(hub)
    time.now += 31
    main.scripts = [["I am ", 0.01, "back"]]
    first = Asking(hub, "main").stream(REQUEST)
    await anext(first)
    assert await ask(hub) == "me then"
    assert [getattr(piece, "text", "") async for piece in first] == ["back", ""]
    assert await ask(hub) == "I am back"


async def test_a_try_that_is_given_up_leaves_it_to_the_next(
    hub: Hub, main: Scripted, other: Scripted, time: Time
) -> None:
    for _ in range(3):
        await ask(hub)
    time.now += 31
    main.scripts = [["I am ", 60.0]]
    stream = Asking(hub, "main").stream(REQUEST)
    await anext(stream)
    await stream.aclose()
    main.scripts = ["back"]
    assert await ask(hub) == "back"


async def test_when_no_other_answers_it_is_asked_all_the_same_but_once(hub: Hub, main: Scripted) -> None:
    for _ in range(3):
        with pytest.raises(NoAnswer):
            await ask(hub)
    asked = len(main.requests)
    with pytest.raises(NoAnswer, match="cannot be reached"):
        await ask(hub)
    assert len(main.requests) == asked + 1
    main.scripts = ["back"]
    assert await ask(hub) == "back"


async def test_a_server_that_names_a_time_is_left_alone_until_then(
    hub: Hub, main: Scripted, other: Scripted, time: Time
) -> None:
    main.scripts = [NotReady("out of quota", retry_after=600)]
    await ask(hub)
    assert health_of(main).retry_at == time.now + 600
    await ask(hub)
    assert len(main.requests) == 1


async def test_a_request_that_is_refused_says_nothing_of_the_model(hub: Hub, main: Scripted, other: Scripted) -> None:
    main.scripts = [ModelError("too long")]
    for _ in range(5):
        await ask(hub)
    assert health_of(main).condition is Condition.UNKNOWN
    assert len(main.requests) == 5


async def test_a_refused_key_is_unavailable_at_once_and_a_second_try_that_works_is_degraded(
    hub: Hub, main: Scripted, other: Scripted
) -> None:
    main.scripts = [AuthFailed("the key is refused")]
    await ask(hub)
    assert health_of(main).condition is Condition.UNAVAILABLE
    assert health_of(main).last_error == "the key is refused"
    main.scripts = [DOWN, "yes", "yes"]
    await ask(hub)
    assert health_of(main).condition is Condition.DEGRADED
    await ask(hub)
    assert health_of(main).condition is Condition.OK
    assert health_of(main).last_error == ""


async def test_a_clock_that_is_set_back_does_not_leave_it_alone_for_ever(
    hub: Hub, main: Scripted, other: Scripted, time: Time
) -> None:
    for _ in range(3):
        await ask(hub)
    time.now -= 1e6
    main.scripts = ["back"]
    assert await ask(hub) == "back"
