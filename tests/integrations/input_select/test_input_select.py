"""Choices of your own: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.errors import ServiceError
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp

ABC = {"s": {"options": ["a", "b", "c"], "initial": "b"}}


async def call(hub: Hub, service: str, **data: Any) -> str:
    await hub.services.call("input_select", service, {"entity_id": "input_select.s", **data})
    found = hub.states.get("input_select.s")
    assert found is not None
    return found.state


async def test_attributes(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_select", {"s": {"options": ["a", "b"]}})
    found = hub.states.get("input_select.s")
    assert found is not None
    assert (found.state, dict(found.attributes)) == ("a", {"options": ["a", "b"], "editable": False})


@pytest.mark.parametrize(
    ("start", "service", "data", "state"),
    [
        ("b", "select_next", {}, "c"),
        ("c", "select_next", {}, "a"),
        ("c", "select_next", {"cycle": False}, "c"),
        ("a", "select_previous", {}, "c"),
        ("a", "select_previous", {"cycle": False}, "a"),
        ("b", "select_first", {}, "a"),
        ("b", "select_last", {}, "c"),
        ("b", "select_option", {"option": "c"}, "c"),
        ("b", "set_options", {"options": ["b", "d"]}, "b"),
        ("b", "set_options", {"options": ["d", "e"]}, "d"),
        ("b", "set_options", {"options": "only"}, "only"),
    ],
)
async def test_services(hub: Hub, set_up: SetUp, start: str, service: str, data: dict[str, Any], state: str) -> None:
    await set_up("input_select", {"s": {"options": ["a", "b", "c"], "initial": start}})
    assert await call(hub, service, **data) == state


async def test_what_is_no_option_is_refused(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_select", ABC)
    with pytest.raises(ServiceError, match=r"'z' is no option of input_select\.s; its options are: a, b, c"):
        await call(hub, "select_option", option="z")
    with pytest.raises(ServiceError, match="twice"):
        await call(hub, "set_options", options=["a", "a"])


async def test_options_that_were_set_are_those_of_the_configuration_after_an_edit(house: House) -> None:
    await house.start("input_select: {s: {options: [a, b, c]}}")
    await call(house.hub, "set_options", options=["x", "y"])
    await house.apply("input_select: {s: {options: [a, b, y], name: S}}")
    found = house.hub.states.get("input_select.s")
    assert found is not None
    assert (found.state, found.attributes["options"]) == ("a", ["a", "b", "y"])


async def test_mistakes_are_told(house: House) -> None:
    applied = await house.apply("input_select:\n  s: {options: [a], initial: b}\n  t: {options: []}\n")
    assert [str(problem) for problem in applied.problems] == [
        "configuration.yaml:2: input_select > s > initial: 'b' is none of the options: a",
        "configuration.yaml:3: input_select > t > options: has to have one option at least",
    ]
