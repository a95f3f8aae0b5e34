"""Switches, choices, numbers, texts and buttons: their services, whoever brings them."""

from __future__ import annotations

import pytest

from nanobot.contracts import controls
from nanobot.contracts.service import Service
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub


class Lamp(controls.Switch):
    def __init__(self, name: str) -> None:
        self.entity_id = f"switch.{name}"

    async def turn_on(self, context: Context) -> None:
        self.is_on = True
        self.changed(context)

    async def turn_off(self, context: Context) -> None:
        self.is_on = False
        self.changed(context)


class Level(controls.Number):
    entity_id = "number.level"

    async def set_value(self, value: float, context: Context) -> None:
        self.value = value
        self.changed(context)


def state(hub: Hub, entity_id: str) -> str:
    found = hub.states.get(entity_id)
    assert found is not None
    return found.state


async def test_the_services_stay_until_the_last_one_has_gone(hub: Hub, entry: Entry) -> None:
    one, two = entry.part("one"), entry.part("two")
    one.add(Lamp("a"))
    two.add(Lamp("b"))
    await one.release()
    await hub.services.call("switch", "turn_on", {"entity_id": "switch.b"})
    assert state(hub, "switch.b") == "on"
    await two.release()
    assert not hub.services.has("switch", "turn_on")


async def test_a_service_of_that_name_that_is_there_stays(hub: Hub, entry: Entry) -> None:
    called: list[str] = []
    entry.add(Service("switch", "turn_on", lambda call: called.append("mine")))
    lamp = entry.part("lamp")
    lamp.add(Lamp("a"))
    await hub.services.call("switch", "turn_on", {"entity_id": "switch.a"})
    await hub.services.call("switch", "toggle", {"entity_id": "switch.a"})
    assert (called, state(hub, "switch.a")) == (["mine"], "on")
    await lamp.release()
    assert hub.services.has("switch", "turn_on")
    assert not hub.services.has("switch", "toggle")


async def test_all_that_are_available_are_acted_on(hub: Hub, entry: Entry) -> None:
    away = Lamp("away")
    away.available = False
    for lamp in (Lamp("a"), Lamp("b"), away):
        entry.add(lamp)
    await hub.services.call("switch", "toggle", {"entity_id": "all"})
    assert [state(hub, f"switch.{name}") for name in ("a", "b", "away")] == ["on", "on", "unavailable"]


async def test_what_does_not_fit_is_refused(hub: Hub, entry: Entry) -> None:
    entry.add(Level())
    assert state(hub, "number.level") == "unknown"
    with pytest.raises(ServiceError, match="out of range"):
        await hub.services.call("number", "set_value", {"entity_id": "number.level", "value": 101})
    with pytest.raises(InvalidServiceData):
        await hub.services.call("number", "set_value", {"entity_id": "number.level", "value": "much"})
    await hub.services.call("number", "set_value", {"entity_id": "number.level", "value": 0.1 + 0.2})
    assert state(hub, "number.level") == "0.3"
