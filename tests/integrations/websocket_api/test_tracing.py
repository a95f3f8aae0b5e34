"""Runs as they go, and the step debugger over the socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

STEPS = [
    {
        "id": "steps",
        "alias": "Steps",
        "triggers": [{"trigger": "event", "event_type": "go"}],
        "conditions": [{"condition": "template", "value_template": "{{ trigger.event.data.get('well', true) }}"}],
        "actions": [
            {"event": "out", "event_data": {"k": 1}},
            {"variables": {"code": "opensesame"}},
            {"parallel": [{"event": "out", "event_data": {"k": 2}}, {"event": "out", "event_data": {"k": 3}}]},
        ],
    }
]
ITEM = {"domain": "automation", "item_id": "steps"}


@pytest.fixture
async def out(hub: Hub, set_up: SetUp) -> list[Any]:
    await set_up("automation", STEPS)
    said: list[Any] = []
    hub.bus.listen("out", lambda event: said.append(event.data["k"]))
    return said


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


# -- as they go -------------------------------------------------------------------------------------


async def test_a_run_is_told_step_by_step_with_its_end(client: Any, hub: Hub, out: list[Any]) -> None:
    hub.scrubber.add("opensesame")
    follow = await client.follow("trace/subscribe", **ITEM)
    hub.bus.fire("go")
    news = [await client.event(follow) for _ in range(16)]
    begun = [one["step"]["path"] for one in news if one["event"] == "step"]
    assert begun == [
        "trigger/0",
        "condition/0",
        "action/0",
        "action/1",
        "action/2",
        "action/2/parallel/0/sequence/0",
        "action/2/parallel/1/sequence/0",
    ]
    done = {one["step"]["path"]: one["step"] for one in news if one["event"] == "step_finished"}
    assert set(done) == set(begun)
    assert done["trigger/0"]["changed_variables"]["trigger"]["event"]["event_type"] == "go"
    assert done["condition/0"]["result"]["result"] is True
    assert done["action/1"]["changed_variables"] == {"code": "••••"}
    assert done["action/2"]["duration"] >= 0
    assert (news[0]["event"], news[0]["state"]) == ("started", "running")
    assert (news[-1]["event"], news[-1]["script_execution"]) == ("finished", "finished")
    await client.ask("unsubscribe_events", subscription=follow)
    assert hub.live_traces is None
    hub.bus.fire("go")
    await settle()
    await client.is_quiet()


async def test_a_trigger_whose_conditions_do_not_hold_is_told_too(client: Any, hub: Hub, out: list[Any]) -> None:
    follow = await client.follow("trace/subscribe")
    hub.bus.fire("go", {"well": False})
    news = [await client.event(follow) for _ in range(6)]
    assert [one["event"] for one in news] == ["started", "step", "step_finished", "step", "step_finished", "finished"]
    assert news[-1]["script_execution"] == "failed_conditions"


async def test_other_items_are_not_told(client: Any, hub: Hub, out: list[Any]) -> None:
    await client.follow("trace/subscribe", domain="script")
    await client.follow("trace/subscribe", domain="automation", item_id="other")
    hub.bus.fire("go")
    await settle()
    await client.is_quiet()


async def test_runs_are_for_administrators_alone(socket: Any, out: list[Any]) -> None:
    user = await socket.sign_in(Access.USER)
    for command in ("trace/subscribe", "trace/debug/breakpoint/subscribe", "trace/debug/breakpoint/list"):
        assert (await user.fails(command))["code"] == "unauthorized"


# -- the debugger -----------------------------------------------------------------------------------


async def test_a_run_is_held_before_a_step_until_it_is_let_go(client: Any, hub: Hub, out: list[Any]) -> None:
    debug = await client.follow("trace/debug/breakpoint/subscribe")
    assert await client.ask("trace/debug/breakpoint/set", **ITEM, node="action/1") is None
    points = await client.ask("trace/debug/breakpoint/list")
    assert points == [{**ITEM, "run_id": "*", "node": "action/1"}]
    hub.bus.fire("go")
    hit = await client.event(debug)
    assert {key: hit[key] for key in ("domain", "item_id", "node")} == {**ITEM, "node": "action/1"}
    assert out == [1]
    short = (await client.ask("trace/list", **ITEM))[0]
    assert (short["run_id"], short["state"], short["last_step"]) == (hit["run_id"], "running", "action/1")
    await client.ask("trace/debug/continue", **ITEM, run_id=hit["run_id"])
    await settle()
    assert out == [1, 2, 3]
    await client.ask("trace/debug/breakpoint/clear", **ITEM, node="action/1")
    assert await client.ask("trace/debug/breakpoint/list") == []


async def test_a_run_goes_step_by_step(client: Any, hub: Hub, out: list[Any]) -> None:
    debug = await client.follow("trace/debug/breakpoint/subscribe")
    await client.ask("trace/debug/breakpoint/set", **ITEM, node="action/0")
    hub.bus.fire("go")
    run_id = (await client.event(debug))["run_id"]
    nodes = []
    for _ in range(3):
        await client.tell("trace/debug/step", **ITEM, run_id=run_id)
        answer = await client.receive()
        event = answer if answer["type"] == "event" else await client.receive()
        nodes.append(event["event"]["node"])
    assert nodes == ["action/1", "action/2", "action/2/parallel/0/sequence/0"]
    assert out == [1]
    await client.ask("trace/debug/continue", **ITEM, run_id=run_id)
    await settle()
    assert sorted(out) == [1, 2, 3]


async def test_a_run_that_is_held_can_be_ended(client: Any, hub: Hub, out: list[Any]) -> None:
    debug = await client.follow("trace/debug/breakpoint/subscribe")
    await client.ask("trace/debug/breakpoint/set", **ITEM, node="*")
    hub.bus.fire("go")
    hit = await client.event(debug)
    await client.ask("trace/debug/stop", **ITEM, run_id=hit["run_id"])
    await settle()
    assert out == []
    assert (await client.ask("trace/list", **ITEM))[0]["script_execution"] == "cancelled"


async def test_without_anybody_who_is_told_nothing_is_held(client: Any, socket: Any, hub: Hub, out: list[Any]) -> None:
    error = await client.fails("trace/debug/breakpoint/set", **ITEM, node="action/0")
    assert error == {"code": "home_assistant_error", "message": "No breakpoint subscription"}
    debug = await client.follow("trace/debug/breakpoint/subscribe")
    await client.ask("trace/debug/breakpoint/set", **ITEM, node="action/0")
    hub.bus.fire("go")
    await client.event(debug)
    await client.ask("unsubscribe_events", subscription=debug)
    await settle()
    assert out == [1, 2, 3]
    assert hub.debugger is None
    hub.bus.fire("go")
    await settle()
    assert len(out) == 6


async def test_an_edit_ends_what_is_held(client: Any, hub: Hub, set_up: SetUp, out: list[Any]) -> None:
    debug = await client.follow("trace/debug/breakpoint/subscribe")
    await client.ask("trace/debug/breakpoint/set", **ITEM, node="action/0")
    hub.bus.fire("go")
    await client.event(debug)
    await set_up("automation", [{**STEPS[0], "alias": "Steps", "actions": []}])
    await settle()
    assert out == []
    assert (await client.ask("trace/list", **ITEM))[0]["script_execution"] == "cancelled"


async def test_events_of_triggers_are_told_in_full(client: Any, hub: Hub, out: list[Any]) -> None:
    hub.bus.fire("go", {"cups": 1})
    await settle()
    short = (await client.ask("trace/list", **ITEM))[0]
    full = await client.ask("trace/get", **ITEM, run_id=short["run_id"])
    event = full["trace"]["trigger/0"][0]["changed_variables"]["trigger"]["event"]
    assert (event["event_type"], event["data"]) == ("go", {"cups": 1})
    assert set(event["context"]) == {"id", "parent_id", "user_id"}
