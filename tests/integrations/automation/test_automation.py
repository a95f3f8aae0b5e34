"""Automations: what starts them, what they do, and how they are shown."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from nanobot.errors import InvalidServiceData
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp

GO = {"trigger": "event", "event_type": "go"}


def say(k: Any, **more: Any) -> dict[str, Any]:
    return {"event": "out", "event_data": {"k": k, **more}}


def one(**more: Any) -> list[dict[str, Any]]:
    return [{"alias": "A", "triggers": [GO], "actions": [say("a")], **more}]


def attributes(hub: Hub, entity_id: str = "automation.a") -> dict[str, Any]:
    state = hub.states.get(entity_id)
    assert state is not None
    return dict(state.attributes)


def state(hub: Hub, entity_id: str = "automation.a") -> str | None:
    found = hub.states.get(entity_id)
    return found.state if found else None


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


# -- triggers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "given", "fires"),
    [
        ({}, {}, True),
        ({"event_data": {"room": "attic", "level": 2}}, {"room": "attic", "level": 2, "more": True}, True),
        ({"event_data": {"room": "attic", "level": 2}}, {"room": "attic"}, False),
        ({"event_data": {"room": "attic"}}, {"room": "Attic"}, False),
        ({"event_data": {"level": 2}}, {"level": "2"}, False),
        ({"event_data": {"a": {"b": 1}}}, {"a": {"b": 1, "c": 2}}, True),
        ({"event_data": {"a": {"b": 1}}}, {"a": {"b": 2}}, False),
        ({"event_data": {"a": {"b": 1}}}, {"a": 1}, False),
        ({"context": {"user_id": ["me", "you"]}}, {}, True),
        ({"context": {"user_id": "him"}}, {}, False),
    ],
)
async def test_event_trigger(
    hub: Hub, set_up: SetUp, out: Any, wanted: dict[str, Any], given: dict[str, Any], fires: bool
) -> None:
    await set_up("automation", one(triggers=[{**GO, **wanted}]))
    hub.bus.fire("go", given, Context(user_id="me"))
    await settle()
    assert out.said == (["a"] if fires else [])


async def test_an_event_trigger_takes_several_types(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("automation", one(triggers={"trigger": "event", "event_type": ["one", "two"]}))
    for event_type in ("two", "three", "one"):
        hub.bus.fire(event_type)
    assert await out.wait(2) == ["a", "a"]


STATE_CASES: dict[str, tuple[dict[str, Any], list[Any], int]] = {
    # what is written, the states (None: removed; a tuple: with the attribute level), how often it fires
    "to": ({"to": "open"}, ["open", ("open", 1), "closed", "open", "Open"], 2),
    "from": ({"from": "open"}, ["open", "closed", "open", None], 2),
    "lists": ({"from": ["red", "amber"], "to": ["green", "blue"]}, ["red", "green", "blue", "red", "blue"], 2),
    "any change": ({}, ["x", "x", ("x", 5), ("y", 5)], 3),
    "to null": ({"to": None}, ["x", ("x", 5), "y"], 2),
    "not_to": ({"not_to": ["unavailable", "unknown"]}, ["1", "unavailable", "2", ("2", 1), "unknown"], 2),
    "not_from": ({"not_from": "a"}, ["a", "b", "c"], 2),
    "attribute": ({"attribute": "level"}, ["x", "y", ("y", 4), ("z", 4), ("z", 5), "z"], 3),
    "attribute to": ({"attribute": "level", "to": 5}, [("x", 4), ("x", 5), ("y", 5), ("y", 6), ("y", 5)], 2),
}


@pytest.mark.parametrize(("written", "states", "count"), STATE_CASES.values(), ids=STATE_CASES.keys())
async def test_state_trigger(
    hub: Hub, set_up: SetUp, out: Any, written: dict[str, Any], states: list[Any], count: int
) -> None:
    await set_up("automation", one(triggers={"trigger": "state", "entity_id": "sensor.s", **written}, mode="parallel"))
    for value in states:
        if value is None:
            hub.states.remove("sensor.s")
        elif isinstance(value, tuple):
            hub.states.set("sensor.s", value[0], {"level": value[1]})
        else:
            hub.states.set("sensor.s", value)
    await settle()
    assert len(out.said) == count


FOR_CASES: dict[str, tuple[dict[str, Any], list[tuple[float, str | None]], list[float]]] = {
    # what is written, the states at their times, the times at which it fires
    "lasts": ({"to": "busy"}, [(0, "busy")], [10]),
    "is left": ({"to": "busy"}, [(0, "busy"), (9, "idle"), (12, "busy")], [22]),
    "goes away": ({"to": "busy"}, [(0, "busy"), (9, None)], []),
    "any value": ({}, [(0, "a"), (5, "b")], [15]),
    "from only": ({"from": "on"}, [(0, "on"), (1, "off"), (5, "other")], [11]),
    "from and back": ({"from": "on"}, [(0, "on"), (1, "off"), (5, "on")], []),
}


@pytest.mark.looptime
@pytest.mark.parametrize(("written", "states", "fired"), FOR_CASES.values(), ids=FOR_CASES.keys())
async def test_state_trigger_with_for(
    hub: Hub, set_up: SetUp, written: dict[str, Any], states: list[tuple[float, str | None]], fired: list[float]
) -> None:
    trigger = {"trigger": "state", "entity_id": "sensor.s", "for": "00:00:10", **written}
    await set_up("automation", one(triggers=trigger))
    loop = asyncio.get_running_loop()
    begin = loop.time()
    times: list[float] = []
    hub.bus.listen("out", lambda event: times.append(round(loop.time() - begin, 1)))
    for at, value in states:
        await asyncio.sleep(begin + at - loop.time())
        if value is None:
            hub.states.remove("sensor.s")
        else:
            hub.states.set("sensor.s", value)
    await asyncio.sleep(60)
    assert times == fired


def wall(hub: Hub, shows: str) -> None:
    """Have the hub's clock show this and go with the loop."""
    loop = asyncio.get_running_loop()
    offset = datetime.fromisoformat(shows).timestamp() - loop.time()
    hub.clock.time = lambda: offset + loop.time()


