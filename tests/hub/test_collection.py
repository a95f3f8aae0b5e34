"""Helpers: set up, restored after a restart, reloaded by difference."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp

Restart = Callable[[], Awaitable[House]]

THREE = """
input_number:
  a: {min: 0, max: 10, initial: 5}
  b: {min: 0, max: 10}
input_boolean:
  lamp: {name: Old name}
  gone:
"""


def state_of(hub: Hub, entity_id: str) -> str | None:
    state = hub.states.get(entity_id)
    return None if state is None else state.state


def changes_of(hub: Hub) -> list[str]:
    """The entities whose states change from now on."""
    seen: list[str] = []
    hub.bus.listen("state_changed", lambda event: seen.append(event.data["entity_id"]))
    return seen


async def test_each_item_is_an_entity(hub: Hub, house: House) -> None:
    await house.start(THREE)
    assert {s.entity_id for s in hub.states.all() if not s.entity_id.startswith("integration.")} == {
        "input_number.a",
        "input_number.b",
        "input_boolean.lamp",
        "input_boolean.gone",
    }


async def test_labels_and_packages_are_one_entry(hub: Hub, house: House) -> None:
    await house.start("input_boolean:\n  a:\ninput_boolean two:\n  b: {initial: true}\n")
    assert hub.states.get("input_boolean.a")
    assert hub.states.get("input_boolean.b")
    assert [e for e in hub.entries if e.startswith("input_boolean")] == ["input_boolean"]


async def test_a_reload_touches_only_what_was_edited(hub: Hub, house: House) -> None:
    await house.start(THREE)
    both = {"entity_id": ["input_boolean.lamp", "input_boolean.gone"]}
    await hub.services.call("input_boolean", "turn_on", both)
    await hub.services.call("input_number", "set_value", {"entity_id": "input_number.b", "value": 7})
    before = hub.states.get("input_number.a"), hub.states.get("input_number.b")
    changes = changes_of(hub)
    await house.apply(THREE.replace("Old name}", "New name}").replace("  gone:", "  fresh: {initial: true}"))
    assert sorted(c for c in changes if not c.startswith("integration.")) == [
        "input_boolean.fresh",
        "input_boolean.gone",
        "input_boolean.lamp",
    ]
    assert (hub.states.get("input_number.a"), hub.states.get("input_number.b")) == before
    lamp = hub.states.get("input_boolean.lamp")
    assert lamp is not None
    assert (lamp.state, lamp.attributes["friendly_name"]) == ("on", "New name")
    assert hub.states.get("input_boolean.gone") is None
    assert state_of(hub, "input_boolean.fresh") == "on"


async def test_a_bound_that_moves_keeps_the_value_within(hub: Hub, house: House) -> None:
    await house.start(THREE)
    await hub.services.call("input_number", "set_value", {"entity_id": "input_number.a", "value": 9})
    await house.apply(THREE.replace("max: 10, initial: 5", "max: 20, initial: 5"))
    assert state_of(hub, "input_number.a") == "9.0"
    await house.apply(THREE.replace("max: 10, initial: 5", "max: 6, initial: 5"))
    assert state_of(hub, "input_number.a") == "6.0"


async def test_a_wrong_item_keeps_its_last_good_version_and_the_others_live(hub: Hub, house: House) -> None:
    await house.start(THREE)
    await hub.services.call("input_number", "set_value", {"entity_id": "input_number.b", "value": 7})
    applied = await house.apply(THREE.replace("b: {min: 0, max: 10}", "b: {min: much, max: 10}\n  c: {min: 1, max: 2}"))
    assert len(applied.problems) == 1
    assert state_of(hub, "input_number.b") == "7.0"
    assert state_of(hub, "input_number.c") == "1.0"


async def test_states_outlive_a_restart_but_an_initial_value_wins(house: House, restart: Restart) -> None:
    await house.start(THREE)
    call = house.hub.services.call
    await call("input_boolean", "turn_on", {"entity_id": "input_boolean.lamp"})
    await call("input_number", "set_value", {"entity_id": ["input_number.a", "input_number.b"], "value": 7.5})
    hub = (await restart()).hub
    assert state_of(hub, "input_boolean.lamp") == "on"
    assert state_of(hub, "input_number.a") == "5.0"
    assert state_of(hub, "input_number.b") == "7.5"


async def test_what_was_taken_out_for_a_while_comes_back_as_it_was(house: House, restart: Restart) -> None:
    await house.start("input_boolean: {a: , b: }")
    await house.hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.b"})
    await house.apply("input_boolean: {a: }")
    again = await restart()
    await again.apply("input_boolean: {a: , b: }")
    assert state_of(again.hub, "input_boolean.b") == "on"


async def test_what_was_taken_out_is_forgotten_after_a_week(house: House, restart: Restart) -> None:
    await house.start("input_boolean: {a: , b: }")
    await house.hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.b"})
    a_week_ago = house.hub.clock.time() - 7 * 24 * 3600 - 1
    house.hub.clock.time = lambda: a_week_ago
    await house.apply("input_boolean: {a: }")
    again = await restart()
    await again.apply("input_boolean: {a: , b: }")
    assert state_of(again.hub, "input_boolean.b") == "off"


async def test_a_kill_loses_at_most_the_last_second(house: House) -> None:
    await house.start("counter: {c: }")
    await house.hub.services.call("counter", "increment", {"entity_id": "counter.c"})
    written = house.config_dir / ".storage" / "counter.last_states.json"
    async with asyncio.timeout(10):
        while not written.exists() or '"state": "1"' not in written.read_text():
            await asyncio.sleep(0.05)


async def test_the_reload_service_applies_the_edit(hub: Hub, house: House) -> None:
    await house.start("input_number: {n: {min: 0, max: 10, initial: 5}}")
    await hub.services.call("input_number", "set_value", {"entity_id": "input_number.n", "value": 7})
    house.write("input_number: {n: {min: 0, max: 20, initial: 5}}")
    await hub.services.call("input_number", "reload")
    state = hub.states.get("input_number.n")
    assert state is not None
    assert (state.state, state.attributes["max"]) == ("7.0", 20)


async def test_the_reload_service_says_when_nothing_could_be_read(hub: Hub, house: House) -> None:
    await house.start("input_number: {n: {min: 0, max: 10}}")
    house.write("input_number: [\n")
    with pytest.raises(ServiceError, match=r"cannot be read, so nothing was changed: configuration\.yaml:"):
        await hub.services.call("input_number", "reload")
    assert hub.states.get("input_number.n") is not None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"value": 3}, "say which entity is meant"),
        ({"entity_id": "input_number.n"}, "the option 'value' is missing"),
        ({"entity_id": "input_number.n", "value": "much"}, "value: expected a number, found 'much'"),
        ({"entity_id": "input_number.n", "value": 3, "colour": "red"}, "colour: unknown option"),
    ],
    ids=["no target", "missing", "wrong kind", "unknown"],
)
async def test_a_wrong_call_says_what_is_wrong(hub: Hub, set_up: SetUp, data: dict[str, Any], text: str) -> None:
    await set_up("input_number", {"n": {"min": 0, "max": 10}})
    with pytest.raises(InvalidServiceData, match=text):
        await hub.services.call("input_number", "set_value", data)


@pytest.mark.parametrize(
    ("target", "moved"),
    [
        ("input_boolean.a", "a"),
        ("input_boolean.a, input_boolean.b", "ab"),
        (["input_boolean.b"], "b"),
        ("all", "ab"),
        ("none", ""),
        (["input_boolean.nobody", "input_boolean.b"], "b"),
        ("input_number.n", ""),
    ],
)
async def test_targets(hub: Hub, set_up: SetUp, target: Any, moved: str) -> None:
    await set_up("input_number", {"n": {"min": 0, "max": 10}})
    await set_up("input_boolean", {"a": None, "b": None})
    await hub.services.call("input_boolean", "turn_on", {"entity_id": target})
    assert "".join(s.object_id for s in hub.states.all("input_boolean") if s.state == "on") == moved


async def test_many_that_are_not_there_are_one_line_of_the_log(
    hub: Hub, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up("input_boolean", {"a": None})
    many = [f"input_boolean.no{number}" for number in range(1000)] * 2
    await hub.services.call("input_boolean", "turn_on", {"entity_id": [*many, "input_boolean.a", "group.none"]})
    told = [record.getMessage() for record in caplog.records if "there is no" in record.getMessage()]
    assert [line[:38] for line in told] == ["there is no input_boolean entity input", "there is no group group.none"]
    assert told[0].endswith("input_boolean.no9, …")
    assert state_of(hub, "input_boolean.a") == "on"


async def test_one_entity_that_refuses_does_not_stop_the_others(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_number", {"low": {"min": 0, "max": 5}, "high": {"min": 0, "max": 50}})
    with pytest.raises(InvalidServiceData, match="low takes 0 to 5, not 30"):
        await hub.services.call("input_number", "set_value", {"entity_id": "all", "value": 30})
    assert state_of(hub, "input_number.high") == "30.0"
