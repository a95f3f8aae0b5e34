"""Timers: states, attributes, services and events as Home Assistant 2025.4 has them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.testing.plugin import House, SetUp

TEA = {"tea": {"duration": "00:05:00"}}
KINDS = ("started", "restarted", "paused", "cancelled", "finished", "changed")


def wall(hub: Hub, shows: str = "2026-06-01T07:00:00+00:00") -> None:
    """Have the hub's clock show this and go with the loop."""
    loop = asyncio.get_running_loop()
    offset = datetime.fromisoformat(shows).timestamp() - loop.time()
    hub.clock.time = lambda: offset + loop.time()


def timer(hub: Hub, name: str = "tea") -> State:
    found = hub.states.get(f"timer.{name}")
    assert found is not None
    return found


def told(hub: Hub) -> list[tuple[str, dict[str, Any]]]:
    """The events of timers from now on."""
    events: list[tuple[str, dict[str, Any]]] = []
    for kind in KINDS:
        hub.bus.listen(f"timer.{kind}", lambda event: events.append((event.type, dict(event.data))))
    return events


async def call(hub: Hub, service: str, **data: Any) -> None:
    await hub.services.call("timer", service, {"entity_id": "timer.tea", **data})


@pytest.mark.looptime
async def test_a_timer_runs_and_finishes(hub: Hub, set_up: SetUp) -> None:
    wall(hub)
    await set_up("timer", TEA)
    assert (timer(hub).state, dict(timer(hub).attributes)) == ("idle", {"duration": "0:05:00", "editable": False})
    events = told(hub)
    await call(hub, "start")
    running = timer(hub)
    assert running.state == "active"
    assert running.attributes["remaining"] == "0:05:00"
    assert running.attributes["finishes_at"].startswith("2026-06-01T07:05:0")
    await asyncio.sleep(299)
    assert timer(hub).state == "active"
    await asyncio.sleep(2)
    assert timer(hub).state == "idle"
    assert dict(timer(hub).attributes) == {"duration": "0:05:00", "editable": False}
    assert [kind for kind, _ in events] == ["timer.started", "timer.finished"]
    assert events[1][1] == {"entity_id": "timer.tea", "finished_at": running.attributes["finishes_at"]}


CASES: dict[str, tuple[list[Any], list[str], str, str | None]] = {
    # calls and waits, the events, the state at the end, what remains
    "pause holds": (["start", 60, "pause", 1000], ["started", "paused"], "paused", "0:04:00"),
    "start goes on": (
        ["start", 60, "pause", 1000, "start", 30],
        ["started", "paused", "restarted"],
        "active",
        "0:04:00",
    ),
    "start again": (["start", 60, "start"], ["started", "restarted"], "active", "0:05:00"),
    "another duration": ([("start", 30), 31], ["started", "finished"], "idle", None),
    "cancel": (["start", 60, "cancel"], ["started", "cancelled"], "idle", None),
    "cancel when idle": (["cancel"], [], "idle", None),
    "finish": (["start", 60, "finish"], ["started", "finished"], "idle", None),
    "finish when paused": (["start", "pause", "finish"], ["started", "paused", "finished"], "idle", None),
    "pause when idle": (["pause"], [], "idle", None),
    "less time": (["start", 60, ("change", -60)], ["started", "changed"], "active", "0:03:00"),
    "more time": (["start", 60, ("change", 30)], ["started", "changed"], "active", "0:04:30"),
    "changed and over": (["start", ("change", -240), 61], ["started", "changed", "finished"], "idle", None),
}


@pytest.mark.looptime
@pytest.mark.parametrize(("steps", "kinds", "state", "remaining"), CASES.values(), ids=CASES.keys())
async def test_what_can_be_done(
    hub: Hub, set_up: SetUp, steps: list[Any], kinds: list[str], state: str, remaining: str | None
) -> None:
    wall(hub)
    await set_up("timer", TEA)
    events = told(hub)
    for step in steps:
        match step:
            case int():
                await asyncio.sleep(step)
            case str():
                await call(hub, step)
            case (service, duration):
                await call(hub, service, duration=duration)
    assert [kind.removeprefix("timer.") for kind, _ in events] == kinds
    assert timer(hub).state == state
    assert timer(hub).attributes.get("remaining") == remaining


@pytest.mark.parametrize(
    ("before", "change", "text"),
    [
        (False, 10, "timer.tea is not running; only a running timer can be changed"),
        (True, 10, "timer.tea cannot be changed beyond its duration of 0:05:00"),
        (True, -1000, "timer.tea has less than that left"),
    ],
)
async def test_changes_that_are_refused(hub: Hub, set_up: SetUp, before: bool, change: int, text: str) -> None:
    await set_up("timer", TEA)
    if before:
        await call(hub, "start")
    with pytest.raises(ServiceError, match=text):
        await call(hub, "change", duration=change)


