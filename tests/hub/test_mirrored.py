"""Things and services of another system: what is of this house comes first, and passes on what is not."""

from __future__ import annotations

import pytest

from nanobot.contracts.controls import Switch
from nanobot.contracts.mirrored import Mirrored
from nanobot.contracts.service import Service, ServiceCall
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub


class Lamp(Switch):
    def __init__(self, name: str) -> None:
        self.entity_id = f"switch.{name}"

    async def turn_on(self, context: Context) -> None:
        self.is_on = True
        self.changed(context)

    async def turn_off(self, context: Context) -> None:
        """Never asked for here."""


class Far(Mirrored):
    """A lamp elsewhere."""

    def __init__(self, name: str) -> None:
        self.entity_id = f"switch.{name}"
        self.calls: list[str] = []
        self.is_ousted = False

    @property
    def state(self) -> str:
        return "far"

    async def serve(self, call: ServiceCall) -> None:
        self.calls.append(f"{call.domain}.{call.service}")

    def ousted(self) -> None:
        self.is_ousted = True


def state(hub: Hub, entity_id: str) -> str | None:
    found = hub.states.get(entity_id)
    return None if found is None else found.state


async def test_a_thing_of_the_house_takes_the_id_of_a_mirrored_one_but_not_the_reverse(hub: Hub, entry: Entry) -> None:
    far = Far("lamp")
    remove_far = entry.add(far)
    assert hub.entities.is_free("switch.lamp")
    remove = entry.add(Lamp("lamp"))
    assert far.is_ousted
    assert not hub.entities.is_free("switch.lamp")
    far.changed()
    remove_far()
    assert state(hub, "switch.lamp") == "unknown"
    with pytest.raises(ValueError, match=r"there is already an entity switch\.lamp"):
        entry.add(Far("lamp"))
    remove()
    entry.add(Far("lamp"))
    assert state(hub, "switch.lamp") == "far"
    with pytest.raises(ValueError, match="there is already an entity"):
        entry.add(Far("lamp"))


async def test_services_of_the_house_pass_on_what_is_done_to_mirrored_things(hub: Hub, entry: Entry) -> None:
    far = Far("far")
    entry.add(Lamp("near"))
    entry.add(far)
    await hub.services.call("switch", "turn_on", target={"entity_id": ["switch.near", "switch.far"]})
    assert state(hub, "switch.near") == "on"
    assert far.calls == ["switch.turn_on"]


async def test_a_service_of_the_house_takes_the_name_of_one_that_gives_way(hub: Hub, entry: Entry) -> None:
    called: list[str] = []

    def theirs() -> Service:
        return Service("switch", "turn_on", lambda call: called.append("theirs"), gives_way=True)

    remove_theirs = entry.add(theirs())
    assert hub.services.is_free("switch", "turn_on")
    with pytest.raises(ValueError, match="there is already a service"):
        entry.add(theirs())
    entry.add(Lamp("near"))
    await hub.services.call("switch", "turn_on", target={"entity_id": ["switch.near"]})
    assert (called, state(hub, "switch.near")) == ([], "on")
    remove_theirs()
    assert hub.services.has("switch", "turn_on")
    with pytest.raises(ValueError, match="there is already a service"):
        entry.add(theirs())
