"""Selects, numbers, texts, switches and buttons: services act on them, and their actions run."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nanobot.errors import NanobotError, ServiceError, ServiceNotFound
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

State = Callable[[str], str | None]
Attribute = Callable[[str, str], Any]


@pytest.fixture
def out(hub: Hub) -> list[Event]:
    events: list[Event] = []
    hub.bus.listen("out", events.append)
    return events


def say(**data: Any) -> list[dict[str, Any]]:
    return [{"event": "out", "event_data": data}]


async def test_a_select_follows_its_state_and_runs_its_actions(
    hub: Hub, set_up: Any, state: State, attribute: Attribute, out: list[Event]
) -> None:
    hub.states.set("sensor.colour", "red")
    select = {
        "name": "Colour",
        "state": "{{ states('sensor.colour') }}",
        "options": "{{ ['red', 'green', 'blue'] }}",
        "select_option": say(option="{{ option }}", of="{{ this.entity_id }}"),
    }
    await set_up("template", [{"select": select}])
    assert state("select.colour") == "red"
    assert attribute("select.colour", "options") == ["red", "green", "blue"]
    context = Context()
    await hub.services.call(
        "select", "select_option", {"entity_id": "select.colour", "option": "blue"}, context=context
    )
    assert out[0].data == {"option": "blue", "of": "select.colour"}
    assert out[0].context.id == context.id
    assert state("select.colour") == "red"
    hub.states.set("sensor.colour", "pink")
    assert state("select.colour") == "unknown"


async def test_a_select_refuses_what_is_no_option(hub: Hub, set_up: Any, out: list[Event]) -> None:
    select = {"name": "C", "state": "a", "options": "{{ ['a', 'b'] }}", "select_option": say()}
    await set_up("template", [{"select": select}])
    with pytest.raises(ServiceError, match="'c' is no option of select.c; its options are: a, b"):
        await hub.services.call("select", "select_option", {"entity_id": "select.c", "option": "c"})
    assert out == []


@pytest.mark.parametrize(
    ("service", "data", "option"),
    [
        ("select_next", {}, "a"),
        ("select_next", {"cycle": False}, "c"),
        ("select_previous", {}, "b"),
        ("select_first", {}, "a"),
        ("select_last", {}, "c"),
    ],
)
async def test_a_select_steps_through_its_options(
    hub: Hub, set_up: Any, out: list[Event], service: str, data: Any, option: str
) -> None:
    select = {
        "name": "C",
        "state": "c",
        "options": "{{ ['a', 'b', 'c'] }}",
        "select_option": say(option="{{ option }}"),
    }
    await set_up("template", [{"select": select}])
    await hub.services.call("select", service, {"entity_id": "select.c", **data})
    assert out[0].data == {"option": option}


async def test_a_number_has_limits(hub: Hub, set_up: Any, state: State, attribute: Attribute, out: list[Event]) -> None:
    number = {
        "name": "N",
        "state": "{{ 5 }}",
        "min": "{{ 1 }}",
        "max": 10,
        "step": 0.5,
        "unit_of_measurement": "m",
        "set_value": say(value="{{ value }}"),
    }
    await set_up("template", [{"number": number}])
    assert state("number.n") == "5.0"
    found = hub.states.get("number.n")
    assert found is not None
    assert dict(found.attributes) == {
        "min": 1.0,
        "max": 10.0,
        "step": 0.5,
        "mode": "auto",
        "unit_of_measurement": "m",
        "friendly_name": "N",
    }
    await hub.services.call("number", "set_value", {"entity_id": "number.n", "value": "7"})
    assert out[0].data == {"value": 7.0}
    with pytest.raises(ServiceError, match=r"11\.0 is out of range; number.n takes 1\.0 to 10\.0"):
        await hub.services.call("number", "set_value", {"entity_id": "number.n", "value": 11})


async def test_an_optimistic_number_takes_the_value_at_once(hub: Hub, set_up: Any, state: State) -> None:
    await set_up("template", [{"number": {"name": "N", "state": "{{ 5 }}", "set_value": [], "optimistic": True}}])
    await hub.services.call("number", "set_value", {"entity_id": "number.n", "value": 6})
    assert state("number.n") == "6.0"


async def test_a_text_takes_what_fits(hub: Hub, set_up: Any, state: State, out: list[Event]) -> None:
    text = {"name": "T", "set_value": say(value="{{ value }}"), "min": 2, "max": 4, "pattern": "[a-z]+"}
    await set_up("template", [{"text": text}])
    await hub.services.call("text", "set_value", {"entity_id": "text.t", "value": "abc"})
    assert (state("text.t"), out[0].data) == ("abc", {"value": "abc"})
    for wrong in ("a", "abcde", "AB"):
        with pytest.raises(ServiceError):
            await hub.services.call("text", "set_value", {"entity_id": "text.t", "value": wrong})
    assert state("text.t") == "abc"


async def test_a_switch_follows_its_state(hub: Hub, set_up: Any, state: State, out: list[Event]) -> None:
    switch = {
        "name": "Lamp",
        "state": "{{ is_state('sensor.lamp', 'on') }}",
        "turn_on": say(on=True),
        "turn_off": say(on=False),
    }
    await set_up("template", [{"switch": switch}])
    target = {"entity_id": "switch.lamp"}
    await hub.services.call("switch", "turn_on", target)
    assert state("switch.lamp") == "off"
    hub.states.set("sensor.lamp", "on")
    assert state("switch.lamp") == "on"
    await hub.services.call("switch", "toggle", target)
    await hub.services.call("homeassistant", "turn_on", target)
    assert [event.data["on"] for event in out] == [True, False, True]


async def test_a_switch_without_a_state_is_what_it_was_switched_to_also_after_a_restart(
    house: House, hub: Hub, restart: Callable[[], Awaitable[House]]
) -> None:
    config = {"template": [{"switch": {"name": "Lamp", "turn_on": [], "turn_off": []}}]}
    await house.start(json.dumps(config))
    assert hub.states.get("switch.lamp").state == "unknown"  # type: ignore[union-attr]
    await hub.services.call("homeassistant", "toggle", {"entity_id": "switch.lamp"})
    found = hub.states.get("switch.lamp")
    assert found is not None
    assert (found.state, found.attributes["assumed_state"]) == ("on", True)
    house = await restart()
    assert house.hub.states.get("switch.lamp").state == "on"  # type: ignore[union-attr]


async def test_a_button_remembers_when_it_was_pressed(
    house: House, hub: Hub, out: list[Event], restart: Callable[[], Awaitable[House]]
) -> None:
    await house.start(json.dumps({"template": [{"button": {"name": "Bell", "press": say(k=1)}}]}))
    assert hub.states.get("button.bell").state == "unknown"  # type: ignore[union-attr]
    await hub.services.call("button", "press", {"entity_id": "button.bell"})
    pressed = hub.states.get("button.bell").state  # type: ignore[union-attr]
    assert pressed.endswith("+00:00")
    assert len(out) == 1
    house = await restart()
    assert house.hub.states.get("button.bell").state == pressed  # type: ignore[union-attr]


async def test_what_is_not_available_is_left_alone(hub: Hub, set_up: Any, out: list[Event]) -> None:
    await set_up("template", [{"button": {"name": "Bell", "availability": "{{ false }}", "press": say()}}])
    await hub.services.call("button", "press", {"entity_id": "button.bell"})
    assert out == []


async def test_an_action_that_fails_fails_the_service(hub: Hub, set_up: Any) -> None:
    await set_up("template", [{"button": {"name": "Bell", "press": [{"action": "no.such"}]}}])
    with pytest.raises(NanobotError, match=r"no\.such"):
        await hub.services.call("button", "press", {"entity_id": "button.bell"})


async def test_one_without_a_name_is_called_after_its_kind(hub: Hub, set_up: Any, attribute: Attribute) -> None:
    await set_up("template", [{"unique_id": "s", "button": [{"press": []}, {"unique_id": "u", "press": []}]}])
    assert attribute("button.template_button", "friendly_name") == "Template Button"
    assert attribute("button.template_button_2", "friendly_name") == "Template Button"


async def test_services_are_there_while_there_is_an_entity_of_the_domain(house: House, hub: Hub) -> None:
    one = {"name": "A", "turn_on": [], "turn_off": []}
    await house.start(json.dumps({"template": [{"switch": [one, {**one, "name": "B"}]}]}))
    await house.apply(json.dumps({"template": [{"switch": [one]}]}))
    assert hub.services.has("switch", "turn_on")
    assert not hub.services.has("number", "set_value")
    await house.apply(json.dumps({"template": [{"sensor": {"name": "S", "state": "1"}}]}))
    with pytest.raises(ServiceNotFound):
        await hub.services.call("switch", "turn_on", {"entity_id": "switch.a"})
