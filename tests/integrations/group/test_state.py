"""What a group is, by what its members are; states and attributes as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp


def state_of(hub: Hub, entity_id: str = "group.it") -> str | None:
    found = hub.states.get(entity_id)
    return found.state if found else None


@pytest.mark.parametrize(
    ("states", "any_of_them", "all_of_them"),
    [
        ({"light.a": "on", "light.b": "off"}, "on", "off"),
        ({"light.a": "on", "light.b": "on"}, "on", "on"),
        ({"light.a": "off", "light.b": "off"}, "off", "off"),
        ({"light.a": "on"}, "on", "on"),
        ({}, "unknown", "unknown"),
        ({"light.a": "unavailable", "light.b": "unknown"}, "unknown", "unknown"),
        ({"light.a": "unavailable", "light.b": "off"}, "off", "off"),
        ({"light.a": "on", "light.b": "unavailable"}, "on", "off"),
        ({"device_tracker.a": "home", "device_tracker.b": "not_home"}, "home", "not_home"),
        ({"device_tracker.a": "Work", "device_tracker.b": "not_home"}, "not_home", "not_home"),
        ({"person.a": "home", "device_tracker.b": "home"}, "home", "home"),
        ({"cover.a": "open", "cover.b": "closed"}, "open", "closed"),
        ({"cover.a": "opening", "cover.b": "closed"}, "closed", "closed"),
        ({"lock.a": "unlocked", "lock.b": "locked"}, "unlocked", "locked"),
        ({"plant.a": "problem", "plant.b": "ok"}, "problem", "ok"),
        ({"media_player.a": "playing", "media_player.b": "off"}, "on", "off"),
        ({"vacuum.a": "cleaning", "vacuum.b": "docked"}, "on", "off"),
        ({"alarm_control_panel.a": "armed_home", "alarm_control_panel.b": "disarmed"}, "on", "off"),
        ({"climate.a": "heat", "climate.b": "off"}, "on", "off"),
        ({"light.a": "off", "person.b": "home"}, "on", "off"),
        ({"light.a": "off", "person.b": "not_home"}, "off", "off"),
        ({"light.a": "on", "sensor.b": "21"}, "on", "on"),
        ({"sensor.a": "on", "weather.b": "sunny"}, "unknown", "unknown"),
        ({"input_text.a": "words"}, "unknown", "unknown"),
    ],
)
async def test_by_the_states_of_its_members(
    hub: Hub, set_up: SetUp, states: dict[str, str], any_of_them: str, all_of_them: str
) -> None:
    for entity_id, state in states.items():
        hub.states.set(entity_id, state)
    domains = [entity_id.partition(".")[0] for entity_id in states] or ["light"]
    members = [*states] + ([f"{domains[0]}.never_there"] if len(states) == 1 else [])
    members = members or ["light.a", "light.b"]
    await set_up("group", {"it": {"entities": members}, "every": {"entities": members, "all": True}})
    assert (state_of(hub), state_of(hub, "group.every")) == (any_of_them, all_of_them)


@pytest.mark.parametrize(
    ("config", "attributes"),
    [
        (["light.a", "light.b"], {"entity_id": ["light.a", "light.b"], "order": 0, "friendly_name": "it"}),
        ("light.a, light.B", {"entity_id": ["light.a", "light.b"], "order": 0, "friendly_name": "it"}),
        (
            {"name": "All", "icon": "mdi:lamp", "entities": "light.a"},
            {"entity_id": ["light.a"], "order": 0, "friendly_name": "All", "icon": "mdi:lamp"},
        ),
        (None, {"entity_id": [], "order": 0, "friendly_name": "it"}),
        ({"entities": None}, {"entity_id": [], "order": 0, "friendly_name": "it"}),
    ],
    ids=["list", "text", "long", "empty", "none"],
)
async def test_the_ways_to_write_it(hub: Hub, set_up: SetUp, config: Any, attributes: dict[str, Any]) -> None:
    await set_up("group", {"it": config})
    found = hub.states.get("group.it")
    assert found is not None
    assert dict(found.attributes) == attributes


async def test_it_follows_members_that_change_come_and_go(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {"it": ["light.a", "light.b"]})
    seen = [state_of(hub)]
    for entity_id, state in [("light.a", "on"), ("light.b", "off"), ("light.a", "off"), ("light.b", "on")]:
        hub.states.set(entity_id, state)
        seen.append(state_of(hub))
    hub.states.remove("light.b")
    seen.append(state_of(hub))
    assert seen == ["unknown", "on", "on", "off", "on", "off"]


async def test_members_that_become_unavailable_turn_it_off(hub: Hub, set_up: SetUp) -> None:
    hub.states.set("light.a", "on")
    await set_up("group", {"it": ["light.a"]})
    hub.states.set("light.a", "unavailable")
    assert state_of(hub) == "off"


async def test_the_cause_of_its_change_is_that_of_its_member(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {"it": ["light.a"]})
    cause = Context(actor="user")
    hub.states.set("light.a", "on", None, cause)
    found = hub.states.get("group.it")
    assert found is not None
    assert found.context is cause


async def test_groups_in_groups_keep_the_words_of_their_members(hub: Hub, set_up: SetUp) -> None:
    hub.states.set("person.a", "not_home")
    await set_up("group", {"house": ["group.family"], "family": ["person.a"]})
    away = state_of(hub, "group.house")
    hub.states.set("person.a", "home")
    assert (away, state_of(hub, "group.house")) == ("not_home", "home")


async def test_a_group_that_contains_itself_does_no_harm(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {"a": ["group.b", "light.x"], "b": ["group.a", "group.b"]})
    hub.states.set("light.x", "on")
    assert (state_of(hub, "group.a"), state_of(hub, "group.b")) == ("on", "on")


async def test_an_assumed_member_makes_it_assumed(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {"it": ["light.a", "light.b"]})
    shown = []
    for assumed in (True, False):
        hub.states.set("light.a", "on", {"assumed_state": assumed})
        found = hub.states.get("group.it")
        shown.append(found.attributes.get("assumed_state") if found else None)
    assert shown == [True, None]


async def test_changes_of_other_things_do_not_reach_it(hub: Hub, set_up: SetUp) -> None:
    await set_up("group", {"it": ["light.a"]})
    reported: list[Any] = []
    hub.bus.listen("state_changed", lambda event: reported.append(event.data["entity_id"]))
    hub.bus.listen("state_reported", lambda event: reported.append(event.data["entity_id"]))
    hub.states.set("light.b", "on")
    hub.states.set("light.a", "on")
    hub.states.set("light.a", "on", {"brightness": 3})
    assert reported == ["light.b", "light.a", "group.it", "light.a"]
