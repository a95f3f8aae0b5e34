"""Runs that lead to others of the same automation, what they see, and the trace that they leave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.runnable import RunTrace
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.testing.turns import turns
from tests.automation.conftest import Play, settle

AGAIN = {
    "alias": "A",
    "triggers": [{"trigger": "event", "event_type": "go"}],
    "actions": [
        {"event": "out", "event_data": {"k": "begin {{ trigger.event.data.n }}"}},
        {"if": "{{ trigger.event.data.n < 3 }}",
         "then": [{"event": "go", "event_data": {"n": "{{ trigger.event.data.n + 1 }}"}}]},
        {"delay": 0.01},
        {"event": "out", "event_data": {"k": "end {{ trigger.event.data.n }}"}},
    ],
    "max_exceeded": "silent",
}  # fmt: skip

SAID = {
    "single": ["begin 1", "end 1"],
    "restart": ["begin 1", "begin 2", "begin 3", "end 3"],
    "queued": ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"],
    "parallel": ["begin 1", "begin 2", "begin 3", "end 1", "end 2", "end 3"],
}


@pytest.mark.parametrize("mode", SAID)
async def test_an_automation_may_start_itself_by_an_event(play: Play, set_up: SetUp, mode: str) -> None:
    await set_up("automation", [{**AGAIN, "mode": mode}])
    play.hub.bus.fire("go", {"n": 1})
    async with asyncio.timeout(5):
        while len(play.out) < len(SAID[mode]):
            await asyncio.sleep(0.01)
    await settle()
    assert play.out == SAID[mode]


async def test_two_that_fire_each_other_without_end_leave_the_hub_its_turns(play: Play, set_up: SetUp) -> None:
    await set_up("automation", [
        {"alias": name, "triggers": [{"trigger": "event", "event_type": mine}], "actions": [{"event": other}]}
        for name, mine, other in (("A", "ping", "pong"), ("B", "pong", "ping"))
    ])  # fmt: skip
    count = 0

    def heard(event: Any) -> None:
        nonlocal count
        count += 1

    play.hub.bus.listen("ping", heard)
    async with turns() as turn:
        play.hub.bus.fire("ping")
        while turn.count < 300:
            await asyncio.sleep(0)
    assert count > 20
    assert turn.longest < 0.05
    await play.hub.services.call("automation", "turn_off", target={"entity_id": "automation.a"})
    await settle()
    stopped = count
    await settle()
    assert count == stopped


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, [1, 11, "event"]),
        ({}, [1, 2, None]),
        ({"variables": {"b": 7, "trigger": {"platform": "mine"}}}, [1, 7, None]),
    ],
    ids=["by its trigger", "by hand", "by hand, with variables"],
)
async def test_which_variables_count_more(
    play: Play, set_up: SetUp, given: dict[str, Any] | None, said: list[Any]
) -> None:
    await set_up("automation", [{
        "alias": "A",
        "trigger_variables": {"tv": 1, "b": 0},
        "variables": {"b": "{{ tv + 1 }}"},
        "triggers": [{"trigger": "event", "event_type": "go", "variables": {"b": "{{ trigger.event.data.n + 10 }}"}}],
        "actions": [{"event": "out", "event_data": {"k": "{{ [tv, b, trigger.platform] }}"}}],
    }])  # fmt: skip
    if given is None:
        play.hub.bus.fire("go", {"n": 1})
    else:
        await play.hub.services.call("automation", "trigger", given, target={"entity_id": "automation.a"})
    await settle()
    assert play.out == [said]


async def test_an_automation_that_is_turned_off_stops_the_script_that_it_waits_for(play: Play, set_up: SetUp) -> None:
    await play.set_up([{"say": "script"}, {"delay": 60}, {"say": "never"}])
    await play._set_up("automation", [{"alias": "A", "triggers": [{"trigger": "event", "event_type": "go"}],
                                       "actions": [{"action": "script.s"}]}])  # fmt: skip
    play.hub.bus.fire("go")
    await settle()
    assert play.heard() == ["script"]
    await play.hub.services.call("automation", "turn_off", target={"entity_id": "automation.a"})
    await settle()
    assert play.hub.states.get("script.s").state == "off"  # type: ignore[union-attr]


def latest(hub: Hub, entity_id: str) -> RunTrace:
    (item,) = [item for item in hub.runnables if item.entity_id == entity_id]
    *_, last = item.traces
    return last


def steps(hub: Hub, entity_id: str) -> dict[str, list[dict[str, Any]]]:
    last = latest(hub, entity_id)
    found: dict[str, list[dict[str, Any]]] = last.full()["trace"]
    return found


async def test_a_trace_names_each_step_by_its_place(play: Play) -> None:
    await play.set_up("""
        - variables: {a: 1}
        - choose:
            - conditions: ["{{ a == 2 }}"]
              sequence: []
            - conditions: ["{{ a == 1 }}", {or: ["{{ false }}", "{{ true }}"]}]
              sequence:
                - repeat: {count: 2, sequence: [{say: "{{ repeat.index }}"}]}
        - stop: enough
    """)  # fmt: skip
    await play.call()
    found = steps(play.hub, "script.s")
    assert found["sequence/0"][0]["changed_variables"] == {"a": 1}
    assert found["sequence/1"][0]["result"]["choice"] == 1
    assert found["sequence/1/choose/0/conditions/0"][0]["result"]["result"] is False
    assert len(found["sequence/1/choose/1/sequence/0/repeat/sequence/0"]) == 2
    assert found["sequence/2"][0]["result"] == {"stop": "enough", "error": False}


async def test_a_trace_of_a_loop_without_end_is_bounded(play: Play) -> None:
    await play.set_up("[{repeat: {count: 5000, sequence: [{variables: {a: 1}}]}}]")
    await play.call()
    assert sum(map(len, steps(play.hub, "script.s").values())) <= 2000


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ({"stop": "x"}, "finished"),
        ({"stop": "x", "error": True}, "aborted"),
        ({"delay": "{{ 'soon' }}"}, "aborted"),
        ({"wait_template": "{{ false }}", "timeout": 0, "continue_on_timeout": False}, "aborted"),
        ({"condition": "template", "value_template": "{{ false }}"}, "finished"),
    ],
    ids=["stop", "stop with error", "senseless delay", "time limit", "condition"],
)
async def test_a_trace_says_how_the_run_ended(play: Play, end: dict[str, Any], outcome: str) -> None:
    await play.set_up([end])
    await play.call()
    assert latest(play.hub, "script.s").short()["script_execution"] == outcome
