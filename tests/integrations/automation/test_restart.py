"""What waits when nanobot stops goes on when it starts again, and nothing is done twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

Restart = Callable[[], Awaitable[House]]


def going(*actions: Any, **more: Any) -> dict[str, Any]:
    return {"id": "a", "alias": "A", "triggers": {"trigger": "event", "event_type": "go"}, "actions": actions, **more}


def out(words: str) -> dict[str, Any]:
    return {"event": "out", "event_data": {"k": words}}


def config(*automations: Any, **more: Any) -> str:
    return json.dumps({"automation": automations, **more})


def heard(hub: Hub) -> list[Any]:
    said: list[Any] = []

    def hear(event: Event) -> None:
        said.append(event.data["k"])

    hub.bus.listen("out", hear)
    return said


async def begin(house: House, *automations: Any, **more: Any) -> list[Any]:
    await house.start(config(*automations, **more))
    said = heard(house.hub)
    house.hub.bus.fire("go", {"n": 7})
    await asyncio.sleep(0.05)
    return said


async def until(said: list[Any], *wanted: Any) -> None:
    async with asyncio.timeout(5):
        while len(said) < len(wanted):
            await asyncio.sleep(0.01)
    assert said == list(wanted)


async def test_a_delay_goes_on_with_the_rest_of_its_time(house: House, restart: Restart) -> None:
    said = await begin(house, going(out("begin"), {"delay": 1}, out("end {{ trigger.event.data.n }}")))
    assert said == ["begin"]
    began = asyncio.get_running_loop().time()
    again = await restart()
    said = heard(again.hub)
    assert again.hub.states.get("automation.a").attributes["current"] == 1  # type: ignore[union-attr]
    await until(said, "end 7")
    assert 0.8 < asyncio.get_running_loop().time() - began < 3


async def test_what_was_due_meanwhile_is_done_at_once(house: House, restart: Restart) -> None:
    await begin(house, going({"delay": {"milliseconds": 200}}, out("end")))
    await house.close()
    await asyncio.sleep(0.3)
    again = await restart()
    (trace,) = again.hub.runnable("automation", "a").traces  # type: ignore[union-attr]
    async with asyncio.timeout(5):
        while trace.short()["state"] == "running":
            await asyncio.sleep(0.01)
    assert (trace.short()["script_execution"], trace.short()["last_step"]) == ("finished", "action/1")


async def test_a_run_goes_on_from_deep_within(house: House, restart: Restart) -> None:
    inner = {
        "choose": [
            {"conditions": "{{ false }}", "sequence": [out("no")]},
            {
                "conditions": "{{ n == 2 }}",
                "sequence": [
                    {
                        "repeat": {
                            "for_each": ["x", "y", "z"],
                            "sequence": [
                                out("{{ repeat.item }}{{ repeat.index }}"),
                                {"if": "{{ repeat.item == 'y' }}", "then": [{"delay": 1}, out("after {{ word }}")]},
                            ],
                        }
                    }
                ],
            },
        ]
    }
    said = await begin(house, going({"variables": {"n": 2, "word": "wait"}}, inner, out("end")))
    assert said == ["x1", "y2"]
    again = await restart()
    await until(heard(again.hub), "after wait", "z3", "end")


async def test_the_branches_of_parallel_that_were_done_are_not_done_again(house: House, restart: Restart) -> None:
    branches = {"parallel": [[{"delay": 0}, out("quick")], {"sequence": [{"delay": 1}, out("slow")]}]}
    said = await begin(house, going(branches, out("end")))
    assert said == ["quick"]
    again = await restart()
    await until(heard(again.hub), "slow", "end")


async def test_a_wait_for_a_trigger_waits_on(house: House, restart: Restart) -> None:
    wait = {"wait_for_trigger": {"trigger": "event", "event_type": "now"}, "timeout": 60}
    await begin(house, going(wait, out("{{ wait.trigger.event.data.x }} {{ wait.remaining < 60 }}")))
    again = await restart()
    said = heard(again.hub)
    await asyncio.sleep(0.05)
    again.hub.bus.fire("now", {"x": 3})
    await until(said, "3 True")


async def test_the_for_of_what_is_waited_for_goes_on(house: House, restart: Restart) -> None:
    waited = {"trigger": "state", "entity_id": "sensor.door", "to": "open", "for": {"milliseconds": 600}}
    await begin(house, going({"wait_for_trigger": waited, "timeout": 60}, out("{{ wait.trigger.from_state.state }}")))
    house.hub.states.set("sensor.door", "closed")
    house.hub.states.set("sensor.door", "open")
    began = house.hub.clock.time()
    again = await restart()
    said = heard(again.hub)
    await asyncio.sleep(0.05)
    again.hub.states.set("sensor.door", "open")
    await asyncio.sleep(max(0.0, began + 0.65 - again.hub.clock.time()))
    await until(said, "closed")


async def test_runs_that_waited_for_their_turn_are_done(house: House, restart: Restart) -> None:
    await house.start(config(going({"delay": {"milliseconds": 300}}, out("{{ trigger.event.data.n }}"), mode="queued")))
    for number in range(3):
        house.hub.bus.fire("go", {"n": number})
    await asyncio.sleep(0.05)
    again = await restart()
    await until(heard(again.hub), 0, 1, 2)


async def test_a_run_of_what_was_changed_meanwhile_is_over_and_its_trace_says_so(
    house: House, restart: Restart
) -> None:
    await begin(house, going({"delay": 30}, out("end")))
    await house.close()
    house.write(config(going({"delay": 30}, out("another end"))))
    again = await restart()
    (trace,) = again.hub.runnable("automation", "a").traces  # type: ignore[union-attr]
    assert trace.short()["script_execution"] == "interrupted"
    assert again.hub.states.get("automation.a").attributes["current"] == 0  # type: ignore[union-attr]


async def test_a_script_goes_on_and_a_run_that_is_over_does_not(house: House, restart: Restart) -> None:
    script = {"s": {"sequence": [out("begin"), {"delay": {"milliseconds": 800}}, out("end")]}}
    await house.start(config(script=script))
    said = heard(house.hub)
    await house.hub.services.call("script", "s", {})
    assert said == ["begin", "end"]
    await house.hub.services.call("script", "turn_on", {"entity_id": "script.s"})
    await asyncio.sleep(0.05)
    again = await restart()
    said = heard(again.hub)
    assert again.hub.states.get("script.s").state == "on"  # type: ignore[union-attr]
    await until(said, "end")
    again = await restart()
    said = heard(again.hub)
    await asyncio.sleep(1.0)
    assert said == []


async def test_a_pending_for_of_a_trigger_goes_on(house: House, restart: Restart) -> None:
    lasting = going(out("lasted"), triggers={"trigger": "state", "entity_id": "input_boolean.b", "to": "on", "for": 1})
    await house.start(config(lasting, input_boolean={"b": None}))
    await house.hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.b"})
    await asyncio.sleep(0.05)
    again = await restart()
    await until(heard(again.hub), "lasted")


async def test_one_with_an_id_keeps_its_entity_id_under_another_name(house: House, restart: Restart) -> None:
    await house.start("automation: [{id: a, alias: A, triggers: [], actions: []}]")
    await house.apply("automation: [{id: a, alias: Other, triggers: [], actions: []}]")
    again = await restart()
    assert [(s.entity_id, s.name) for s in again.hub.states.all("automation")] == [("automation.a", "Other")]
