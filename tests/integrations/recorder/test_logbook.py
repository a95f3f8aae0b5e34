"""What happened, in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from integrations.recorder import sentences
from nanobot.contracts.history import History
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub, Phase
from nanobot.testing.plugin import House

from .conftest import Recorded
from .test_chain import AUTOMATIONS, settle


async def told(history: History, **options: Any) -> list[str]:
    return [f"{row['name']} {row['message']}" for row in await history.logbook(0, **options)]


@pytest.mark.parametrize(
    ("entity_id", "attributes", "old", "new", "sentence"),
    [
        ("light.a", {"friendly_name": "Lamp"}, "off", "on", "Lamp turned on"),
        ("switch.a_b", {}, "on", "off", "a b turned off"),
        ("light.a", {}, "on", "unavailable", "a became unavailable"),
        ("binary_sensor.door", {"device_class": "door"}, "off", "on", "door was opened"),
        ("binary_sensor.hall", {"device_class": "motion"}, "off", "on", "hall was triggered"),
        ("binary_sensor.hall", {"device_class": "motion"}, "on", "off", "hall is clear again"),
        ("cover.a", {}, "closed", "opening", "a is opening"),
        ("lock.a", {}, "unlocked", "locked", "a was locked"),
        ("person.anna", {}, "not_home", "home", "anna came home"),
        ("person.anna", {}, "home", "not_home", "anna left home"),
        ("person.anna", {}, "home", "work", "anna arrived at work"),
        ("input_select.mode", {}, "a", "b", "mode changed to b"),
        ("input_number.level", {"unit_of_measurement": "m"}, "1", "2", "level changed to 2 m"),
        ("input_button.bell", {}, "2025-01-01", "2025-01-02", "bell was pressed"),
        ("sun.sun", {}, "below_horizon", "above_horizon", "sun rose"),
    ],
)
async def test_a_change_is_a_sentence(
    recorded: Recorded, hub: Hub, entity_id: str, attributes: dict[str, Any], old: str, new: str, sentence: str
) -> None:
    history = await recorded()
    hub.states.set(entity_id, old, attributes)
    hub.states.set(entity_id, new, attributes)
    assert await told(history, entities=[entity_id]) == [sentence]


async def test_what_is_new_what_changes_all_the_time_and_what_did_not_change_is_not_told(
    recorded: Recorded, hub: Hub
) -> None:
    history = await recorded()
    for value in ("1", "2"):
        hub.states.set("sensor.temperature", value, {"unit_of_measurement": "°C"})
        hub.states.set("sensor.energy", value, {"state_class": "total"})
        hub.states.set("counter.a", value)
        hub.states.set("sensor.word", value)
        hub.states.set("light.a", "on", {"level": value})
    hub.states.remove("light.a")
    names = ["sensor.temperature", "sensor.energy", "counter.a", "sensor.word", "light.a"]
    assert await told(history, entities=names) == ["word changed to 2"]
    assert "word changed to 2" in await told(history)


async def test_rows_say_who_did_it(recorded: Recorded, house: House) -> None:
    history = await recorded(more=AUTOMATIONS)
    hub = house.hub
    rows: list[dict[str, Any]] = []
    hub.bus.listen("*", lambda event: rows.append(row) if (row := history.tell(event)) else None)
    context = Context(user_id="anna", actor="user")
    await hub.services.call("input_boolean", "turn_on", {"entity_id": ["input_boolean.door"]}, context=context)
    await settle()
    assert [row["message"] for row in rows if row.get("entity_id", "").endswith((".door", ".lamp", ".light"))]
    recorded_rows = {row.get("entity_id"): row for row in await history.logbook(0)}
    live_rows = {row.get("entity_id"): row for row in rows}
    for by_id in (recorded_rows, live_rows):
        door, light, lamp = (by_id[one] for one in ("input_boolean.door", "automation.light", "input_boolean.lamp"))
        assert (door["context_user_id"], door["context_domain"], door["context_service"]) == (
            "anna",
            "input_boolean",
            "turn_on",
        )
        assert door["context_event_type"] == "call_service"
        assert light["message"].startswith("was triggered by ")
        assert light["source"] in light["message"]
        assert light["domain"] == "automation"
        assert lamp["context_domain"] == "automation"
        assert (lamp["context_entity_id"], lamp["context_entity_id_name"]) == ("automation.light", "Light")
        assert lamp["context_source"] == light["source"]
        assert lamp["context_event_type"] == "automation_triggered"
    for entity_id in ("input_boolean.door", "automation.light", "input_boolean.lamp"):
        assert live_rows[entity_id] == pytest.approx(recorded_rows[entity_id]), "followers read what is read later"


async def test_one_context_tells_what_was_done_in_it_and_by_it(recorded: Recorded, house: House) -> None:
    history = await recorded(more=AUTOMATIONS)
    context = Context(user_id="anna", actor="user")
    await house.hub.services.call("input_boolean", "turn_on", {"entity_id": ["input_boolean.door"]}, context=context)
    await settle()
    house.hub.states.set("light.other", "off")
    house.hub.states.set("light.other", "on")
    rows = await history.logbook(0, context=context.id)
    assert [row["entity_id"] for row in rows] == ["input_boolean.door", "automation.light", "input_boolean.lamp"]
    assert all(row["when"] for row in rows)


async def test_the_start_is_no_edit(recorded: Recorded, hub: Hub) -> None:
    history = await recorded()
    hub.phase = Phase.STARTING
    hub.bus.fire("config_applied", {"added": ["everything"], "changed": [], "removed": [], "problems": []})
    hub.phase = Phase.RUNNING
    hub.bus.fire("config_applied", {"added": ["timer"], "changed": [], "removed": [], "problems": []})
    lines = await told(history)
    assert lines[-1] == "Home took over an edit of timer"
    assert not any("everything" in line for line in lines)


async def test_lines_of_the_service_scripts_starts_and_failures_are_told(recorded: Recorded, hub: Hub) -> None:
    history = await recorded(more="logbook:\n")
    await hub.services.call("logbook", "log", {"name": "Cat", "message": "came in", "entity_id": "sensor.cat"})
    await hub.services.call("logbook", "log", {"name": "Dog", "message": "barks"})
    hub.bus.fire("script_started", {"name": "Evening", "entity_id": "script.evening"})
    hub.bus.fire("homeassistant_start")
    hub.bus.fire("entry_changed", {"entry": "telegram", "domain": "telegram", "state": "retrying", "error": "no net"})
    hub.bus.fire("config_applied", {"added": ["timer"], "changed": [], "removed": ["sun"], "problems": []})
    hub.bus.fire("message_received", {"channel": "web", "sender": "anna", "text": "a secret"})
    rows = await history.logbook(0)
    sentences = [f"{row['name']} {row['message']}" for row in rows]
    for expected in (
        "Cat came in",
        "Dog barks",
        "Evening started",
        "Home started",
        "telegram does not work and is tried again: no net",
        "Home took over an edit of timer, sun",
        "anna wrote a message on web",
    ):
        assert expected in sentences
    by_name = {row["name"]: row for row in rows}
    assert (by_name["Cat"]["domain"], by_name["Cat"]["entity_id"]) == ("sensor", "sensor.cat")
    assert by_name["Dog"]["domain"] == "logbook"
    assert "a secret" not in str(rows)
    assert await told(history, entities=["sensor.cat"]) == ["Cat came in"]


async def test_the_sentences_are_in_the_language_of_the_reader(recorded: Recorded, hub: Hub) -> None:
    history = await recorded()
    hub.states.set("light.a", "off")
    hub.states.set("light.a", "on")
    assert await told(history, entities=["light.a"], language="de") == ["a wurde eingeschaltet"]
    assert await told(history, entities=["light.a"], language="pt") == ["a turned on"]


async def test_logbook_shows_what_its_options_say(recorded: Recorded, hub: Hub) -> None:
    history = await recorded(more="logbook:\n  include:\n    domains: light\n")
    rows: list[Any] = []
    hub.bus.listen("state_changed", lambda event: rows.append(history.tell(event)))
    for entity_id in ("light.a", "switch.a"):
        hub.states.set(entity_id, "off")
        hub.states.set(entity_id, "on")
    assert await told(history, entities=["light.a", "switch.a"]) == ["a turned on"]
    assert [row["entity_id"] for row in rows if row] == ["light.a"]
    assert history.shows("switch.a", "history")


async def test_a_period_has_its_start_and_not_its_end(recorded: Recorded, hub: Hub) -> None:
    history = await recorded()
    for state in ("off", "on", "off"):
        hub.states.set("light.a", state)
        await asyncio.sleep(0.002)
    rows = await history.logbook(0, entities=["light.a"])
    first, second = (row["when"] for row in rows)
    assert len(await history.logbook(first, second, ["light.a"])) == 1
    assert len(await history.logbook(second, second + 1, ["light.a"])) == 1


async def test_attributes_that_are_no_words_do_not_take_the_others_away(recorded: Recorded, hub: Hub) -> None:
    history = await recorded()
    for state in ("off", "on"):
        hub.states.set("binary_sensor.odd", state, {"device_class": ["door"], "friendly_name": {"a": 1}, "icon": 7})
        hub.states.set("light.a", state, {"friendly_name": "Lamp"})
    told = {row["entity_id"] for row in await history.logbook(0) if "entity_id" in row}
    assert told == {"binary_sensor.odd", "light.a"}


ODD: list[Any] = [{}, {"a": 1}, ["x"], [{"a": [1]}], 7, 0.5, True, None]


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_events_that_somebody_fired_with_odd_data_do_not_take_the_others_away(
    recorded: Recorded, hub: Hub, odd: Any
) -> None:
    history = await recorded()
    keys = ("name", "message", "entity_id", "domain", "icon", "source", "state", "entry", "error", "added", "channel")
    live = []
    hub.bus.listen("*", lambda event: live.append(history.tell(event)))
    for event in sorted({*sentences.TOLD, "run_finished", "call_service"}):
        hub.bus.fire(event, dict.fromkeys(keys, odd))
        hub.states.set("light.a", event)
    rows = await history.logbook(0)
    assert sum(row.get("entity_id") == "light.a" for row in rows) == len(sentences.TOLD) + 1
    assert len(live) > len(sentences.TOLD)
