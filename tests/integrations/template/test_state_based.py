"""Entities without triggers: they follow what their templates read, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub, Phase
from nanobot.testing.plugin import House

State = Callable[[str], str | None]
Attribute = Callable[[str, str], Any]
History = Callable[[str], list[str | None]]
Errors = Callable[[], list[str]]


def sensor(**options: Any) -> dict[str, Any]:
    return {"template": [{"sensor": {"name": "S", **options}}]}


def binary(**options: Any) -> dict[str, Any]:
    return {"template": [{"binary_sensor": {"name": "B", **options}}]}


async def test_a_sensor_follows_what_its_template_reads(hub: Hub, set_up: Any, state: State) -> None:
    hub.states.set("sensor.a", "4")
    await set_up("template", sensor(state="{{ states('sensor.a') | int + 1 }}")["template"])
    assert state("sensor.s") == "5"
    hub.states.set("sensor.a", "7")
    assert state("sensor.s") == "8"
    assert hub.states.get("sensor.s").name == "S"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{ 1 + 1 }}", "2"),
        ("{{ 0.1 + 0.2 }}", "0.3"),
        ("{{ 12.0 }}", "12.0"),
        ("{{ 1 == 1 }}", "True"),
        ("{{ none }}", "unknown"),
        ("{{ [1, 'a'] }}", "[1, 'a']"),
        ("{{ '1,2' }}", "1,2"),
        ("{{ '007' }}", "007"),
        ("plain", "plain"),
        (5, "5"),
        (True, "True"),
        ("", ""),
    ],
)
async def test_the_state_is_the_result_as_text(set_up: Any, state: State, template: Any, shown: str) -> None:
    await set_up("template", sensor(state=template)["template"])
    assert state("sensor.s") == shown


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{ true }}", "on"),
        ("{{ 'On' }}", "on"),
        ("{{ 'yes' }}", "on"),
        ("enable", "on"),
        ("{{ 3 }}", "on"),
        ("{{ 0 }}", "off"),
        ("{{ 0.0 }}", "off"),
        ("{{ 'off' }}", "off"),
        ("{{ 'open' }}", "off"),
        ("{{ none }}", "off"),
        ("{{ [1] }}", "off"),
        ("{{ states('sensor.nowhere') }}", "off"),
    ],
)
async def test_a_binary_sensor_is_on_for_what_counts_as_true(
    set_up: Any, state: State, template: str, shown: str
) -> None:
    await set_up("template", binary(state=template)["template"])
    assert state("binary_sensor.b") == shown


async def test_names_icons_and_attributes_may_be_templates(hub: Hub, set_up: Any, attribute: Attribute) -> None:
    hub.states.set("sensor.a", "4")
    await set_up(
        "template",
        sensor(
            name="Sum {{ 1 + 1 }}",
            state="x",
            icon="mdi:{{ 'up' if is_state('sensor.a', '4') else 'down' }}",
            picture="/local/{{ states('sensor.a') }}.png",
            device_class="weight",
            unit_of_measurement="kg",
            state_class="measurement",
            attributes={"parts": "{{ [states('sensor.a')] }}", "text": "plain", "number": 5},
        )["template"],
    )
    shown = hub.states.get("sensor.sum_2")
    assert shown is not None
    assert shown.attributes["friendly_name"] == "Sum 2"
    assert shown.attributes["icon"] == "mdi:up"
    assert shown.attributes["entity_picture"] == "/local/4.png"
    assert shown.attributes["parts"] == ["4"]
    assert (shown.attributes["text"], shown.attributes["number"]) == ("plain", "5")
    assert shown.attributes["unit_of_measurement"] == "kg"
    assert shown.attributes["device_class"] == "weight"
    assert shown.attributes["state_class"] == "measurement"
    hub.states.set("sensor.a", "5")
    assert attribute("sensor.sum_2", "icon") == "mdi:down"
    assert attribute("sensor.sum_2", "parts") == ["5"]


async def test_while_it_is_not_available_only_name_and_unit_are_shown(hub: Hub, set_up: Any, state: State) -> None:
    hub.states.set("sensor.a", "4")
    await set_up(
        "template",
        sensor(
            state="{{ states('sensor.a') | int }}",
            availability="{{ has_value('sensor.a') }}",
            unit_of_measurement="kg",
            attributes={"double": "{{ states('sensor.a') | int * 2 }}"},
        )["template"],
    )
    hub.states.set("sensor.a", "unknown")
    found = hub.states.get("sensor.s")
    assert found is not None
    assert found.state == "unavailable"
    assert dict(found.attributes) == {"friendly_name": "S", "unit_of_measurement": "kg"}
    hub.states.set("sensor.a", "6")
    assert state("sensor.s") == "6"
    assert hub.states.get("sensor.s").attributes["double"] == 12  # type: ignore[union-attr]


async def test_what_fails_while_it_is_not_available_is_no_error(hub: Hub, set_up: Any, errors: Errors) -> None:
    hub.states.set("sensor.b", "1")
    await set_up(
        "template",
        sensor(
            state="{{ states('sensor.a') | float + states('sensor.b') | float }}",
            availability="{{ has_value('sensor.a') and has_value('sensor.b') }}",
        )["template"],
    )
    hub.states.set("sensor.a", "1")
    hub.states.set("sensor.b", "unknown")
    hub.states.set("sensor.a", "unknown")
    assert errors() == []


async def test_a_state_that_fails_is_unavailable_and_says_why_once(
    hub: Hub, set_up: Any, state: State, errors: Errors
) -> None:
    hub.states.set("sensor.a", "x")
    await set_up("template", sensor(state="{{ states('sensor.a') | int }}")["template"])
    assert state("sensor.s") == "unavailable"
    hub.states.set("sensor.a", "x", {"n": 1})
    assert len(errors()) == 1
    assert "sensor.s: state: ValueError" in errors()[0]
    hub.states.set("sensor.a", "3")
    assert state("sensor.s") == "3"
    hub.states.set("sensor.a", "x")
    assert len(errors()) == 2


async def test_an_attribute_that_fails_is_none_and_the_rest_lives(
    set_up: Any, state: State, attribute: Attribute
) -> None:
    await set_up("template", sensor(state="1", attributes={"bad": "{{ 1 / 0 }}", "good": "{{ 2 }}"})["template"])
    assert state("sensor.s") == "1"
    assert attribute("sensor.s", "bad") is None
    assert attribute("sensor.s", "good") == 2


@pytest.mark.parametrize("about", [{"unit_of_measurement": "kg"}, {"device_class": "weight"}, {"state_class": "total"}])
async def test_what_has_to_be_a_number_and_is_none_is_unknown(
    hub: Hub, set_up: Any, state: State, errors: Errors, about: Any
) -> None:
    hub.states.set("sensor.a", "much")
    await set_up("template", sensor(state="{{ states('sensor.a') }}", **about)["template"])
    assert state("sensor.s") == "unknown"
    assert "'much' is no number" in errors()[0]
    hub.states.set("sensor.a", "5.0")
    assert state("sensor.s") == "5.0"


async def test_times_are_shown_in_utc(set_up: Any, state: State, errors: Errors) -> None:
    sensors = [
        {"name": "Time", "device_class": "timestamp", "state": "2026-01-01T12:00:00+02:00"},
        {"name": "Bare", "device_class": "timestamp", "state": "2026-01-01T12:00:00"},
        {"name": "Day", "device_class": "date", "state": "{{ '2026-01-02' }}"},
    ]
    await set_up("template", [{"sensor": sensors}])
    assert state("sensor.time") == "2026-01-01T10:00:00+00:00"
    assert state("sensor.bare") == "unknown"
    assert state("sensor.day") == "2026-01-02"
    assert "has no time zone" in errors()[0]


async def test_a_state_of_more_than_255_characters_is_unknown(set_up: Any, state: State, errors: Errors) -> None:
    await set_up("template", sensor(state="{{ 'x' * 256 }}")["template"])
    assert state("sensor.s") == "unknown"
    assert "256 characters" in errors()[0]


async def test_variables_are_known_to_all_templates_of_the_section(set_up: Any, state: State) -> None:
    config = [
        {
            "variables": {"base": 40, "more": "{{ base + 1 }}"},
            "sensor": [
                {"name": "One", "state": "{{ more }}"},
                {"name": "Two", "variables": {"more": "{{ base + 2 }}"}, "state": "{{ more }}"},
            ],
        }
    ]
    await set_up("template", config)
    assert (state("sensor.one"), state("sensor.two")) == ("41", "42")


async def test_this_is_the_entity_itself(hub: Hub, set_up: Any, attribute: Attribute) -> None:
    hub.states.set("sensor.a", "3")
    attributes = {"id": "{{ this.entity_id }}", "twice": "{{ this.state | int(0) * 2 }}"}
    await set_up("template", sensor(state="{{ states('sensor.a') }}", attributes=attributes)["template"])
    assert attribute("sensor.s", "id") == "sensor.s"
    assert attribute("sensor.s", "twice") == 6
    hub.states.set("sensor.a", "4")
    assert attribute("sensor.s", "twice") == 8


async def test_a_template_that_changes_what_it_reads_is_stopped(
    hub: Hub, set_up: Any, state: State, errors: Errors
) -> None:
    hub.states.set("sensor.a", "0")
    template = "{{ states('sensor.a') | int + this.state | int(0) + 1 }}"
    await set_up("template", sensor(state=template)["template"])
    assert int(state("sensor.s") or "") < 5
    assert "over and over" in errors()[0]
    hub.states.set("sensor.a", "100")
    assert int(state("sensor.s") or "") > 100


async def test_two_that_follow_each_other_are_stopped(set_up: Any, state: State, errors: Errors) -> None:
    sensors = [
        {"name": "A", "state": "{{ states('sensor.b') | int(0) + 1 }}"},
        {"name": "B", "state": "{{ states('sensor.a') | int(0) + 1 }}"},
    ]
    await set_up("template", [{"sensor": sensors}])
    assert int(state("sensor.a") or "") < 1000
    assert any("over and over" in text for text in errors())


async def test_a_long_chain_is_followed_to_its_end(hub: Hub, set_up: Any, state: State) -> None:
    hub.states.set("sensor.n0", "1")
    chain = [{"name": f"n{i + 1}", "state": f"{{{{ states('sensor.n{i}') }}}}"} for i in range(90)]
    await set_up("template", [{"sensor": chain}])
    hub.states.set("sensor.n0", "2")
    assert state("sensor.n90") == "2"


async def test_the_context_is_that_of_what_changed(hub: Hub, set_up: Any) -> None:
    await set_up("template", sensor(state="{{ states('sensor.a') }}")["template"])
    context = Context()
    hub.states.set("sensor.a", "1", context=context)
    found = hub.states.get("sensor.s")
    assert found is not None
    assert found.context.id == context.id


async def test_nothing_is_rendered_before_the_hub_has_started(house: House, hub: Hub, state: State) -> None:
    hub.phase = Phase.STARTING
    await house.start("template: [{sensor: {name: S, state: \"{{ states('sensor.late') | int }}\"}}]")
    assert state("sensor.s") == "unknown"
    hub.states.set("sensor.late", "3")
    hub.bus.fire("homeassistant_start")
    assert state("sensor.s") == "3"


async def test_the_same_name_twice_gets_a_number(hub: Hub, set_up: Any, state: State) -> None:
    sensors = [{"name": "S", "state": "1"}, {"name": "S", "state": "2"}, {"state": "3"}, {"unique_id": "u", "state": 4}]
    await set_up("template", [{"sensor": [*sensors, {"default_entity_id": "sensor.mine", "name": "S", "state": 5}]}])
    assert [state(f"sensor.{name}") for name in ("s", "s_2", "unnamed_device", "template_u", "mine")] == list("12345")


async def test_the_same_unique_id_twice_leaves_one_out_and_says_so(hub: Hub, set_up: Any, state: State) -> None:
    sensors = [{"unique_id": "u", "name": "A", "state": "1"}, {"unique_id": "u", "name": "B", "state": "2"}]
    await set_up("template", [{"sensor": sensors}])
    assert (state("sensor.a"), state("sensor.b")) == ("1", None)
    assert hub.issues.get("template.unique_id_twice") is not None


@pytest.mark.looptime
async def test_a_binary_sensor_waits_before_it_changes(hub: Hub, set_up: Any, state: State) -> None:
    options = {"state": "{{ is_state('sensor.a', 'on') }}", "delay_on": 5, "delay_off": {"seconds": "{{ 1 + 1 }}"}}
    await set_up("template", binary(**options)["template"])
    await asyncio.sleep(3)
    assert state("binary_sensor.b") == "off"
    hub.states.set("sensor.a", "on")
    await asyncio.sleep(4)
    hub.states.set("sensor.a", "off")
    await asyncio.sleep(4)
    hub.states.set("sensor.a", "on")
    await asyncio.sleep(4.9)
    assert state("binary_sensor.b") == "off"
    await asyncio.sleep(0.2)
    assert state("binary_sensor.b") == "on"
    hub.states.set("sensor.a", "off")
    await asyncio.sleep(1.9)
    assert state("binary_sensor.b") == "on"
    await asyncio.sleep(0.2)
    assert state("binary_sensor.b") == "off"


async def test_a_thousand_cost_nothing_while_their_inputs_rest(hub: Hub, set_up: Any) -> None:
    sensors = [{"name": f"n{i}", "state": f"{{{{ states('sensor.in{i}') }}}}"} for i in range(1000)]
    await set_up("template", [{"sensor": sensors}])
    seen: list[Event] = []
    hub.bus.listen("state_changed", seen.append)
    for i in range(100):
        hub.states.set("sensor.other", str(i))
    hub.states.set("sensor.in7", "1")
    assert {event.data["entity_id"] for event in seen[100:]} == {"sensor.in7", "sensor.n7"}


async def test_update_entity_has_templates_rendered_again(hub: Hub, set_up: Any, state: State) -> None:
    await set_up("template", sensor(state="{{ now().timestamp() }}")["template"])
    before = state("sensor.s")
    await hub.services.call("homeassistant", "update_entity", {"entity_id": "sensor.s"})
    assert float(state("sensor.s") or 0) > float(before or 0)
