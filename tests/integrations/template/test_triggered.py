"""Entities with triggers: they get their values when one fires, and keep them over a restart."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nanobot.hub.context import Context
from nanobot.hub.hub import Hub, Phase
from nanobot.testing.plugin import House
from nanobot.util.dt import Clock

from .conftest import settle

State = Callable[[str], str | None]
Attribute = Callable[[str, str], Any]
Errors = Callable[[], list[str]]

GO = {"trigger": "event", "event_type": "go"}


async def go(hub: Hub, context: Context | None = None, **data: Any) -> None:
    hub.bus.fire("go", data, context)
    await settle()


async def test_values_come_when_a_trigger_fires_and_stay(hub: Hub, set_up: Any, state: State) -> None:
    hub.states.set("sensor.a", "1")
    template = "{{ trigger.event.data.n }} {{ states('sensor.a') }}"
    await set_up("template", [{"triggers": GO, "sensor": {"name": "S", "state": template, "attributes": {"a": 1}}}])
    assert state("sensor.s") == "unknown"
    hub.states.set("sensor.a", "2")
    assert state("sensor.s") == "unknown"
    await go(hub, n=5)
    assert state("sensor.s") == "5 2"
    hub.states.set("sensor.a", "3")
    await settle()
    assert state("sensor.s") == "5 2"


@pytest.mark.parametrize("spelling", [("trigger", "condition", "action"), ("triggers", "conditions", "actions")])
async def test_conditions_actions_and_variables_come_before_the_values(
    hub: Hub, set_up: Any, state: State, attribute: Attribute, spelling: tuple[str, str, str]
) -> None:
    triggers, conditions, actions = spelling
    section = {
        triggers: [{**GO, "id": "mine"}],
        "variables": {"n": "{{ trigger.event.data.n }}"},
        conditions: "{{ n > 1 }}",
        actions: [{"variables": {"twice": "{{ n * 2 }}"}}],
        "sensor": {"name": "S", "state": "{{ twice }}", "attributes": {"id": "{{ trigger.id }}"}},
    }
    await set_up("template", [section])
    await go(hub, n=1)
    assert state("sensor.s") == "unknown"
    await go(hub, n=2)
    assert state("sensor.s") == "4"
    assert attribute("sensor.s", "id") == "mine"


async def test_values_wait_for_actions_that_take_time(hub: Hub, set_up: Any, state: State) -> None:
    actions = [
        {"wait_for_trigger": {"trigger": "event", "event_type": "answer"}},
        {"variables": {"n": "{{ wait.trigger.event.data.n }}"}},
    ]
    await set_up("template", [{"triggers": GO, "actions": actions, "sensor": {"name": "S", "state": "{{ n }}"}}])
    await go(hub)
    assert state("sensor.s") == "unknown"
    hub.bus.fire("answer", {"n": 7})
    await settle()
    assert state("sensor.s") == "7"


async def test_actions_that_fail_leave_the_values_as_they_were(hub: Hub, set_up: Any, state: State) -> None:
    section = {"triggers": GO, "actions": [{"action": "no.such"}], "sensor": {"name": "S", "state": "new"}}
    await set_up("template", [section])
    await go(hub)
    assert state("sensor.s") == "unknown"


async def test_a_template_that_fails_makes_it_unavailable_until_the_next_time(
    hub: Hub, set_up: Any, state: State, errors: Errors
) -> None:
    sensor = {"name": "S", "state": "{{ 10 / trigger.event.data.n }}", "unit_of_measurement": "kg"}
    await set_up("template", [{"triggers": GO, "sensor": [sensor, {"name": "T", "state": "fine"}]}])
    await go(hub, n=0)
    assert (state("sensor.s"), state("sensor.t")) == ("unavailable", "fine")
    assert "sensor.s: state: ZeroDivisionError" in errors()[0]
    await go(hub, n=4)
    assert state("sensor.s") == "2.5"


async def test_availability_counts_before_the_rest(hub: Hub, set_up: Any, state: State, errors: Errors) -> None:
    sensor = {
        "name": "S",
        "state": "{{ 10 / trigger.event.data.n }}",
        "availability": "{{ trigger.event.data.n != 0 }}",
    }
    await set_up("template", [{"triggers": GO, "sensor": sensor}])
    await go(hub, n=0)
    assert state("sensor.s") == "unavailable"
    await go(hub, n=5)
    assert state("sensor.s") == "2.0"
    assert errors() == []


async def test_this_is_what_it_was_before_the_trigger(hub: Hub, set_up: Any, state: State) -> None:
    await set_up("template", [{"triggers": GO, "sensor": {"name": "S", "state": "{{ this.state | int(0) + 1 }}"}}])
    for _ in range(3):
        await go(hub)
    assert state("sensor.s") == "3"


async def test_the_context_is_that_of_the_trigger(hub: Hub, set_up: Any) -> None:
    await set_up("template", [{"triggers": GO, "sensor": {"name": "S", "state": "x"}}])
    context = Context()
    await go(hub, context)
    found = hub.states.get("sensor.s")
    assert found is not None
    assert found.context.id == context.id


async def test_values_are_found_again_after_a_restart(
    house: House, hub: Hub, restart: Callable[[], Awaitable[House]]
) -> None:
    sensor = {
        "name": "N is {{ trigger.event.data.n }}",
        "unique_id": "s",
        "state": "{{ trigger.event.data.n }}",
        "icon": "mdi:numeric-{{ trigger.event.data.n }}",
        "unit_of_measurement": "kg",
        "attributes": {"parts": "{{ [1, 2] }}", "when": "{{ trigger.event.time_fired }}"},
    }
    section = {"triggers": GO, "sensor": [sensor], "binary_sensor": {"name": "B", "state": "{{ true }}"}}
    await house.start(json.dumps({"template": [section]}))
    await go(hub, n=5)
    before = {state.entity_id: (state.state, dict(state.attributes)) for state in hub.states.all("sensor")}
    house = await restart()
    after = {state.entity_id: (state.state, dict(state.attributes)) for state in house.hub.states.all("sensor")}
    assert after.keys() == before.keys() == {"sensor.template_s"}
    shown, attributes = after["sensor.template_s"]
    assert shown == "5"
    assert attributes["friendly_name"] == "N is 5"
    assert attributes["icon"] == "mdi:numeric-5"
    assert attributes["parts"] == [1, 2]
    assert house.hub.states.get("binary_sensor.b").state == "on"  # type: ignore[union-attr]


async def test_what_was_unavailable_is_unknown_after_a_restart(
    house: House, hub: Hub, restart: Callable[[], Awaitable[House]]
) -> None:
    section = {"triggers": GO, "sensor": {"name": "S", "state": "{{ 1 / trigger.event.data.n }}"}}
    await house.start(json.dumps({"template": [section]}))
    await go(hub, n=0)
    house = await restart()
    assert house.hub.states.get("sensor.s").state == "unknown"  # type: ignore[union-attr]


async def test_the_start_of_the_hub_is_a_trigger(house: House, hub: Hub, state: State) -> None:
    hub.phase = Phase.STARTING
    section = {
        "triggers": {"trigger": "homeassistant", "event": "start"},
        "sensor": {"name": "S", "state": "{{ trigger.event }}"},
    }
    await house.start(json.dumps({"template": [section]}))
    hub.bus.fire("homeassistant_start")
    hub.phase = Phase.RUNNING
    hub.bus.fire("homeassistant_started")
    await settle()
    assert state("sensor.s") == "start"


@pytest.mark.looptime
async def test_an_on_ends_by_itself(hub: Hub, set_up: Any, state: State) -> None:
    sensor = {"name": "B", "state": "{{ trigger.event.data.on }}", "auto_off": "{{ trigger.event.data.s }}"}
    await set_up("template", [{"triggers": GO, "binary_sensor": sensor}])
    await go(hub, on=True, s=5)
    await asyncio.sleep(4)
    await go(hub, on=True, s=5)
    await asyncio.sleep(4)
    assert state("binary_sensor.b") == "on"
    await asyncio.sleep(1.1)
    assert state("binary_sensor.b") == "off"


@pytest.mark.looptime
async def test_a_delay_begins_anew_with_each_trigger(hub: Hub, set_up: Any, state: State) -> None:
    sensor = {"name": "B", "state": "{{ trigger.event.data.on }}", "delay_on": "0:00:05"}
    await set_up("template", [{"triggers": GO, "binary_sensor": sensor}])
    await go(hub, on=True)
    await asyncio.sleep(3)
    await go(hub, on=True)
    await asyncio.sleep(3)
    assert state("binary_sensor.b") == "unknown"
    await asyncio.sleep(2.1)
    assert state("binary_sensor.b") == "on"
    await go(hub, on=False)
    assert state("binary_sensor.b") == "off"


@pytest.mark.parametrize(("seconds", "shown"), [(60.0, "off"), (0.0, "on")])
async def test_an_on_whose_time_has_passed_is_off_after_a_restart(
    house: House, hub: Hub, seconds: float, shown: str
) -> None:
    sensor = {"name": "B", "state": "{{ true }}", "auto_off": 30}
    await house.start(json.dumps({"template": [{"triggers": GO, "binary_sensor": sensor}]}))
    await go(hub)
    assert hub.states.get("binary_sensor.b").state == "on"  # type: ignore[union-attr]
    await house.close()
    later = House(house.config_dir, clock=Clock(lambda: time.time() + seconds))
    await later.open()
    try:
        await later.start()
        assert later.hub.states.get("binary_sensor.b").state == shown  # type: ignore[union-attr]
    finally:
        await later.close()
