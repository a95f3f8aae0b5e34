"""Switches of your own: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp


@pytest.mark.parametrize(
    ("config", "state", "attributes"),
    [
        (None, "off", {"editable": False}),
        ({"initial": "on"}, "on", {"editable": False}),
        (
            {"name": "Guest mode", "icon": "mdi:account"},
            "off",
            {"editable": False, "friendly_name": "Guest mode", "icon": "mdi:account"},
        ),
    ],
    ids=["empty", "initial", "named"],
)
async def test_as_configured(hub: Hub, set_up: SetUp, config: Any, state: str, attributes: Any) -> None:
    await set_up("input_boolean", {"it": config})
    found = hub.states.get("input_boolean.it")
    assert found is not None
    assert (found.state, dict(found.attributes)) == (state, attributes)


async def test_services(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_boolean", {"it": None})
    states = []
    for service in ("turn_on", "turn_on", "toggle", "toggle", "turn_off"):
        await hub.services.call("input_boolean", service, {"entity_id": "input_boolean.it"})
        found = hub.states.get("input_boolean.it")
        states.append(found.state if found else None)
    assert states == ["on", "on", "off", "on", "off"]


async def test_the_cause_of_a_change_is_the_call(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_boolean", {"it": None})
    cause = Context(actor="user")
    await hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.it"}, context=cause)
    found = hub.states.get("input_boolean.it")
    assert found is not None
    assert found.context is cause


async def test_a_mistake_in_one_is_told_and_the_others_live(house: House) -> None:
    applied = await house.apply("input_boolean:\n  Lamp:\n  fan: {intial: true}\n  door:\n")
    assert [str(problem) for problem in applied.problems] == [
        (
            "configuration.yaml:2: input_boolean > Lamp: 'Lamp' cannot be a name here; use small letters, digits and _"
            "; did you mean 'lamp'?"
        ),
        "configuration.yaml:3: input_boolean > fan > intial: unknown option; did you mean 'initial'?",
    ]
    assert house.hub.states.get("input_boolean.door") is not None
