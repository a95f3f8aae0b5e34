"""How a scene makes things so: by the services of their kind, each alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from nanobot.contracts.service import Service, ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp

THINGS: Mapping[str, Any] = {
    "input_boolean": {"it": None},
    "input_number": {"it": {"min": 0, "max": 10, "initial": 1}},
    "input_text": {"it": {"initial": "old", "max": 5}},
    "input_select": {"it": {"options": ["x", "y"]}},
    "input_datetime": {"day": {"has_date": True}, "hour": {"has_time": True},
                       "both": {"has_date": True, "has_time": True}},
    "timer": {"it": {"duration": 60}},
    "counter": {"it": {"initial": 1}},
    "script": {"it": {"sequence": [{"event": "ran"}]}},
    "automation": [{"alias": "it", "triggers": [{"trigger": "event", "event_type": "x"}], "actions": []}],
}  # fmt: skip


@pytest.fixture
async def things(hub: Hub, set_up: SetUp) -> Hub:
    for domain, config in THINGS.items():
        await set_up(domain, config)
    await set_up("group", {"some": ["input_boolean.it", "automation.it"]})
    await set_up("scene", [])
    return hub


@pytest.fixture
def calls(entry: Entry) -> list[tuple[str, dict[str, Any]]]:
    """Services of things that are not here, which note what they are called with."""
    noted: list[tuple[str, dict[str, Any]]] = []

    def note(call: ServiceCall) -> None:
        noted.append((f"{call.domain}.{call.service}", dict(call.data)))

    names = "light.turn_on light.turn_off cover.open_cover cover.set_cover_position lock.lock pump.turn_on"
    for domain, name in (one.split(".") for one in names.split()):
        entry.add(Service(domain, name, note))
    return noted


async def apply(hub: Hub, entities: Mapping[str, Any], **more: Any) -> None:
    await hub.services.call("scene", "apply", {"entities": entities, **more})


@pytest.mark.parametrize(
    ("entity_id", "wanted", "becomes"),
    [
        ("input_boolean.it", "on", "on"),
        ("input_number.it", "7.5", "7.5"),
        ("input_text.it", "new", "new"),
        ("input_select.it", "y", "y"),
        ("input_select.it", {"state": "b", "options": ["a", "b"]}, "b"),
        ("input_datetime.day", "2026-02-03", "2026-02-03"),
        ("input_datetime.hour", "07:30:00", "07:30:00"),
        ("input_datetime.both", "2026-02-03 07:30:00", "2026-02-03 07:30:00"),
        ("timer.it", "active", "active"),
        ("counter.it", "9", "9"),
        ("automation.it", "off", "off"),
    ],
)
async def test_each_kind_by_its_own_services(things: Hub, entity_id: str, wanted: Any, becomes: str) -> None:
    await apply(things, {entity_id: wanted})
    found = things.states.get(entity_id)
    assert found is not None
    assert found.state == becomes


async def test_a_group_stands_for_its_members(things: Hub) -> None:
    await apply(things, {"group.some": "on"})
    on = [things.states.get(one) for one in ("input_boolean.it", "automation.it", "group.some")]
    assert [state.state for state in on if state] == ["on", "on", "on"]


async def test_what_is_so_already_is_left_alone(things: Hub) -> None:
    called: list[str] = []
    things.bus.listen("call_service", lambda event: called.append(event.data["domain"]))
    await apply(
        things,
        {"input_boolean.it": "off", "input_number.it": "1", "input_select.it": "x", "timer.it": "idle",
         "counter.it": "1", "automation.it": "on", "input_text.it": "old"},
    )  # fmt: skip
    assert called == ["scene"]


@pytest.mark.parametrize(
    ("entity_id", "wanted", "text"),
    [
        ("input_boolean.it", "maybe", "input_boolean.it cannot be 'maybe'"),
        ("input_number.it", "warm", "input_number.it cannot be 'warm'"),
        ("input_number.it", "99", "input_number.it cannot be made '99': input_number.it takes 0 to 10, not 99"),
        ("input_datetime.hour", "soon", "input_datetime.hour cannot be 'soon'"),
        ("timer.it", "tired", "timer.it cannot be 'tired'"),
        ("counter.it", "-1", "counter.it cannot be '-1'"),
        ("light.nowhere", "on", "there is no light.nowhere to be made 'on'"),
        ("weather.here", "sunny", "weather.here cannot be made 'sunny': its kind has no services for that"),
        ("switch.here", "on", "switch.here cannot be made 'on': there is no service switch.turn_on"),
    ],
)
async def test_what_cannot_be_is_told_and_stops_nothing(
    things: Hub, caplog: pytest.LogCaptureFixture, entity_id: str, wanted: str, text: str
) -> None:
    things.states.set("weather.here", "rainy")
    things.states.set("switch.here", "off")
    with caplog.at_level(logging.WARNING):
        await apply(things, {entity_id: wanted, "input_text.it": "done"})
    assert text in caplog.text
    found = things.states.get("input_text.it")
    assert found is not None
    assert found.state == "done"


async def test_a_service_that_fails_fails_the_scene_when_all_others_are_done(things: Hub, entry: Entry) -> None:
    def fail(call: ServiceCall) -> None:
        raise ServiceError("the lamp is broken")

    entry.add(Service("light", "turn_on", fail))
    things.states.set("light.a", "off")
    with pytest.raises(ServiceError, match="the lamp is broken"):
        await apply(things, {"light.a": "on", "input_text.it": "done"})
    found = things.states.get("input_text.it")
    assert found is not None
    assert found.state == "done"


@pytest.mark.parametrize(
    ("now", "wanted", "called"),
    [
        (
            ("light.a", "off", {}),
            {"state": "on", "brightness": 90, "rgb_color": [1, 2, 3], "friendly_name": "A"},
            ("light.turn_on", {"brightness": 90, "rgb_color": [1, 2, 3]}),
        ),
        (
            ("light.a", "on", {"brightness": 10}),
            {"state": "on", "brightness": 90},
            ("light.turn_on", {"brightness": 90}),
        ),
        (
            ("light.a", "off", {}),
            {"state": "on", "color_mode": "color_temp", "hs_color": [1, 2], "color_temp_kelvin": 2700, "effect": None},
            ("light.turn_on", {"color_temp_kelvin": 2700}),
        ),
        (("light.a", "on", {"brightness": 90}), {"state": "on", "brightness": 90}, None),
        (("light.a", "on", {}), "off", ("light.turn_off", {})),
        (("cover.a", "closed", {}), "open", ("cover.open_cover", {})),
        (
            ("cover.a", "open", {"current_position": 100}),
            {"state": "open", "current_position": 40},
            ("cover.set_cover_position", {"position": 40}),
        ),
        (("lock.a", "unlocked", {}), "locked", ("lock.lock", {})),
        (("pump.a", "off", {}), "on", ("pump.turn_on", {})),
    ],
)
async def test_things_of_other_integrations(
    things: Hub,
    calls: list[tuple[str, dict[str, Any]]],
    now: tuple[str, str, dict[str, Any]],
    wanted: Any,
    called: tuple[str, dict[str, Any]] | None,
) -> None:
    things.states.set(*now)
    await apply(things, {now[0]: wanted})
    assert calls == ([] if called is None else [(called[0], {**called[1], "entity_id": now[0]})])


async def test_lamps_are_told_how_fast(things: Hub, calls: list[tuple[str, dict[str, Any]]]) -> None:
    things.states.set("light.a", "off")
    await apply(things, {"light.a": "on", "input_boolean.it": "on"}, transition=2)
    assert calls == [("light.turn_on", {"entity_id": "light.a", "transition": 2.0})]


async def test_the_action_scene_in_a_script(house: House) -> None:
    await house.start(
        "input_boolean:\n  a:\nscene:\n  - {name: s, entities: {input_boolean.a: on}}\n"
        "script:\n  go: {sequence: [{scene: scene.s}]}\n"
    )
    await house.hub.services.call("script", "go")
    found = house.hub.states.get("input_boolean.a")
    assert found is not None
    assert found.state == "on"
