"""Counters: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp


async def call(hub: Hub, service: str, **data: Any) -> str:
    await hub.services.call("counter", service, {"entity_id": "counter.c", **data})
    found = hub.states.get("counter.c")
    assert found is not None
    return found.state


async def test_attributes(hub: Hub, set_up: SetUp) -> None:
    await set_up("counter", {"c": None, "d": {"initial": 5, "minimum": 4, "maximum": 6, "step": 2}})
    c, d = hub.states.get("counter.c"), hub.states.get("counter.d")
    assert c is not None
    assert d is not None
    assert (c.state, dict(c.attributes)) == ("0", {"editable": False, "initial": 0, "step": 1})
    assert (d.state, dict(d.attributes)) == (
        "5",
        {"editable": False, "initial": 5, "step": 2, "minimum": 4, "maximum": 6},
    )


@pytest.mark.parametrize(
    ("services", "state"),
    [
        (["increment"], "6"),
        (["increment", "increment"], "6"),
        (["decrement", "decrement"], "4"),
        (["increment", "reset"], "5"),
    ],
)
async def test_services(hub: Hub, set_up: SetUp, services: list[str], state: str) -> None:
    await set_up("counter", {"c": {"initial": 5, "minimum": 4, "maximum": 6}})
    for service in services:
        now = await call(hub, service)
    assert now == state


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "below the minimum"), (12, "above the maximum"), (7, "no multiple of 2")],
)
async def test_values_that_are_refused(hub: Hub, set_up: SetUp, value: int, text: str) -> None:
    await set_up("counter", {"c": {"initial": 6, "minimum": 4, "maximum": 10, "step": 2}})
    with pytest.raises(ServiceError, match=text):
        await call(hub, "set_value", value=value)
    assert await call(hub, "set_value", value=8) == "8"


async def test_a_negative_value_is_refused(hub: Hub, set_up: SetUp) -> None:
    await set_up("counter", {"c": None})
    with pytest.raises(InvalidServiceData):
        await call(hub, "set_value", value=-1)


async def test_the_last_value_wins_over_the_initial_one_unless_told_otherwise(house: House, restart: Any) -> None:
    await house.start("counter: {c: {initial: 5}, d: {initial: 5, restore: false}}")
    await house.hub.services.call("counter", "increment", {"entity_id": "all"})
    hub = (await restart()).hub
    assert [hub.states.get(f"counter.{name}").state for name in "cd"] == ["6", "5"]
