"""Automations that begin because of themselves: without a pause it ends, with one it may go on for ever."""

from __future__ import annotations

import asyncio
from time import thread_time
from typing import Any

import pytest

from nanobot.automation.trace import End
from nanobot.hub import context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

TWICE = """
automation:
  - id: twice
    mode: parallel
    triggers: {trigger: event, event_type: go}
    actions: [{event: go}, {event: went}, {event: go}]
  - id: other
    triggers: {trigger: event, event_type: other}
    actions: {event: done}
"""


def count(hub: Hub, event_type: str) -> list[Any]:
    found: list[Any] = []
    hub.bus.listen(event_type, found.append)
    return found


async def test_one_that_doubles_comes_to_an_end_and_others_have_their_turn_meanwhile(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start(TWICE)
    hub, latest, quiet, before = house.hub, 0.0, 0, 0
    went, done = count(hub, "went"), count(hub, "done")
    hub.bus.fire("go")
    for turn in range(10_000):
        began = thread_time()
        if turn == 20:
            hub.bus.fire("other")
        await asyncio.sleep(0)
        latest = max(latest, thread_time() - began)
        quiet = quiet + 1 if not len(hub.triggered) and before == len(went) else 0
        before = len(went)
        if quiet == 50:  # nobody waits for their turn, and nothing is under way between two actions
            break
    assert 256 < len(went) < 4 * context.MOST
    assert len(done) == 1
    assert latest < 0.2, "seconds of processor time in one turn of the loop"
    assert caplog.text.count("runs because of itself, over and over") == 1


async def test_two_that_turn_each_other_on_and_off_come_to_an_end(house: House) -> None:
    await house.start("""
input_boolean: {a: }
automation:
  - id: again
    triggers: {trigger: state, entity_id: input_boolean.a}
    mode: restart
    actions: {action: input_boolean.toggle, target: {entity_id: input_boolean.a}}
""")
    changes = count(house.hub, "state_changed")
    await house.hub.services.call("input_boolean", "toggle", target={"entity_id": "input_boolean.a"})
    before = -1
    async with asyncio.timeout(20):
        while before != len(changes):
            before = len(changes)
            await asyncio.sleep(0.1)
    assert len(changes) > context.MOST
    item = house.hub.runnable("automation", "again")
    assert item is not None
    *_, last = item.traces
    assert last.short()["script_execution"] == End.RECURSION.value


@pytest.mark.looptime
async def test_one_that_pauses_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MOST", 110)  # in ten seconds
    house.hub.clock.time = asyncio.get_running_loop().time  # type: ignore[method-assign, unused-ignore]
    await house.start("""
automation:
  - triggers: {trigger: event, event_type: go}
    mode: parallel
    actions: [{delay: {milliseconds: 100}}, {event: go}]
""")
    went = count(house.hub, "go")
    house.hub.bus.fire("go")
    await asyncio.sleep(40)
    assert len(went) > 3 * context.MOST
