"""Edits: what changed is replaced, what did not change notices nothing, what is wrong is shown."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

A = {
    "id": "a",
    "alias": "A",
    "triggers": {"trigger": "event", "event_type": "go"},
    "actions": [{"event": "out", "event_data": {"k": "old"}}],
}
NEW_A = {**A, "actions": [{"event": "out", "event_data": {"k": "new"}}]}
B = {**A, "id": "b", "alias": "B", "actions": [{"event": "out", "event_data": {"k": "b"}}]}
SLOW = {**A, "actions": [{"event": "out", "event_data": {"k": "begin"}}, {"delay": 10}, *A["actions"]]}
WRONG = {**A, "actions": [{"acton": "x.y"}]}


def text(*automations: Any) -> str:
    return json.dumps({"automation": automations}, indent=1)


def changes_of(hub: Hub) -> list[Any]:
    seen: list[Any] = []

    def changed(event: Event) -> None:
        if event.data["entity_id"].startswith("automation."):
            new = event.data["new_state"]
            seen.append((event.data["entity_id"], new and new.state))

    hub.bus.listen("state_changed", changed)
    return seen


def fired(hub: Hub, event_type: str) -> list[Event]:
    seen: list[Event] = []
    hub.bus.listen(event_type, seen.append)
    return seen


async def go(hub: Hub, out: Any) -> list[Any]:
    before = len(out.said)
    hub.bus.fire("go")
    for _ in range(20):
        await asyncio.sleep(0)
    return list(out.said[before:])


async def test_changed_added_removed(hub: Hub, house: House, out: Any) -> None:
    await house.start(text(A, B))
    assert await go(hub, out) == ["old", "b"]
    c = {**B, "id": "c", "alias": "C", "actions": [{"event": "out", "event_data": {"k": "c"}}]}
    await house.apply(text(NEW_A, c))
    assert await go(hub, out) == ["new", "c"]
    assert hub.states.get("automation.c").state == "on"  # type: ignore[union-attr]
    gone = hub.states.get("automation.b")  # it had an id, so it stays visible until the next start
    assert gone is not None
    assert (gone.state, gone.attributes["restored"]) == ("unavailable", True)
    await house.apply(text(NEW_A, B, c))
    assert hub.states.get("automation.b").state == "on"  # type: ignore[union-attr]


async def test_unchanged_ones_notice_nothing(hub: Hub, house: House, out: Any) -> None:
    await house.start(text(A, B))
    entity, changes = hub.entities.get("automation.b"), changes_of(hub)
    await house.apply(text({**A, "mode": "parallel"}, B))
    await house.apply(text(B, {**A, "mode": "parallel"}))
    assert changes == [("automation.a", "on")]
    assert hub.entities.get("automation.b") is entity


@pytest.mark.looptime
async def test_an_unchanged_one_goes_on_with_its_run_and_its_waiting(hub: Hub, house: House, out: Any) -> None:
    waiting = {
        **B,
        "triggers": {"trigger": "state", "entity_id": "sensor.s", "to": "on", "for": 10},
    }
    await house.start(text(SLOW, waiting))
    hub.states.set("sensor.s", "on")
    await go(hub, out)
    await asyncio.sleep(5)
    await house.apply(text(waiting, {**B, "id": "more", "alias": "More"}, SLOW))
    assert hub.states.get("automation.a").attributes["current"] == 1  # type: ignore[union-attr]
    await asyncio.sleep(6)
    assert sorted(out.said) == ["b", "begin", "old"]


@pytest.mark.looptime
async def test_the_run_of_a_changed_one_is_stopped(hub: Hub, house: House, out: Any) -> None:
    await house.start(text(SLOW))
    await go(hub, out)
    await house.apply(text(NEW_A))
    await asyncio.sleep(20)
    assert out.said == ["begin"]
    assert await go(hub, out) == ["new"]


async def test_a_changed_one_keeps_its_state_without_a_gap(hub: Hub, house: House, out: Any) -> None:
    await house.start(text(A))
    await go(hub, out)
    await hub.services.call("automation", "turn_off", {"entity_id": "automation.a"})
    last = hub.states.get("automation.a").attributes["last_triggered"]  # type: ignore[union-attr]
    changes = changes_of(hub)
    await house.apply(text({**NEW_A, "mode": "restart"}))
    assert changes == [("automation.a", "off")]
    assert hub.states.get("automation.a").attributes["last_triggered"] == last  # type: ignore[union-attr]
    assert await go(hub, out) == []


async def test_one_with_an_id_keeps_its_entity_id_and_its_state_under_another_name(hub: Hub, house: House) -> None:
    await house.start(text(A))
    await hub.services.call("automation", "turn_off", {"entity_id": "automation.a"})
    await house.apply(text({**A, "alias": "Other"}))
    assert {s.entity_id: (s.name, s.state) for s in hub.states.all("automation")} == {"automation.a": ("Other", "off")}


async def test_one_without_an_id_has_that_of_its_name(hub: Hub, house: House) -> None:
    without = {key: value for key, value in A.items() if key != "id"}
    await house.start(text(without))
    await house.apply(text({**without, "alias": "Other"}))
    assert [s.entity_id for s in hub.states.all("automation")] == ["automation.other"]


async def test_names_can_be_swapped(hub: Hub, house: House, out: Any) -> None:
    await house.start(text(A, B))
    await house.apply(text({**A, "alias": "B"}, {**B, "alias": "A"}))
    assert {s.entity_id: (s.attributes["id"], s.name) for s in hub.states.all("automation")} == {
        "automation.a": ("a", "B"),
        "automation.b": ("b", "A"),
    }
    assert sorted(await go(hub, out)) == ["b", "old"]


async def test_a_wrong_one_is_shown_as_unavailable_and_the_others_run(hub: Hub, house: House, out: Any) -> None:
    applied = await house.apply(text(WRONG, B))
    assert len(applied.problems) == 1
    state = hub.states.get("automation.a")
    assert state is not None
    assert state.state == "unavailable"
    assert state.attributes["id"] == "a"
    assert "did you mean 'action'?" in state.attributes["error"]
    assert state.attributes["error"].startswith("configuration.yaml:")
    assert await go(hub, out) == ["b"]
    await hub.services.call("automation", "turn_on", {"entity_id": "automation.a"})
    await hub.services.call("automation", "trigger", {"entity_id": "automation.a"})
    await house.apply(text(A, B))
    assert hub.states.get("automation.a").state == "on"  # type: ignore[union-attr]
    assert await go(hub, out) == ["b", "old"]


async def test_a_wrong_edit_leaves_the_good_version_running_and_marked(hub: Hub, house: House, out: Any) -> None:
    await house.start(text(A, B))
    changes = changes_of(hub)
    applied = await house.apply(text(WRONG, B))
    assert len(applied.problems) == 1
    assert "did you mean 'action'?" in hub.states.get("automation.a").attributes["error"]  # type: ignore[union-attr]
    assert await go(hub, out) == ["old", "b"]
    await house.apply(text(A, B))
    assert "error" not in hub.states.get("automation.a").attributes  # type: ignore[union-attr]
    assert [c for c in changes if c[1] == "unavailable"] == []
    await house.apply(text(WRONG, B))
    await house.apply(text(NEW_A, B))
    assert "error" not in hub.states.get("automation.a").attributes  # type: ignore[union-attr]
    assert await go(hub, out) == ["b", "new"]


async def test_an_id_that_is_used_twice_is_a_mistake_of_the_second(hub: Hub, house: House, out: Any) -> None:
    applied = await house.apply(text(A, {**B, "id": "a"}))
    assert "the id 'a' belongs to an automation above" in str(applied.problems[0])
    assert {s.entity_id: s.state for s in hub.states.all("automation")} == {
        "automation.a": "on",
        "automation.b": "unavailable",
    }


async def test_everything_wrong_with_one_is_told_at_once(house: House) -> None:
    house.write(
        """