async def test_an_edit_keeps_the_other_timers_running(house: House) -> None:
    await house.start("timer: {tea: {duration: '0:05'}, egg: {duration: 60}}")
    hub = house.hub
    await hub.services.call("timer", "start", {"entity_id": ["timer.tea", "timer.egg"]})
    ends = timer(hub, "tea").attributes["finishes_at"]
    events = told(hub)
    await house.apply("timer: {tea: {duration: '0:05'}, egg: {duration: 90, name: Egg}, rice: {duration: 600}}")
    assert not events
    assert timer(hub, "tea").attributes["finishes_at"] == ends
    assert (timer(hub, "egg").state, timer(hub, "egg").name) == ("active", "Egg")
    assert timer(hub, "egg").attributes["duration"] == "0:01:00"
    assert timer(hub, "rice").attributes["duration"] == "0:10:00"
    await hub.services.call("timer", "cancel", {"entity_id": "timer.egg"})
    assert timer(hub, "egg").attributes["duration"] == "0:01:30"
    await house.apply("timer: {tea: {duration: '0:05'}}")
    assert hub.states.get("timer.egg") is None
    assert timer(hub, "tea").state == "active"


async def test_one_bad_timer_leaves_the_others(house: House) -> None:
    await house.start("timer: {tea: {duration: soon}, egg: {duration: 60}}")
    assert house.hub.states.get("timer.egg") is not None
    assert house.hub.states.get("timer.tea") is None


async def test_a_restart(house: House, restart: Any) -> None:
    await house.start(
        "timer: {kept: {duration: 600, restore: true}, held: {duration: 600, restore: true}, plain: {duration: 600}}"
    )
    await house.hub.services.call("timer", "start", {"entity_id": ["timer.kept", "timer.held", "timer.plain"]})
    await house.hub.services.call("timer", "pause", {"entity_id": "timer.held"})
    ends = timer(house.hub, "kept").attributes["finishes_at"]
    hub = (await restart()).hub
    assert [timer(hub, name).state for name in ("kept", "held", "plain")] == ["active", "paused", "idle"]
    assert timer(hub, "kept").attributes["finishes_at"] == ends
    assert timer(hub, "kept").attributes["restore"] is True
    assert timer(hub, "held").attributes["remaining"] == "0:10:00"


async def test_one_that_was_over_while_nothing_ran_finishes_at_the_start(house: House, restart: Any) -> None:
    await house.start("timer: {tea: {duration: 0.2, restore: true}}")
    await house.hub.services.call("timer", "start", {"entity_id": "timer.tea"})
    await house.close()
    await asyncio.sleep(0.3)  # the time that passes is what is tested
    hub = (await restart()).hub
    finished = asyncio.Event()
    hub.bus.listen("timer.finished", lambda event: finished.set())
    if timer(hub).state != "idle":
        await asyncio.wait_for(finished.wait(), 5)
    assert timer(hub).state == "idle"


# -- timers of a chat -------------------------------------------------------------------------------


async def create(hub: Hub, **data: Any) -> dict[str, Any]:
    told = await hub.services.call("timer", "create", data, return_response=True)
    assert told is not None
    return dict(told)


@pytest.mark.looptime
async def test_a_timer_of_a_chat_says_when_it_is_over_and_is_gone(hub: Hub, set_up: SetUp) -> None:
    wall(hub)
    await set_up("timer")
    sent = []
    hub.bus.listen("timer.finished", lambda event: sent.append(event.data["entity_id"]))
    made = await create(hub, duration=300, name="Pasta")
    assert made["entity_id"] == "timer.pasta"
    assert timer(hub, "pasta").attributes["temporary"] is True
    await hub.services.call("timer", "change", {"entity_id": "timer.pasta", "duration": 60})
    await asyncio.sleep(359)
    assert timer(hub, "pasta").state == "active"
    await asyncio.sleep(2)
    assert hub.states.get("timer.pasta") is None
    assert sent == ["timer.pasta"]


async def test_the_chat_is_told(hub: Hub, chat: Any, set_up: SetUp) -> None:
    await set_up("timer")
    await create(hub, duration=0.05, name="Egg", channel="chat", chat="test")
    await create(hub, duration=0.1, channel="chat", chat="test", message="Eat!")
    async with asyncio.timeout(5):
        await chat.wait_for(2)
    assert chat.received == ["⏰ Egg: time is up.", "Eat!"]


async def test_names_that_are_taken_and_ids_that_come_again(hub: Hub, set_up: SetUp) -> None:
    await set_up("timer", TEA)
    assert (await create(hub, duration=60, name="Tea"))["entity_id"] == "timer.tea_2"
    assert (await create(hub, duration=60, id="a"))["entity_id"] == "timer.timer"
    assert (await create(hub, duration=60, id="a"))["entity_id"] == "timer.timer"
    with pytest.raises(ServiceError, match="more than 0 seconds"):
        await create(hub, duration=0)
    with pytest.raises(InvalidServiceData):
        await create(hub)


async def test_a_cancelled_one_is_gone_without_a_word(hub: Hub, chat: Any, set_up: SetUp) -> None:
    await set_up("timer")
    made = await create(hub, duration=60, channel="chat", chat="test")
    await hub.services.call("timer", "cancel", {"entity_id": made["entity_id"]})
    assert hub.states.get(made["entity_id"]) is None
    assert not chat.received


async def test_a_timer_of_a_chat_survives_a_restart_and_an_edit(house: House, restart: Any) -> None:
    await house.start("timer:\n")
    made = await create(house.hub, duration=600, name="Bread", channel="chat", chat="test")
    await house.apply("timer: {tea: {duration: 60}}")
    assert timer(house.hub, "bread").state == "active"
    hub = (await restart()).hub
    assert timer(hub, "bread").attributes["finishes_at"] == made["finishes_at"]
    assert timer(hub, "bread").name == "Bread"
