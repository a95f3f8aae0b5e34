"""Edits: what changed is replaced without a blink, what is as before notices nothing, what is wrong changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

from .conftest import settle

State = Callable[[str], str | None]
Attribute = Callable[[str, str], Any]
History = Callable[[str], list[str | None]]

GO = {"trigger": "event", "event_type": "go"}


def text(*sections: Any) -> str:
    return json.dumps({"template": sections}, indent=1)


async def test_changed_added_removed(house: House, state: State, history: History) -> None:
    a, b = {"name": "A", "state": "{{ 1 + 1 }}"}, {"name": "B", "state": "b"}
    await house.start(text({"sensor": [a, b]}))
    seen = history("sensor.a")
    await house.apply(text({"sensor": [{**a, "state": "{{ 2 + 1 }}"}, {"name": "C", "state": "c"}]}))
    assert (state("sensor.a"), state("sensor.b"), state("sensor.c")) == ("3", None, "c")
    assert seen == ["3"]


async def test_unchanged_ones_notice_nothing(hub: Hub, house: House, history: History) -> None:
    a, b = {"name": "A", "state": "{{ states('sensor.x') }}"}, {"name": "B", "state": "b"}
    await house.start(text({"sensor": [a, b]}, {"sensor": {"name": "C", "state": "c"}}))
    entity, seen = hub.entities.get("sensor.a"), history("sensor.a")
    await house.apply(text({"sensor": {"name": "C", "state": "d"}}, {"sensor": [{**b, "icon": "mdi:bell"}, a]}))
    assert seen == []
    assert hub.entities.get("sensor.a") is entity
    hub.states.set("sensor.x", "1")
    assert seen == ["1"]


async def test_another_name_is_another_entity_unless_there_is_a_unique_id(house: House, state: State) -> None:
    named, unique = {"name": "A", "state": "1"}, {"unique_id": "u", "name": "U", "state": "2"}
    await house.start(text({"sensor": [named, unique]}))
    await house.apply(text({"sensor": [{**named, "name": "Z"}, {**unique, "name": "Y"}]}))
    assert (state("sensor.a"), state("sensor.z")) == (None, "1")
    assert (state("sensor.u"), state("sensor.y")) == ("2", None)
    house_name = house.hub.states.get("sensor.u")
    assert house_name is not None
    assert house_name.name == "Y"


async def test_a_wrong_edit_leaves_the_last_good_version_running(
    hub: Hub, house: House, state: State, attribute: Attribute
) -> None:
    good = {"name": "A", "state": "{{ states('sensor.x') }}"}
    await house.start(text({"sensor": [good, {"name": "B", "state": "1"}]}))
    wrong = {**good, "stat": "x"}
    applied = await house.apply(text({"sensor": [wrong, {"name": "B", "state": "2"}]}))
    assert len(applied.problems) == 1
    hub.states.set("sensor.x", "lives")
    assert (state("sensor.a"), state("sensor.b")) == ("lives", "2")
    assert "unknown option" in attribute("sensor.a", "error")
    await house.apply(text({"sensor": [good, {"name": "B", "state": "2"}]}))
    assert attribute("sensor.a", "error") is None


async def test_triggers_that_become_wrong_leave_the_last_good_ones_running(
    hub: Hub, house: House, state: State
) -> None:
    section = {"triggers": GO, "sensor": {"name": "S", "state": "{{ trigger.event.data.n }}"}}
    await house.start(text(section))
    await house.apply(text({**section, "triggers": {"trigger": "no_such_thing"}}))
    hub.bus.fire("go", {"n": 5})
    await settle()
    assert state("sensor.s") == "5"


async def test_other_triggers_keep_the_values(hub: Hub, house: House, state: State, history: History) -> None:
    section = {"triggers": GO, "sensor": {"name": "S", "state": "{{ trigger.event.data.n }}"}}
    await house.start(text(section))
    hub.bus.fire("go", {"n": 5})
    await settle()
    seen = history("sensor.s")
    await house.apply(text({**section, "triggers": {**GO, "event_type": "other"}}))
    hub.bus.fire("go", {"n": 6})
    await settle()
    assert seen == []
    hub.bus.fire("other", {"n": 7})
    await settle()
    assert seen == ["7"]


async def test_a_trigger_that_waits_goes_on_when_its_entities_change(hub: Hub, house: House, state: State) -> None:
    section = {
        "triggers": {"trigger": "state", "entity_id": "sensor.x", "to": "on", "for": "0:00:00.2"},
        "sensor": {"name": "S", "state": "old"},
    }
    await house.start(text(section))
    hub.states.set("sensor.x", "off")
    hub.states.set("sensor.x", "on")
    await house.apply(text({**section, "sensor": {"name": "S", "state": "new"}}))
    changed = asyncio.Event()
    hub.states.track("sensor.s", lambda event: changed.set())
    async with asyncio.timeout(5):
        await changed.wait()
    assert state("sensor.s") == "new"


@pytest.mark.looptime
async def test_a_delay_goes_on_when_others_change(hub: Hub, house: House, state: State) -> None:
    b = {"name": "B", "state": "{{ is_state('sensor.x', 'on') }}", "delay_on": 5}
    await house.start(text({"binary_sensor": b}, {"sensor": {"name": "S", "state": "1"}}))
    hub.states.set("sensor.x", "on")
    await asyncio.sleep(3)
    await house.apply(text({"binary_sensor": b}, {"sensor": {"name": "S", "state": "2"}}))
    await asyncio.sleep(2.1)
    assert state("binary_sensor.b") == "on"


async def test_reload_is_announced_with_the_context_of_the_call(hub: Hub, house: House, state: State) -> None:
    await house.start(text({"sensor": {"name": "S", "state": "1"}}))
    seen: list[Event] = []
    hub.bus.listen("event_template_reloaded", seen.append)
    house.write(text({"sensor": {"name": "S", "state": "2"}}))
    context = Context()
    await hub.services.call("template", "reload", {}, context=context)
    assert state("sensor.s") == "2"
    assert [event.context.id for event in seen] == [context.id]