automation:
  - alias: Morning
    triggers:
      - trigger: time
        at: "25:00"
      - trigger: evnt
        event_type: go
      - trigger: state
        entity_id: sensor.s
        too: open
    conditions:
      - condition: state
        entity_id: sensor.s
    actions:
      - action: turn on
      - event: out
        event_dat: {}
    mod: single
"""
    )
    applied = await house.apply()
    assert [str(problem).removeprefix("configuration.yaml:") for problem in applied.problems] == [
        "6: automation > \"Morning\" > triggers > 0 > at > 0: '25:00' is not a time of day; write it like '07:30'",
        "7: automation > \"Morning\" > triggers > 1 > trigger: there is no trigger 'evnt'; did you mean 'event'?",
        "11: automation > \"Morning\" > triggers > 2 > too: unknown option; did you mean 'to'?",
        "13: automation > \"Morning\" > conditions > 0: the option 'state' is missing",
        (
            '16: automation > "Morning" > actions > 0 > action: '
            "'turn on' is no name of a service; write it like 'input_boolean.turn_on'"
        ),
        "18: automation > \"Morning\" > actions > 1 > event_dat: unknown option; did you mean 'event_data'?",
        "19: automation > \"Morning\" > mod: unknown option; did you mean 'mode'?",
    ]


async def test_a_reload_is_announced_with_its_cause(hub: Hub, house: House) -> None:
    from nanobot.hub.context import Context

    await house.start(text(A))
    seen = fired(hub, "automation_reloaded")
    cause = Context(actor="user")
    await hub.services.call("automation", "reload", {}, context=cause)
    house.write(text(NEW_A))
    await hub.services.call("automation", "reload", {}, context=cause)
    assert [event.context for event in seen] == [cause, cause]
    await house.apply(text(A))
    assert len(seen) == 3


@pytest.mark.parametrize("service", ["nanobot.reload_all", "automation.reload", "homeassistant.reload_all"])
async def test_an_automation_may_reload_itself_and_strands_nobody(
    hub: Hub, house: House, out: Any, service: str
) -> None:
    reloads = {**A, "actions": [{"action": service}, *A["actions"]]}
    many = [{**B, "id": f"m{n}", "alias": f"M{n}"} for n in range(30)]
    await house.start(text(reloads, *many))
    house.write(text({**reloads, "mode": "restart"}, *({**m, "mode": "restart"} for m in many)))
    hub.bus.fire("go")
    async with asyncio.timeout(10):
        while {s.attributes.get("mode") for s in hub.states.all("automation")} != {"restart"}:
            await asyncio.sleep(0.01)
        await house.apply(text(A, *many))
    assert {s.state for s in hub.states.all("automation")} == {"on"}
    assert len(hub.states.all("automation")) == 31
    assert sorted(await go(hub, out)) == [*["b"] * 30, "old"]


async def test_an_unchanged_automation_that_reloads_goes_on_after_it(hub: Hub, house: House, out: Any) -> None:
    reloads = {**A, "actions": [{"action": "nanobot.reload_all"}, *A["actions"]]}
    await house.start(text(reloads, B))
    house.write(text(reloads, {**B, "mode": "restart"}))
    hub.bus.fire("go")
    assert sorted(await out.wait(2)) == ["b", "old"]
    async with asyncio.timeout(10):
        while hub.states.get("automation.b").attributes["mode"] != "restart":  # type: ignore[union-attr]
            await asyncio.sleep(0.01)


async def test_labels_and_packages_are_one_list(hub: Hub, house: House) -> None:
    await house.start(json.dumps({"automation": [A], "automation more": [B]}))
    assert [s.entity_id for s in hub.states.all("automation")] == ["automation.a", "automation.b"]


async def test_nothing_is_left_after_a_hundred_reloads(hub: Hub, house: House, entry: Entry) -> None:
    await house.start(text(A, B))
    before = hub.bus.counts(), hub.states.tracked(), len(hub.entities)
    for _ in range(50):
        await house.apply(text(NEW_A))
        await house.apply(text(A, B))
    assert (hub.bus.counts(), hub.states.tracked(), len(hub.entities)) == before


async def test_a_thousand_reload_at_the_cost_of_one(hub: Hub, house: House) -> None:
    many = [{**B, "id": f"m{n}", "alias": f"M{n}"} for n in range(1000)]
    await house.start(text(*many))
    changes = changes_of(hub)
    await house.apply(text(*many[:-1], {**many[-1], "mode": "restart"}))
    assert changes == [("automation.m999", "on")]
