"""Groups made and changed by services and edits, and acting on all members of one."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from nanobot.errors import InvalidServiceData
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp


def shown(hub: Hub, entity_id: str = "group.it") -> dict[str, Any] | None:
    found = hub.states.get(entity_id)
    return None if found is None else {"state": found.state, **found.attributes}


async def set_group(hub: Hub, **data: Any) -> None:
    await hub.services.call("group", "set", {"object_id": "it", **data})


async def test_set_makes_and_changes_and_remove_takes_away(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {})
    hub.states.set("light.a", "on")
    await set_group(hub, entities=["light.a"])
    made = shown(hub)
    await set_group(hub, add_entities="light.b, light.c", name="It", icon="mdi:sofa")
    hub.states.set("light.b", "off")
    await set_group(hub, remove_entities=["light.a"])
    changed = shown(hub)
    await set_group(hub, entities=["light.a", "light.b"], all=True)
    every = shown(hub)
    await hub.services.call("group", "remove", {"object_id": "it"})
    assert made == {"state": "on", "entity_id": ["light.a"], "order": 0, "auto": True, "friendly_name": "it"}
    assert changed == {
        "state": "off",
        "entity_id": ["light.b", "light.c"],
        "order": 0,
        "auto": True,
        "friendly_name": "It",
        "icon": "mdi:sofa",
    }
    assert every is not None
    assert every["state"] == "off"
    assert shown(hub) is None


async def test_removing_what_is_not_there_is_only_told(
    hub: Hub, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up("group", {})
    with caplog.at_level(logging.WARNING):
        await hub.services.call("group", "remove", {"object_id": "nothing"})
    assert "there is no group group.nothing" in caplog.text


async def test_only_one_way_to_change_members_at_a_time(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {})
    with pytest.raises(InvalidServiceData, match=r"add_entities"):
        await set_group(hub, entities=["light.a"], add_entities=["light.b"])


async def test_an_edit_touches_only_what_changed(house: House) -> None:
    await house.start("group:\n  a: light.x\n  b: light.x\n  c: light.x\n")
    hub = house.hub
    await hub.services.call("group", "set", {"object_id": "made", "entities": ["light.x"]})
    seen: list[tuple[str, bool]] = []
    hub.states.track(
        ["group.a", "group.b", "group.c", "group.d", "group.made"],
        lambda event: seen.append((event.data["entity_id"], event.data["new_state"] is not None)),
    )
    await house.apply("group:\n  a: light.x\n  b: {name: Named, entities: light.x}\n  d: light.x\n")
    assert seen == [("group.c", False), ("group.b", True), ("group.d", True)]


async def test_reload_puts_back_what_services_made_of_configured_groups(house: House) -> None:
    await house.start("group:\n  a: light.x\n  b: light.x\n")
    call = house.hub.services.call
    await call("group", "set", {"object_id": "a", "entities": ["light.y"]})
    await call("group", "remove", {"object_id": "b"})
    await call("group", "set", {"object_id": "made", "entities": ["light.x"]})
    await call("group", "reload")
    members = [(shown(house.hub, f"group.{one}") or {}).get("entity_id") for one in ("a", "b", "made")]
    assert members == [["light.x"], ["light.x"], ["light.x"]]


async def test_a_mistake_in_one_is_told_and_the_others_live(house: House) -> None:
    applied = await house.apply("group:\n  a: {entites: [light.x]}\n  b: [kitchen]\n  c: light.x\n")
    assert [str(problem) for problem in applied.problems] == [
        "configuration.yaml:2: group > a > entites: unknown option; did you mean 'entities'?",
        "configuration.yaml:3: group > b > entities > 0: 'kitchen' is not an entity id; write it like 'light.kitchen'",
    ]
    assert shown(house.hub, "group.c") is not None


async def test_names_that_are_no_ids_become_ids(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {"Living Room": "light.a", "living_room": "light.b"})
    assert (shown(hub, "group.living_room") or {})["friendly_name"] == "Living Room"
    assert (shown(hub, "group.living_room_2") or {})["friendly_name"] == "living_room"


@pytest.mark.parametrize("domain", ["homeassistant", "input_boolean"])
async def test_a_service_on_a_group_acts_on_its_members(hub: Hub, set_up: SetUp, domain: str) -> None:
    await set_up("input_boolean", {"a": None, "b": None, "c": None})
    await set_up("input_select", {"mood": {"options": ["calm"]}})
    await set_up("group", {"inner": "input_boolean.b", "outer": "group.inner, input_boolean.a, input_select.mood"})
    await hub.services.call(domain, "turn_on", {"entity_id": "group.outer"})
    states = [state.state for state in hub.states.all("input_boolean")]
    await hub.services.call(domain, "toggle", {"entity_id": ["group.outer", "input_boolean.a"]})
    again = [state.state for state in hub.states.all("input_boolean")]
    assert (states, again) == (["on", "on", "off"], ["off", "off", "off"])


async def test_acting_on_a_group_that_is_not_there_is_told(
    hub: Hub, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up("input_boolean", {"a": None})
    with caplog.at_level(logging.WARNING):
        await hub.services.call("input_boolean", "turn_on", {"entity_id": "group.nothing"})
    assert "there is no group group.nothing" in caplog.text
