"""The event bus: who is told, in which order, and what a failing listener may not do."""

from __future__ import annotations

import asyncio
import logging

import pytest

from nanobot.hub.bus import ALL, Bus, Event
from nanobot.hub.context import Context


async def test_listeners_of_a_type_are_told_in_the_order_in_which_they_came() -> None:
    bus, told = Bus(), []
    bus.listen("rang", lambda event: told.append(("first", event.data["n"])))
    bus.listen("rang", lambda event: told.append(("second", event.data["n"])))
    bus.listen("other", lambda event: told.append(("never", 0)))
    bus.fire("rang", {"n": 1})
    assert told == [("first", 1), ("second", 1)]


async def test_a_listener_of_everything_is_told_of_every_type() -> None:
    bus, told = Bus(), []
    bus.fire("before")
    remove = bus.listen(ALL, lambda event: told.append(event.type))
    bus.fire("one")
    bus.fire("two")
    remove()
    bus.fire("three")
    assert told == ["one", "two"]


async def test_what_is_only_reported_again_is_told_to_those_alone_who_name_it() -> None:
    bus, told = Bus(), []
    bus.listen(ALL, lambda event: told.append("all"))
    assert bus.route("state_reported") == ()
    bus.listen("state_reported", lambda event: told.append("named"))
    bus.fire("state_reported")
    assert told == ["named"]


async def test_a_one_shot_listener_is_told_once_even_when_it_fires_itself() -> None:
    bus, told = Bus(), []

    def again(event: Event) -> None:
        told.append(event.type)
        bus.fire("rang")

    bus.listen("rang", again, once=True)
    bus.fire("rang")
    bus.fire("rang")
    assert told == ["rang"]
    assert bus.counts() == {}


async def test_a_filter_sees_the_data_first() -> None:
    bus, told = Bus(), []
    bus.listen("rang", lambda event: told.append(event.data["n"]), filter=lambda data: data["n"] > 1)
    for n in range(4):
        bus.fire("rang", {"n": n})
    assert told == [2, 3]


async def test_the_same_function_may_listen_twice_and_go_once() -> None:
    bus, told = Bus(), []

    def note(event: Event) -> None:
        told.append(event.type)

    remove = bus.listen("rang", note)
    bus.listen("rang", note)
    remove()
    remove()
    bus.fire("rang")
    assert told == ["rang"]


async def test_a_failing_listener_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bus, told = Bus(), []

    def fails(event: Event) -> None:
        raise KeyError("nothing there")

    bus.listen("rang", fails)
    bus.listen("rang", lambda event: told.append(1))
    bus.fire("rang")
    assert told == [1]
    assert "a listener of rang failed" in caplog.text
    assert "fails" in caplog.text


async def test_a_failing_coroutine_listener_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus()

    async def fails(event: Event) -> None:
        await asyncio.sleep(0)
        raise ValueError("no use")

    bus.listen("rang", fails)
    with caplog.at_level(logging.ERROR):
        bus.fire("rang")
        for _ in range(3):
            await asyncio.sleep(0)
    assert "no use" in caplog.text


async def test_coroutine_listeners_run_as_tasks_of_their_owner() -> None:
    bus, told, gate = Bus(), [], asyncio.Event()

    async def waits(event: Event) -> None:
        await gate.wait()
        told.append(event.data["n"])

    bus.listen("rang", waits)
    bus.fire("rang", {"n": 1})
    await asyncio.sleep(0)
    assert len(bus.tasks) == 1
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == [1]
    assert len(bus.tasks) == 0


async def test_events_carry_the_context_they_were_fired_with() -> None:
    bus, seen = Bus(), []
    bus.listen("rang", lambda event: seen.append(event.context))
    context = Context(user_id="u1", actor="user")
    bus.fire("rang", context=context)
    bus.fire("rang")
    assert seen[0] is context
    assert seen[1].id != context.id


@pytest.mark.parametrize("name", ["", "x" * 65], ids=["empty", "too long"])
async def test_an_impossible_type_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="an event type has 1 to 64 characters"):
        Bus().fire(name)


async def test_listeners_added_or_removed_while_an_event_is_told_count_from_the_next_one() -> None:
    bus, told = Bus(), []

    def adds(event: Event) -> None:
        bus.listen("rang", lambda event: told.append("new"), once=True)

    bus.listen("rang", adds, once=True)
    bus.fire("rang")
    assert told == []
    bus.fire("rang")
    assert told == ["new"]


async def test_inventing_event_types_does_not_fill_the_memory() -> None:
    bus = Bus()
    for n in range(10_000):
        bus.fire(f"type_{n}")
    assert len(bus._routes) <= 4096


async def test_firing_can_wait_for_listeners_that_take_their_time() -> None:
    bus, done = Bus(), []
    gate = asyncio.Event()

    async def patient(event: Event) -> None:
        await gate.wait()
        done.append(event.type)

    bus.listen("x", patient)
    asyncio.get_running_loop().call_later(0.01, gate.set)
    await bus.fire_and_wait("x", limit=5.0)
    assert done == ["x"]
    gate.clear()
    await bus.fire_and_wait("x", limit=0.01)  # not for ever
    await bus.tasks.cancel()