@pytest.mark.looptime
async def test_time_trigger(house: House) -> None:
    hub = house.hub
    wall(hub, "2026-03-28T07:00:00+01:00")
    times: list[str] = []
    hub.bus.listen("out", lambda event: times.append(hub.clock.now().strftime("%d. %H:%M:%S %z")))
    automations = one(triggers={"trigger": "time", "at": ["07:30", "18:00:15"]})
    await house.start(json.dumps({"nanobot": {"time_zone": "Europe/Amsterdam"}, "automation": automations}))
    await asyncio.sleep(36 * 3600)
    assert times == ["28. 07:30:00 +0100", "28. 18:00:15 +0100", "29. 07:30:00 +0200", "29. 18:00:15 +0200"]


@pytest.mark.looptime
async def test_a_time_trigger_follows_an_input_datetime(house: House) -> None:
    hub = house.hub
    wall(hub, "2026-06-01T07:00:00+00:00")
    fired: list[Any] = []
    hub.bus.listen("automation_triggered", lambda event: fired.append((hub.clock.now().hour, event.data["source"])))
    await house.start(
        json.dumps(
            {
                "input_datetime": {"alarm": {"has_time": True, "initial": "08:00"}, "once": {"has_date": True}},
                "automation": one(triggers={"trigger": "time", "at": ["input_datetime.alarm"]}),
            }
        )
    )
    await asyncio.sleep(7200)
    await hub.services.call("input_datetime", "set_datetime", {"entity_id": "input_datetime.alarm", "time": "10:00"})
    await asyncio.sleep(24 * 3600)
    source = "time set in input_datetime.alarm"
    assert fired == [(8, source), (10, source)]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("says", "offset", "hours"),
    [("2026-06-01T09:00:00+00:00", None, [9]), ("2026-06-01T09:00:00+02:00", "-01:00:00", []),
     ("2026-06-01T09:00:00+00:00", "-01:00:00", [8]), ("unknown", None, [])],
    ids=["moment", "over", "offset", "unknown"],
)  # fmt: skip
async def test_a_time_trigger_follows_a_sensor(
    hub: Hub, set_up: SetUp, says: str, offset: str | None, hours: list[int]
) -> None:
    wall(hub, "2026-06-01T07:00:00+00:00")
    at: Any = "sensor.next" if offset is None else {"entity_id": "sensor.next", "offset": offset}
    await set_up("automation", one(triggers={"trigger": "time", "at": at}))
    fired: list[int] = []
    hub.bus.listen("out", lambda event: fired.append(hub.clock.now().hour))
    hub.states.set("sensor.next", says, {"device_class": "timestamp"})
    await asyncio.sleep(48 * 3600)
    assert fired == hours


