"""How many runs at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

TARGET = {"entity_id": "automation.a"}


def slow(mode: str = "single", **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "alias": "A",
            "triggers": {"trigger": "event", "event_type": "go"},
            "actions": [{"event": "begin"}, {"delay": 10}, {"event": "end"}],
            "mode": mode,
            **more,
        }
    ]


class Times:
    """When the runs began and ended, and how many there were then."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.loop = asyncio.get_running_loop()
        self.begin = self.loop.time()
        self.seen: list[tuple[str, int]] = []
        for name in ("begin", "end"):
            hub.bus.listen(name, lambda event: self.seen.append((event.type, round(self.loop.time() - self.begin))))

    async def go_at(self, *times: float) -> None:
        for at in times:
            await asyncio.sleep(self.begin + at - self.loop.time())
            self.hub.bus.fire("go")

    def attributes(self) -> dict[str, Any]:
        state = self.hub.states.get("automation.a")
        assert state is not None
        return dict(state.attributes)


MODES: dict[str, tuple[dict[str, Any], list[tuple[str, int]], int]] = {
    "single": ({}, [("begin", 0), ("end", 10), ("begin", 30), ("end", 40)], 1),
    "restart": (
        {"mode": "restart"},
        [("begin", 0), ("begin", 1), ("begin", 2), ("end", 12), ("begin", 30), ("end", 40)],
        1,
    ),
    "queued": (
        {"mode": "queued"},
        [("begin", 0), ("end", 10), ("begin", 10), ("end", 20), ("begin", 20), ("end", 30), ("begin", 30), ("end", 40)],
        3,
    ),
    "queued, two": (
        {"mode": "queued", "max": 2},
        [("begin", 0), ("end", 10), ("begin", 10), ("end", 20), ("begin", 30), ("end", 40)],
        2,
    ),
    "parallel": (
        {"mode": "parallel"},
        [("begin", 0), ("begin", 1), ("begin", 2), ("end", 10), ("end", 11), ("end", 12), ("begin", 30), ("end", 40)],
        3,
    ),
    "parallel, two": (
        {"mode": "parallel", "max": 2},
        [("begin", 0), ("begin", 1), ("end", 10), ("end", 11), ("begin", 30), ("end", 40)],
        2,
    ),
}


@pytest.mark.looptime
@pytest.mark.parametrize(("more", "seen", "current"), MODES.values(), ids=MODES.keys())
async def test_modes(hub: Hub, set_up: SetUp, more: dict[str, Any], seen: list[tuple[str, int]], current: int) -> None:
    await set_up("automation", slow(**more))
    times = Times(hub)
    await times.go_at(0, 1, 2)
    await asyncio.sleep(0.5)
    assert times.attributes()["current"] == current
    await times.go_at(30.01)
    await asyncio.sleep(20)
    assert times.seen == seen
    assert times.attributes()["current"] == 0


@pytest.mark.looptime
async def test_one_that_is_too_many_is_logged_as_wished(
    hub: Hub, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    for exceeded, levels in (("warning", [logging.WARNING]), ("silent", []), ("error", [logging.ERROR])):
        await set_up("automation", slow(max_exceeded=exceeded))
        caplog.clear()
        hub.bus.fire("go")
        hub.bus.fire("go")
        await asyncio.sleep(1)
        assert [r.levelno for r in caplog.records if "running already" in r.message] == levels
        await asyncio.sleep(10)


@pytest.mark.looptime
async def test_a_flood_of_refused_triggers_is_told_once_a_second_and_not_one_by_one(
    hub: Hub, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[str]:
        return [record.message.partition(": ")[2] for record in caplog.records if "ignored" in record.message]

    async def said(count: int) -> None:
        while len(told()) < count:
            await asyncio.sleep(0.01)

    first = "is running already, so this trigger is ignored"
    await set_up("automation", slow())
    for _ in range(1001):
        hub.bus.fire("go")
    await said(1)
    assert told() == [first]
    await asyncio.sleep(5)
    assert len(told()) <= 4
    assert sum(int(one.split()[0]) for one in told()[1:]) == 999
    caplog.clear()
    hub.bus.fire("go")
    hub.bus.fire("go")
    await said(1)
    await asyncio.sleep(0)
    await set_up("automation", slow(alias="another"))
    assert told() == [first, "1 more triggers were ignored within 1 s"]


@pytest.mark.looptime
async def test_one_that_is_refused_leaves_no_trace_of_having_run(hub: Hub, set_up: SetUp) -> None:
    await set_up("automation", slow())
    triggered: list[Any] = []
    hub.bus.listen("automation_triggered", triggered.append)
    times = Times(hub)
    await times.go_at(0)
    await asyncio.sleep(1)
    first = times.attributes()["last_triggered"]
    await times.go_at(2)
    await asyncio.sleep(1)
    assert times.attributes()["last_triggered"] == first
    assert len(triggered) == 1


@pytest.mark.looptime
@pytest.mark.parametrize(("stop", "seen"), [(True, ["begin"]), (False, ["begin", "end"])])
async def test_turning_off_stops_the_run_unless_told_otherwise(
    hub: Hub, set_up: SetUp, stop: bool, seen: list[str]
) -> None:
    await set_up("automation", slow())
    times = Times(hub)
    await times.go_at(0)
    await asyncio.sleep(1)
    await hub.services.call("automation", "turn_off", {**TARGET, "stop_actions": stop})
    await asyncio.sleep(20)
    assert [name for name, _ in times.seen] == seen
    assert times.attributes()["current"] == 0


@pytest.mark.looptime
async def test_one_that_turns_itself_off_ends_there_and_waits_for_nobody(hub: Hub, set_up: SetUp) -> None:
    off = {"action": "automation.turn_off", "target": TARGET}
    await set_up("automation", slow(actions=[{"event": "begin"}, off, {"event": "end"}]))
    times = Times(hub)
    await times.go_at(0)
    await asyncio.sleep(1)
    state = hub.states.get("automation.a")
    assert state is not None
    assert (state.state, state.attributes["current"]) == ("off", 0)
    assert times.seen == [("begin", 0)]


@pytest.mark.looptime
@pytest.mark.parametrize("mode", ["single", "restart", "queued", "parallel"])
async def test_one_that_triggers_itself_does_not_wait_for_itself(
    hub: Hub, set_up: SetUp, entry: Entry, mode: str
) -> None:
    begun = 0

    def once(call: Any) -> Any:
        nonlocal begun
        begun += 1
        if begun == 1:
            return hub.services.call("automation", "trigger", TARGET)
        return None

    async def again(call: Any) -> None:
        result = once(call)
        if result is not None:
            await result

    entry.service("again", again)
    await set_up("automation", slow(mode, actions=[{"action": "test.again"}, {"event": "end"}]))
    times = Times(hub)
    await times.go_at(0)
    await asyncio.sleep(30)
    assert times.attributes()["current"] == 0
    assert (begun, len(times.seen)) == ((2, 2) if mode == "parallel" else (1, 1))


@pytest.mark.looptime
async def test_triggering_by_hand_waits_until_it_is_done(hub: Hub, set_up: SetUp) -> None:
    await set_up("automation", slow("queued"))
    times = Times(hub)
    await asyncio.gather(*(hub.services.call("automation", "trigger", TARGET) for _ in range(3)))
    assert [name for name, _ in times.seen] == ["begin", "end"] * 3
    assert times.loop.time() - times.begin == pytest.approx(30, abs=1)
