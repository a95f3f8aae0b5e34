"""Numbers of your own: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.errors import InvalidServiceData
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "0.0"),
        ({"initial": 7}, "7.0"),
        ({"initial": "2.5"}, "2.5"),
        ({"min": -3, "max": -1}, "-3.0"),
        ({"initial": 1 / 3}, "0.333333333333333"),
        ({"max": 1e17, "initial": 1e16}, "1e+16"),
    ],
)
async def test_first_state(hub: Hub, set_up: SetUp, more: dict[str, Any], state: str) -> None:
    await set_up("input_number", {"n": {"min": 0, "max": 10, **more}})
    found = hub.states.get("input_number.n")
    assert found is not None
    assert found.state == state


async def test_attributes(hub: Hub, set_up: SetUp) -> None:
    more = {"unit_of_measurement": "°C", "name": "Target", "icon": "mdi:thermometer"}
    await set_up("input_number", {"n": {"min": 0, "max": 10}, "m": {"min": 0, "max": 1, "step": 0.1, **more}})
    plain, full = hub.states.get("input_number.n"), hub.states.get("input_number.m")
    assert plain is not None
    assert full is not None
    assert dict(plain.attributes) == {
        "initial": None,
        "editable": False,
        "min": 0.0,
        "max": 10.0,
        "step": 1.0,
        "mode": "slider",
    }
    assert full.attributes["step"] == 0.1
    assert full.attributes["unit_of_measurement"] == "°C"
    assert (full.attributes["friendly_name"], full.attributes["icon"]) == ("Target", "mdi:thermometer")


@pytest.mark.parametrize(
    ("calls", "state"),
    [
        (["increment"], "6.0"),
        (["increment", "increment", "increment"], "10.0"),
        (["decrement", "decrement", "decrement"], "0.0"),
        ([("set_value", "3.5")], "3.5"),
        ([("set_value", 0)], "0.0"),
        ([("set_value", 9), "increment"], "10.0"),
    ],
)
async def test_services(hub: Hub, set_up: SetUp, calls: list[Any], state: str) -> None:
    await set_up("input_number", {"n": {"min": 0, "max": 10, "step": 2, "initial": 4}})
    for call in calls:
        name, value = call if isinstance(call, tuple) else (call, None)
        data = {"entity_id": "input_number.n"} | ({} if value is None else {"value": value})
        await hub.services.call("input_number", name, data)
    found = hub.states.get("input_number.n")
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize("value", [-0.1, 10.01, "nan"])
async def test_a_value_out_of_bounds_is_refused(hub: Hub, set_up: SetUp, value: Any) -> None:
    await set_up("input_number", {"n": {"min": 0, "max": 10}})
    with pytest.raises(InvalidServiceData):
        await hub.services.call("input_number", "set_value", {"entity_id": "input_number.n", "value": value})
    found = hub.states.get("input_number.n")
    assert found is not None
    assert found.state == "0.0"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("{min: 10, max: 10}", "n > max: max (10) has to be greater than min (10)"),
        ("{min: 0, max: 5, initial: 6}", "n > initial: 6 is not between min (0) and max (5)"),
        ("{max: 5}", "n: the option 'min' is missing"),
        ("{min: 0, max: 5, step: 0}", "n > step: 0 is too small; the least is 1e-09"),
        (
            "{min: 0, max: 5, mode: sldier}",
            "n > mode: 'sldier' is not possible; write one of 'box', 'slider'; did you mean 'slider'?",
        ),
    ],
)
async def test_mistakes_are_told(house: House, item: str, text: str) -> None:
    applied = await house.apply(f"input_number:\n  n: {item}\n")
    assert [str(problem) for problem in applied.problems] == [f"configuration.yaml:2: input_number > {text}"]