@pytest.mark.looptime
async def test_a_new_time_zone_moves_the_alarm(house: House) -> None:
    hub = house.hub
    wall(hub, "2026-06-01T05:00:00+00:00")
    times: list[int] = []
    hub.bus.listen("out", lambda event: times.append(hub.clock.utc().hour))
    automations = one(triggers={"trigger": "time", "at": "07:30"})
    await house.start(json.dumps({"nanobot": {"time_zone": "UTC"}, "automation": automations}))
    await house.apply(json.dumps({"nanobot": {"time_zone": "Europe/Amsterdam"}, "automation": automations}))
    await asyncio.sleep(12 * 3600)
    assert times == [5]


async def test_trigger_ids_positions_and_disabled_ones(hub: Hub, set_up: SetUp, entry: Entry) -> None:
    seen: list[Any] = []
    entry.hub.bus.listen("automation_triggered", lambda event: seen.append(event.data))
    await set_up(
        "automation",
        one(
            triggers=[
                {"trigger": "event", "event_type": "one", "enabled": False},
                {"triggers": [{"trigger": "event", "event_type": "two", "id": "second"}]},
            ]
        ),
    )
    hub.bus.fire("one")
    hub.bus.fire("two")
    await settle()
    assert seen == [{"name": "A", "entity_id": "automation.a", "source": "event 'two'"}]


async def test_older_names_still_work(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("input_boolean", {"b": None})
    await set_up(
        "automation",
        [
            {
                "alias": "A",
                "trigger": {"platform": "event", "event_type": "go"},
                "condition": {"condition": "state", "entity_id": "input_boolean.b", "state": "off"},
                "action": [
                    {"service": "input_boolean.turn_on", "entity_id": "input_boolean.b"},
                    {"event": "out", "event_data_template": {"k": "a"}},
                ],
            }
        ],
    )
    hub.bus.fire("go")
    assert await out.wait(1) == ["a"]
    hub.bus.fire("go")
    await settle()
    assert out.said == ["a"]


# -- conditions -------------------------------------------------------------------------------------

CONDITIONS: dict[str, tuple[Any, bool]] = {
    "one": ({"entity_id": "sensor.s", "state": "red"}, True),
    "other": ({"entity_id": "sensor.s", "state": "green"}, False),
    "list": ({"entity_id": "sensor.s", "state": ["green", "red"]}, True),
    "all": ({"entity_id": ["sensor.s", "sensor.t"], "state": "red"}, False),
    "any": ({"entity_id": ["sensor.s", "sensor.t"], "state": "red", "match": "any"}, True),
    "attribute": ({"entity_id": "sensor.s", "attribute": "level", "state": 3}, True),
    "no such attribute": ({"entity_id": "sensor.s", "attribute": "colour", "state": 3}, False),
    "input": ({"entity_id": "sensor.s", "state": "input_text.wanted"}, True),
    "long enough": ({"entity_id": "sensor.s", "state": "red", "for": 60}, True),
    "not long enough": ({"entity_id": "sensor.s", "state": "red", "for": {"hours": 1}}, False),
    "no such entity": ({"entity_id": "sensor.none", "state": "red"}, False),
    "disabled": ({"entity_id": "sensor.s", "state": "green", "enabled": False}, True),
}


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS.values(), ids=CONDITIONS.keys())
async def test_state_condition(hub: Hub, set_up: SetUp, out: Any, condition: Any, holds: bool) -> None:
    now = hub.clock.time()
    hub.clock.time = lambda: now
    hub.states.set("sensor.s", "red", {"level": 3})
    hub.states.set("sensor.t", "blue")
    hub.clock.time = lambda: now + 120
    await set_up("input_text", {"wanted": {"initial": "red"}})
    await set_up("automation", one(conditions=[{"condition": "state", **condition}]))
    hub.bus.fire("go")
    await settle()
    assert out.said == (["a"] if holds else [])


# -- actions ----------------------------------------------------------------------------------------


