"""The services of the core, under both of its names."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.entity import Entity
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.lifecycle import core
from nanobot.testing.plugin import House

THINGS = """
input_boolean:
  a:
  b:
timer:
  tea: {duration: "0:05"}
"""


@pytest.fixture
async def things(house: House) -> Hub:
    await house.start(THINGS)
    return house.hub


def on(hub: Hub) -> list[str]:
    return [state.entity_id for state in hub.states.all("input_boolean") if state.state == "on"]


async def check(house: House, text: str) -> Mapping[str, Any]:
    house.write(text)
    told = await house.hub.services.call("homeassistant", "check_config", return_response=True)
    assert told is not None
    return told


@pytest.mark.parametrize("domain", core.DOMAINS)
async def test_both_names_have_the_same_services(things: Hub, domain: str) -> None:
    assert {service.name for service in things.services if service.domain == domain} == {
        "check_config", "reload", "reload_all", "reload_config_entry", "reload_core_config", "reload_custom_templates",
        "save_persistent_states", "set_location", "start_entry", "stop", "stop_entry", "toggle", "turn_off", "turn_on",
        "update_entity",
    }  # fmt: skip


async def test_things_of_any_kind_are_turned_on_by_their_own_domain(things: Hub, entry: Entry) -> None:
    await things.services.call("homeassistant", "turn_on", {"entity_id": "input_boolean.a, input_boolean.b"})
    assert on(things) == ["input_boolean.a", "input_boolean.b"]
    await things.services.call("nanobot", "toggle", {}, target={"entity_id": ["input_boolean.a"]})
    assert on(things) == ["input_boolean.b"]


async def test_groups_stand_for_their_members_however_they_are_nested(things: Hub, entry: Entry) -> None:
    entry.set_state("group.inner", "off", {"entity_id": ["input_boolean.b", "group.outer"]})
    entry.set_state("group.outer", "off", {"entity_id": ("input_boolean.a", "group.inner")})
    await things.services.call("homeassistant", "turn_on", {"entity_id": "group.outer"})
    assert on(things) == ["input_boolean.a", "input_boolean.b"]


async def test_what_cannot_be_turned_on_is_left_out(things: Hub, caplog: pytest.LogCaptureFixture) -> None:
    await things.services.call("homeassistant", "turn_on", {"entity_id": ["timer.tea", "input_boolean.a"]})
    assert on(things) == ["input_boolean.a"]
    assert "timer.tea cannot be told to turn on" in caplog.text


async def test_a_call_without_a_target_is_refused(things: Hub) -> None:
    with pytest.raises(InvalidServiceData, match=re.escape("say which entity is meant")):
        await things.services.call("homeassistant", "turn_on", {})


async def test_update_entity_has_things_look_again(hub: Hub, entry: Entry) -> None:
    class Thermometer(Entity):
        entity_id = "sensor.t"
        state = "5"

        async def update(self) -> None:
            self.state = "6"

    entry.add(Thermometer())
    await hub.services.call("homeassistant", "update_entity", {"entity_id": ["sensor.t", "sensor.unknown"]})
    state = hub.states.get("sensor.t")
    assert state is not None
    assert state.state == "6"


async def test_a_good_configuration_is_valid(house: House) -> None:
    await house.start(THINGS)
    told = await check(house, THINGS)
    assert told == {"result": "valid", "errors": None, "warnings": None, "problems": []}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("automation: [\n", r"configuration\.yaml, line \d+: .+"),
        ("timer: !include gone.yaml\n", r"configuration\.yaml, line 1: timer: .*gone\.yaml.*"),
        ("timer:\n  a: {duration: !secret nosuch}\n", r"configuration\.yaml, line 2: timer > a > duration: .*nosuch.*"),
        ("homeassistant:\n  time_zone: Moon/Base\n", r"configuration\.yaml, line 2: homeassistant > time_zone: .+"),
        ("- a\n", r"configuration\.yaml.*"),
    ],
    ids=["yaml", "include", "secret", "core", "no mapping"],
)
async def test_what_keeps_the_whole_from_being_read_is_an_error(house: House, text: str, error: str) -> None:
    await house.start(THINGS)
    told = await check(house, text)
    assert told["result"] == "invalid"
    assert re.fullmatch(error, told["errors"], re.DOTALL), told["errors"]
    assert told["problems"]


@pytest.mark.parametrize(
    "text",
    ["timer:\n  a: {duratoin: 5}\n", "nosuch:\n", "homeassistant:\n  packages: {p: 1}\n", "timer:\n  a:\n  a:\n"],
    ids=["option", "integration", "package", "key twice"],
)
async def test_everything_else_is_a_warning(house: House, text: str) -> None:
    await house.start(THINGS)
    told = await check(house, text)
    assert (told["result"], told["errors"]) == ("valid", None)
    assert told["warnings"]


async def test_a_reload_of_yaml_that_cannot_be_read_fails_and_changes_nothing(house: House) -> None:
    await house.start(THINGS)
    house.write("timer: [\n")
    with pytest.raises(ServiceError, match=r"nothing was changed: configuration\.yaml"):
        await house.hub.services.call("homeassistant", "reload_all", {})
    told = await house.hub.services.call("homeassistant", "reload_all", {}, return_response=True)
    assert told is not None
    assert told["applied"] is False
    assert house.hub.states.get("timer.tea") is not None


async def test_reload_core_config_applies_the_core_block(house: House) -> None:
    await house.start(THINGS)
    house.write("homeassistant:\n  name: Castle\n" + THINGS)
    await house.hub.services.call("homeassistant", "reload_core_config", {})
    assert house.hub.config.name == "Castle"


async def test_an_entry_is_restarted_by_its_id(things: Hub) -> None:
    before = things.entries["timer"]
    await things.services.call("homeassistant", "reload_config_entry", {"entry_id": "timer"})
    assert things.entries["timer"] is not before
    with pytest.raises(InvalidServiceData, match="did you mean 'timer'"):
        await things.services.call("homeassistant", "reload_config_entry", {"entry_id": "timr"})


async def test_the_location_moves(things: Hub) -> None:
    await things.services.call("homeassistant", "set_location", {"latitude": "48.1", "longitude": 11.5})
    assert (things.config.latitude, things.config.longitude) == (48.1, 11.5)


async def test_what_a_restart_must_not_lose_is_written_at_once(things: Hub, config_dir: Path) -> None:
    await things.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.a"})
    await things.services.call("homeassistant", "save_persistent_states", {})
    kept = json.loads((config_dir / ".storage" / "input_boolean.last_states.json").read_text(encoding="utf-8"))
    assert kept["data"]["things"]["a"]["last"] == {"state": "on"}


async def test_a_restart_needs_a_configuration_that_can_be_read(house: House, entry: Entry) -> None:
    calls: list[str] = []
    await house.core.release()
    core.offer(entry, house.edits, lambda: calls.append("stop"), lambda: calls.append("restart"))
    house.write("timer: [\n")
    with pytest.raises(ServiceError, match="is not restarted"):
        await house.hub.services.call("homeassistant", "restart", {})
    house.write(THINGS)
    await house.hub.services.call("homeassistant", "restart", {"safe_mode": False})
    await house.hub.services.call("homeassistant", "stop", {})
    await asyncio.sleep(0)  # both are called when the call itself is over
    assert calls == ["restart", "stop"]


@pytest.mark.parametrize("service", ["check_config", "reload_core_config", "reload_all"])
async def test_a_wrong_core_block_is_told_to_whoever_takes_no_answer(house: House, service: str) -> None:
    await house.start(THINGS)
    house.write(THINGS + "homeassistant: {latitude: 520}\n")
    with pytest.raises(ServiceError, match="latitude"):
        await house.hub.services.call("homeassistant", service)
