"""Scenes: their states, their services and what an edit does to them, as Home Assistant 2025.4 has it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from nanobot.errors import InvalidServiceData
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp

LAMPS = "input_boolean:\n  a:\n  b: {initial: true}\n"


def shown(hub: Hub, entity_id: str) -> dict[str, Any] | None:
    found = hub.states.get(entity_id)
    return None if found is None else {"state": found.state, **found.attributes}


def lamps(hub: Hub) -> list[str]:
    return [state.state for state in hub.states.all("input_boolean")]


async def call(hub: Hub, service: str, **data: Any) -> None:
    await hub.services.call("scene", service, data)


async def test_it_says_what_it_is_for_and_when_it_was_turned_on(house: House) -> None:
    await house.start(
        LAMPS
        + "scene:\n"
        + "  - {name: Movie Night, id: 17, icon: mdi:movie, entities: {input_boolean.a: on, input_boolean.b: off}}\n"
    )
    hub = house.hub
    before = shown(hub, "scene.movie_night")
    cause = Context(actor="user")
    await hub.services.call("scene", "turn_on", {"entity_id": "scene.movie_night"}, context=cause)
    assert before == {
        "state": "unknown",
        "entity_id": ["input_boolean.a", "input_boolean.b"],
        "id": "17",
        "friendly_name": "Movie Night",
        "icon": "mdi:movie",
    }
    found = hub.states.get("scene.movie_night")
    assert found is not None
    assert datetime.fromisoformat(found.state).timestamp() == pytest.approx(hub.clock.time(), abs=5)
    assert lamps(hub) == ["on", "off"]
    assert {state.context for state in hub.states.all("input_boolean")} == {cause}


async def test_when_it_was_turned_on_outlives_a_restart(house: House, restart: Callable[[], Awaitable[House]]) -> None:
    await house.start(LAMPS + "scene:\n  - {name: S, entities: {input_boolean.a: on}}\n")
    await call(house.hub, "turn_on", entity_id="scene.s")
    before = shown(house.hub, "scene.s")
    again = await restart()
    assert shown(again.hub, "scene.s") == before


async def test_apply_needs_no_scene(house: House) -> None:
    await house.start(LAMPS + "scene:\n")
    await call(house.hub, "apply", entities={"input_boolean.a": True, "input_boolean.b": {"state": "off"}})
    assert lamps(house.hub) == ["on", "off"]


async def test_a_snapshot_brings_back_what_was(house: House) -> None:
    await house.start(
        LAMPS + "input_number:\n  n: {min: 0, max: 10, initial: 3}\ninput_select:\n  s: {options: [x, y]}\nscene:\n"
    )
    hub = house.hub
    await call(
        hub, "create", scene_id="before", snapshot_entities=["input_boolean.a", "input_number.n", "input_select.s"]
    )
    await call(hub, "apply", entities={"input_boolean.a": "on", "input_number.n": "7", "input_select.s": "y"})
    changed = [state.state for domain in ("input_boolean", "input_number", "input_select")
               for state in hub.states.all(domain)]  # fmt: skip
    await call(hub, "turn_on", entity_id="scene.before")
    back = [state.state for domain in ("input_boolean", "input_number", "input_select")
            for state in hub.states.all(domain)]  # fmt: skip
    assert (changed, back) == (["on", "on", "7.0", "y"], ["off", "on", "3.0", "x"])


async def test_create_replaces_what_it_made_and_nothing_that_is_configured(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start(LAMPS + "scene:\n  - {name: mine, entities: {input_boolean.a: on}}\n")
    hub = house.hub
    for entity in ("input_boolean.a", "input_boolean.b"):
        await call(hub, "create", scene_id="made", entities={entity: "on"})
    with caplog.at_level(logging.WARNING):
        await call(hub, "create", scene_id="mine", entities={"input_boolean.b": "on"})
        await call(hub, "create", scene_id="empty", snapshot_entities=["light.nothing"])
    assert (shown(hub, "scene.made") or {})["entity_id"] == ["input_boolean.b"]
    assert (shown(hub, "scene.mine") or {})["entity_id"] == ["input_boolean.a"]
    assert shown(hub, "scene.empty") is None
    assert "scene.mine is configured" in caplog.text
    assert "there is no light.nothing" in caplog.text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "entities"),
        ({"entities": {"light.a": "on"}, "snapshot_entities": ["light.a"]}, "both name light.a"),
        ({"entities": {"light.a": 5}}, 'write it in quotes: "5"'),
        ({"entities": {"light.a": {"brightness": 5}}}, "say which state light.a is to have"),
    ],
    ids=["nothing", "overlap", "number", "no state"],
)
async def test_what_create_does_not_take(set_up: SetUp, hub: Hub, data: dict[str, Any], text: str) -> None:
    await set_up("scene", [])
    with pytest.raises(InvalidServiceData, match=text):
        await call(hub, "create", scene_id="it", **data)


async def test_delete_takes_away_what_create_made_and_nothing_else(house: House) -> None:
    await house.start("scene:\n  - {name: mine, entities: {}}\n")
    hub = house.hub
    await call(hub, "create", scene_id="made", entities={"light.a": "on"})
    await call(hub, "delete", entity_id="scene.made")
    assert shown(hub, "scene.made") is None
    with pytest.raises(InvalidServiceData, match=r"scene\.mine was not made by scene\.create"):
        await call(hub, "delete", entity_id="scene.mine")
    with pytest.raises(InvalidServiceData, match=r"there is no scene scene\.made"):
        await call(hub, "delete", entity_id="scene.made")


async def test_reload_announces_itself_and_ends_what_create_made(house: House) -> None:
    await house.start("scene:\n  - {name: mine, entities: {}}\n")
    hub = house.hub
    await call(hub, "create", scene_id="made", entities={"light.a": "on"})
    told: list[Context | None] = []
    hub.bus.listen("scene_reloaded", lambda event: told.append(event.context))
    cause = Context(actor="user")
    house.write("scene:\n  - {name: mine, entities: {light.b: on}}\n")
    await hub.services.call("scene", "reload", context=cause)
    assert told == [cause]
    assert shown(hub, "scene.made") is None
    assert (shown(hub, "scene.mine") or {})["entity_id"] == ["light.b"]


async def test_an_edit_touches_only_what_changed(house: House) -> None:
    await house.start(
        "scene:\n  - {name: a, entities: {}}\n  - {name: b, entities: {}}\n"
        "  - {name: c, entities: {}}\n  - {name: d, id: d, entities: {}}\n"
    )
    await call(house.hub, "turn_on", entity_id=["scene.a", "scene.b"])
    seen: list[tuple[str, str | None]] = []
    house.hub.states.track_domain(
        "scene",
        lambda event: seen.append((event.data["entity_id"], getattr(event.data["new_state"], "state", None))),
    )
    await house.apply("scene:\n  - {name: e, entities: {}}\n  - {name: a, entities: {}}\n"
                      "  - {name: b, entities: {light.x: on}}\n")  # fmt: skip
    turned_on = (shown(house.hub, "scene.b") or {})["state"]
    assert seen == [
        ("scene.c", None), ("scene.d", None), ("scene.d", "unavailable"), ("scene.e", "unknown"),
        ("scene.b", turned_on),
    ]  # fmt: skip
    assert turned_on != "unknown"


async def test_two_of_one_name_get_two_ids(house: House) -> None:
    await house.start("scene:\n  - {name: S, entities: {}}\n  - {name: S, entities: {light.x: on}}\n")
    assert (shown(house.hub, "scene.s_2") or {})["entity_id"] == ["light.x"]


async def test_mistakes_are_told_one_by_one_and_the_others_live(house: House) -> None:
    applied = await house.apply(
        "scene:\n"
        "  - {name: a, entities: {input_number.n: 5, kitchen: on}}\n"
        "  - {entities: {}}\n"
        "  - {name: c, entities: [light.x]}\n"
        "  - {name: d, icn: x, entities: {}}\n"
        "  - {name: e, id: x, entities: {}}\n"
        "  - {name: f, id: x, entities: {}}\n"
        "  - {name: good, entities: {}}\n"
    )
    assert [str(problem) for problem in applied.problems] == [
        (
            'configuration.yaml:2: scene > "a" > entities > input_number.n: a state is a text, and 5 is none; '
            'write it in quotes: "5"'
        ),
        (
            'configuration.yaml:2: scene > "a" > entities > kitchen: '
            "'kitchen' is not an entity id; write it like 'light.kitchen'"
        ),
        "configuration.yaml:3: scene > 1: the option 'name' is missing",
        'configuration.yaml:4: scene > "c" > entities: expected a mapping (key: value), found a list',
        "configuration.yaml:5: scene > \"d\" > icn: unknown option; did you mean 'icon'?",
        "configuration.yaml:7: scene > \"f\" > id: the id 'x' belongs to a scene above; give this one another",
    ]
    assert [state.entity_id for state in house.hub.states.all("scene")] == ["scene.e", "scene.good"]
