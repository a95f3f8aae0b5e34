"""Buttons of your own: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp


async def test_its_state_is_the_time_of_the_last_press(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_button", {"bell": {"name": "Bell"}})
    found = hub.states.get("input_button.bell")
    assert found is not None
    assert (found.state, dict(found.attributes)) == ("unknown", {"editable": False, "friendly_name": "Bell"})
    hub.clock.time = lambda: 1_700_000_000.25
    await hub.services.call("input_button", "press", {"entity_id": "input_button.bell"})
    found = hub.states.get("input_button.bell")
    assert found is not None
    assert found.state == "2023-11-14T22:13:20.250000+00:00"


async def test_it_outlives_a_restart(house: House, restart: Any) -> None:
    await house.start("input_button: {bell: , door: }")
    await house.hub.services.call("input_button", "press", {"entity_id": "input_button.bell"})
    pressed = house.hub.states.get("input_button.bell")
    hub = (await restart()).hub
    assert pressed is not None
    assert hub.states.get("input_button.bell").state == pressed.state
    assert hub.states.get("input_button.door").state == "unknown"
