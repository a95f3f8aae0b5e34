"""Helpers that clients make, and the file beside the configuration that they stand in."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.view import Access
from nanobot.lifecycle.config_items import ItemFiles
from nanobot.testing.plugin import House, SetUp

from .conftest import Client, Socket

MADE = "made_helpers.yaml"


async def test_a_helper_is_there_when_the_answer_comes_and_gone_after_its_deletion(
    client: Client, house: House
) -> None:
    assert await client.ask("input_boolean/list") == []
    made = await client.ask("input_boolean/create", name="Night light", icon="mdi:lamp")
    assert made == {"id": "night_light", "name": "Night light", "icon": "mdi:lamp"}
    state = house.hub.states.get("input_boolean.night_light")
    assert state is not None
    assert state.attributes["friendly_name"] == "Night light"
    assert await client.ask("input_boolean/list") == [made]
    changed = await client.ask("input_boolean/update", input_boolean_id="night_light", name="Lamp")
    assert changed == {"id": "night_light", "name": "Lamp"}
    assert house.hub.states.get("input_boolean.night_light").attributes["friendly_name"] == "Lamp"  # type: ignore[union-attr]
    assert await client.ask("input_boolean/delete", input_boolean_id="night_light") is None
    assert house.hub.states.get("input_boolean.night_light") is None
    assert await client.ask("input_boolean/list") == []


def editable(house: House, entity_id: str) -> Any:
    state = house.hub.states.get(entity_id)
    assert state is not None
    return state.attributes["editable"]


@pytest.mark.parametrize(
    ("domain", "options"),
    [
        ("input_boolean", {}),
        ("input_button", {}),
        ("counter", {}),
        ("timer", {}),
        ("input_number", {"min": 0, "max": 10}),
        ("input_text", {}),
        ("input_select", {"options": ["a"]}),
        ("input_datetime", {"has_date": True}),
        ("schedule", {"monday": [{"from": "08:00:00", "to": "12:00:00"}]}),
    ],
)
async def test_what_was_made_says_that_clients_may_change_it_and_what_was_written_says_not(
    client: Client, house: House, set_up: SetUp, domain: str, options: Any
) -> None:
    await client.ask(f"{domain}/create", name="Made", **options)
    await set_up(domain, {"written": options})
    assert editable(house, f"{domain}.made") is True
    assert editable(house, f"{domain}.written") is False


async def test_a_helper_that_somebody_takes_into_their_own_file_is_theirs(
    client: Client, house: House, set_up: SetUp
) -> None:
    await client.ask("counter/create", name="Cups")
    assert editable(house, "counter.cups") is True
    (house.config_dir / MADE).unlink()
    await set_up("counter", {"cups": {"name": "Cups"}})
    assert editable(house, "counter.cups") is False


async def test_they_stand_in_a_file_of_their_own_that_keeps_what_somebody_adds(client: Client, house: House) -> None:
    before = (house.config_dir / "configuration.yaml").read_bytes()
    await client.ask("counter/create", name="Cups", initial=2)
    path = house.config_dir / MADE
    path.write_text(path.read_text().replace("    initial: 2\n", "    initial: 2  # a good start\n"))
    await client.ask("timer/create", name="Tea", duration="0:05:00")
    assert path.read_text() == (
        "# Helpers that were made over the API. They may be edited here as well.\n"
        "counter:\n  cups:\n    name: Cups\n    initial: 2  # a good start\n"
        "timer:\n  tea:\n    name: Tea\n    duration: '0:05:00'\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert (house.config_dir / "configuration.yaml").read_bytes() == before
    assert {"counter.cups", "timer.tea"} <= {state.entity_id for state in house.hub.states.all()}


@pytest.mark.parametrize(
    ("domain", "options"),
    [
        ("input_number", {"min": 0, "max": 10, "step": 1, "mode": "box"}),
        ("input_text", {"min": 0, "max": 20, "mode": "text"}),
        ("input_select", {"options": ["a", "b"]}),
        ("input_datetime", {"has_date": True, "has_time": False}),
        ("input_button", {}),
        ("schedule", {"monday": [{"from": "08:00:00", "to": "12:00:00"}]}),
        ("group", {"entities": ["sun.sun"], "all": True}),
    ],
)
async def test_each_kind_can_be_made(client: Client, house: House, domain: str, options: Any) -> None:
    made = await client.ask(f"{domain}/create", name="One", **options)
    assert made == {"id": "one", "name": "One", **options}
    assert house.hub.states.get(f"{domain}.one") is not None
    assert await client.ask(f"{domain}/list") == [made]


@pytest.mark.parametrize(
    ("domain", "options", "told"),
    [
        ("counter", {}, {"initial": 0, "minimum": None, "maximum": None, "step": 1, "restore": True}),
        ("input_datetime", {"has_date": True}, {"has_date": True, "has_time": False}),
        ("input_number", {"min": 0, "max": 9}, {"min": 0, "max": 9, "step": 1.0, "mode": "slider"}),
        ("input_text", {}, {"min": 0, "max": 100, "mode": "text"}),
        ("timer", {}, {"duration": "0:00:00", "restore": False}),
    ],
)
async def test_options_that_were_not_given_are_told_as_they_are(
    client: Client, house: House, domain: str, options: Any, told: Any
) -> None:
    made = await client.ask(f"{domain}/create", name="One", **options)
    assert made == {"id": "one", "name": "One", **told}
    assert await client.ask(f"{domain}/list") == [made]


async def test_an_update_without_the_name_is_refused_rather_than_forget_it(client: Client, house: House) -> None:
    await client.ask("input_boolean/create", name="Night light")
    error = await client.fails("input_boolean/update", input_boolean_id="night_light", icon="mdi:lamp")
    assert error["code"] == "invalid_format"
    assert "name" in error["message"]


async def test_a_deletion_is_one_change(client: Client, house: House) -> None:
    await client.ask("counter/create", name="Cups")
    follow = await client.follow("subscribe_events", event_type="state_changed")
    await client.tell("counter/delete", counter_id="cups")
    event = await client.event(follow)
    assert (event["data"]["entity_id"], event["data"]["new_state"]) == ("counter.cups", None)


async def test_those_written_by_hand_are_not_listed_and_their_names_are_taken(
    client: Client, house: House, set_up: SetUp
) -> None:
    await set_up("input_boolean", {"lamp": None})
    assert await client.ask("input_boolean/list") == []
    assert (await client.ask("input_boolean/create", name="Lamp"))["id"] == "lamp_2"
    assert {"input_boolean.lamp", "input_boolean.lamp_2"} <= {one.entity_id for one in house.hub.states.all()}


async def test_what_is_wrong_is_refused_with_a_sentence_and_not_written(client: Client, house: House) -> None:
    error = await client.fails("input_number/create", name="Level", min=9, max=1)
    assert error["code"] == "invalid_format"
    assert "input_number" in error["message"]
    assert (await client.fails("input_boolean/create", icon="mdi:lamp"))["code"] == "invalid_format"
    assert (await client.fails("input_boolean/create", name=""))["code"] == "invalid_format"
    for command, more in (("update", {"name": "x"}), ("delete", {})):
        told = await client.fails(f"counter/{command}", counter_id="nosuch", **more)
        assert told == {**told, "code": "not_found", "message": "Unable to find counter_id nosuch"}
    assert not (house.config_dir / MADE).exists()


async def test_only_administrators_make_them(socket: Socket) -> None:
    client = await socket.sign_in(Access.USER)
    assert await client.ask("counter/list") == []
    assert (await client.fails("counter/create", name="Cups"))["code"] == "unauthorized"


async def test_a_file_of_that_name_that_somebody_includes_is_theirs(client: Client, house: House) -> None:
    house.write("lamp: {name: Mine}\n", MADE)
    applied = await house.apply(f"http: {{port: 0}}\nwebsocket_api:\ninput_boolean: !include {MADE}\n")
    assert not applied.problems
    assert await client.ask("input_boolean/list") == []
    error = await client.fails("input_boolean/create", name="Other")
    assert MADE in error["message"]
    assert (house.config_dir / MADE).read_text() == "lamp: {name: Mine}\n"


async def test_a_mistake_in_the_file_is_told_with_its_place(house: House) -> None:
    house.write("counter:\n  cups: {initial: 1}\n", MADE)
    applied = await house.apply("counter:\n  tea: {}\n")
    assert not applied.problems
    assert house.hub.states.get("counter.cups") is not None
    applied = await house.apply("counter:\n  cups: {initil: 1}\n", MADE)
    assert [problem.told().split(": ")[:2] for problem in applied.problems] == [
        [f"{MADE}:2", "counter > cups > initil"]
    ]
    assert isinstance(house.hub.config_items, ItemFiles)