async def test_a_service_with_target_and_data(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("input_number", {"n": {"min": 0, "max": 10}, "m": {"min": 0, "max": 10}})
    action = {
        "action": "input_number.set_value",
        "target": {"entity_id": ["input_number.n", "input_number.m"]},
        "data": {"value": 4},
    }
    await set_up("automation", one(actions=[action, say("done")]))
    hub.bus.fire("go")
    await out.wait(1)
    assert [s.state for s in hub.states.all("input_number")] == ["4.0", "4.0"]


async def test_effects_come_after_their_cause_for_everybody(hub: Hub, set_up: SetUp) -> None:
    await set_up("input_boolean", {"a": None, "b": None})
    trigger = {"trigger": "state", "entity_id": "input_boolean.a"}
    action = {"action": "input_boolean.turn_on", "target": {"entity_id": "input_boolean.b"}}
    await set_up("automation", one(triggers=trigger, actions=action))
    seen: list[str] = []
    hub.bus.listen("state_changed", lambda event: seen.append(event.data["entity_id"]))
    await hub.services.call("input_boolean", "turn_on", {"entity_id": "input_boolean.a"})
    await settle()
    assert seen[0] == "input_boolean.a"
    assert "input_boolean.b" in seen


async def test_the_chain_of_causes_can_be_followed(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("automation", one())
    cause = Context(user_id="me", actor="user")
    hub.bus.fire("go", {}, cause)
    await out.wait(1)
    context = out.events[0].context
    assert (context.parent_id, context.user_id, context.actor) == (cause.id, None, "automation")


@pytest.mark.parametrize(
    ("action", "more", "goes_on"),
    [
        ({"action": "test.fails"}, {}, False),
        ({"action": "test.fails"}, {"continue_on_error": True}, True),
        ({"action": "test.crashes"}, {"continue_on_error": True}, False),
        ({"action": "test.nowhere"}, {"continue_on_error": True}, False),
        ({"action": "input_number.set_value", "data": {"entity_id": "input_number.n", "value": "x"}},
         {"continue_on_error": True}, False),
        ({"action": "test.fails", "enabled": False}, {}, True),
    ],
    ids=["fails", "continues", "crashes", "unknown", "wrong data", "disabled"],
)  # fmt: skip
async def test_an_action_that_fails(
    hub: Hub, set_up: SetUp, entry: Entry, out: Any, action: Any, more: Any, goes_on: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    from nanobot.errors import ServiceError

    def fails(call: Any) -> None:
        raise ServiceError("no luck")

    def crashes(call: Any) -> None:
        raise ZeroDivisionError("no luck")

    entry.service("fails", fails)
    entry.service("crashes", crashes)
    await set_up("input_number", {"n": {"min": 0, "max": 1}})
    await set_up("automation", one(actions=[{**action, **more}, say("after")]))
    caplog.clear()
    for _ in range(2):  # the second time all the same
        hub.bus.fire("go")
        await settle()
    assert out.said == (["after"] * 2 if goes_on else [])
    if "enabled" not in action:
        assert "automation/A: action/0:" in caplog.text


async def test_a_run_without_waiting_takes_no_task(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("automation", one(actions=[say("a"), say("b")]))
    tasks = len(asyncio.all_tasks())
    hub.bus.fire("go")
    during: list[int] = []
    hub.bus.listen("out", lambda event: during.append(len(asyncio.all_tasks())))
    await asyncio.sleep(0)
    assert out.said == ["a", "b"]
    assert during == [tasks, tasks]


# -- as an entity -----------------------------------------------------------------------------------


async def test_how_it_is_shown(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("automation", one(id="x1", mode="queued", max=5))
    shown = {"id": "x1", "last_triggered": None, "mode": "queued", "current": 0, "max": 5, "friendly_name": "A"}
    assert (state(hub), attributes(hub)) == ("on", shown)
    before = hub.clock.utc()
    hub.bus.fire("go")
    await out.wait(1)
    assert attributes(hub)["last_triggered"] >= before
    assert attributes(hub)["current"] == 0


async def test_names(hub: Hub, set_up: SetUp) -> None:
    nameless = {"triggers": [GO], "actions": []}
    await set_up("automation", [{**nameless, "alias": "Größer"}, nameless, {**nameless, "alias": "größer"}])
    assert [s.entity_id for s in hub.states.all("automation")] == [
        "automation.grosser",
        "automation.automation_1",
        "automation.grosser_2",
    ]


async def test_turned_off_it_does_nothing_until_turned_on(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("automation", one())
    said = []
    for service in ("turn_off", "turn_off", "turn_on", "turn_on", "toggle", "toggle"):
        await hub.services.call("automation", service, {"entity_id": "automation.a"})
        hub.bus.fire("go")
        await settle()
        said.append((state(hub), len(out.said)))
    assert said == [("off", 0), ("off", 0), ("on", 1), ("on", 2), ("off", 2), ("on", 3)]


async def test_what_was_triggered_but_is_turned_off_at_once_does_not_run(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("automation", one())
    hub.bus.fire("go")
    hub.entities.get("automation.a")._end_triggers()  # type: ignore[union-attr]
    await settle()
    assert out.said == []


async def test_it_can_be_triggered_by_hand(hub: Hub, set_up: SetUp, out: Any) -> None:
    never = {"condition": "state", "entity_id": "sensor.none", "state": "on"}
    await set_up("automation", one(conditions=never))
    target = {"entity_id": "automation.a"}
    await hub.services.call("automation", "trigger", {**target, "skip_condition": False})
    assert out.said == []
    await hub.services.call("automation", "trigger", target)
    assert out.said == ["a"]
    await hub.services.call("automation", "turn_off", target)
    await hub.services.call("automation", "trigger", target)
    assert out.said == ["a", "a"]


async def test_a_manual_trigger_has_no_source(hub: Hub, set_up: SetUp) -> None:
    seen: list[Any] = []
    hub.bus.listen("automation_triggered", lambda event: seen.append(event.data))
    await set_up("automation", one())
    await hub.services.call("automation", "trigger", {"entity_id": "automation.a"})
    assert seen == [{"name": "A", "entity_id": "automation.a"}]


async def test_unknown_options_of_services_are_refused(hub: Hub, set_up: SetUp) -> None:
    await set_up("automation", one())
    with pytest.raises(InvalidServiceData, match="stop_action: unknown option; did you mean 'stop_actions'"):
        await hub.services.call("automation", "turn_off", {"entity_id": "all", "stop_action": True})


async def test_state_and_last_run_outlive_a_restart(house: House, restart: Any) -> None:
    off = {"alias": "Off", "triggers": [GO], "actions": []}
    always = {"alias": "Always", "initial_state": True, "triggers": [GO], "actions": []}
    await house.start(json.dumps({"automation": [*one(), off, always]}))
    house.hub.bus.fire("go")
    await settle()
    ran = attributes(house.hub)["last_triggered"]
    targets = {"entity_id": ["automation.off", "automation.always"]}
    await house.hub.services.call("automation", "turn_off", targets)
    hub = (await restart()).hub
    assert {s.object_id: s.state for s in hub.states.all("automation")} == {"a": "on", "off": "off", "always": "on"}
    assert attributes(hub)["last_triggered"] == ran


async def test_triggers_are_attached_when_everything_has_started(house: House, out: Any) -> None:
    from nanobot.hub.hub import Phase

    house.hub.phase = Phase.STARTING
    await house.start(json.dumps({"automation": one()}))
    house.hub.bus.fire("go")
    await settle()
    assert out.said == []
    house.hub.phase = Phase.RUNNING
    house.hub.bus.fire("homeassistant_started")
    await settle()
    house.hub.bus.fire("go")
    assert await out.wait(1) == ["a"]


async def test_a_storm_of_events_loses_none(hub: Hub, set_up: SetUp, out: Any) -> None:
    await set_up("counter", {"c": None})
    action = {"action": "counter.increment", "target": {"entity_id": "counter.c"}}
    await set_up("automation", one(mode="queued", max=600, actions=[action]))
    for _ in range(500):
        hub.bus.fire("go")
    async with asyncio.timeout(20):
        while attributes(hub)["current"] or state(hub, "counter.c") != "500":
            await asyncio.sleep(0.01)


async def test_two_that_fire_each_other_leave_room_for_others(hub: Hub, set_up: SetUp, entry: Entry) -> None:
    ping = {"alias": "Ping", "triggers": {**GO, "event_type": "ping"}, "actions": [{"event": "pong"}]}
    pong = {"alias": "Pong", "triggers": {**GO, "event_type": "pong"}, "actions": [{"event": "ping"}]}
    await set_up("automation", [ping, pong])
    count = 0

    def counted(event: Event) -> None:
        nonlocal count
        count += 1

    entry.listen("ping", counted)
    hub.bus.fire("ping")
    async with asyncio.timeout(10):
        while count < 100:
            await asyncio.sleep(0)
    await hub.services.call("automation", "turn_off", {"entity_id": "automation.ping"})
    before = count
    await settle()
    assert count <= before + 1
