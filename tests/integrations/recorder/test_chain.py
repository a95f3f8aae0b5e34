"""Events, messages, runs, and what hangs together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

from .conftest import Recorded

AUTOMATIONS = """
input_boolean:
  door:
  lamp:
automation:
  - id: light
    alias: Light
    triggers:
      - trigger: state
        entity_id: input_boolean.door
        to: "on"
    actions:
      - action: input_boolean.turn_on
        target: {entity_id: input_boolean.lamp}
  - id: never
    alias: Never
    triggers:
      - trigger: state
        entity_id: input_boolean.door
    conditions: "{{ false }}"
    actions: []
  - id: broken
    alias: Broken
    triggers:
      - trigger: event
        event_type: break_it
    actions:
      - action: input_boolean.turn_on
        target: {entity_id: input_boolean.lamp}
      - action: nothing.here
"""


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_events_come_back_with_their_cause(recorded: Recorded, hub: Hub) -> None:
    history = await recorded()
    start = hub.clock.time() - 1
    context = Context(user_id="anna", actor="user")
    hub.bus.fire("doorbell", {"count": 2, "when": {"day": "Monday"}}, context)
    hub.bus.fire("doorbell", {"count": 3}, context.child("automation"))
    hub.bus.fire("other")
    first, second = await history.events(start, types=["doorbell"])
    assert (first.type, first.data, first.origin) == ("doorbell", {"count": 2, "when": {"day": "Monday"}}, "LOCAL")
    assert first.cause is not None
    assert second.cause is not None
    assert (first.cause.id, first.cause.user_id, first.cause.actor) == (context.id, "anna", "user")
    assert (second.cause.parent_id, second.cause.actor) == (context.id, "automation")
    assert [event.data["count"] for event in await history.events(start, context=context.id)] == [2]
    assert [event.data["count"] for event in await history.events(start, types=["doorbell"], limit=1)] == [3]
    assert await history.events(start, start + 0.1) == []


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("", ["call_service", "mine"]),
        ("  exclude: {event_types: mine}", ["call_service"]),
        ("  include: {event_types: [state_reported, mine]}", ["mine", "state_reported"]),
    ],
)
async def test_noisy_events_are_left_out_unless_they_are_asked_for(
    recorded: Recorded, hub: Hub, options: str, kept: list[str]
) -> None:
    history = await recorded(options)
    start = hub.clock.time()
    for event_type in ("mine", "call_service", "turn_progress", "service_registered"):
        hub.bus.fire(event_type, {"domain": "a", "service": "b"})
    hub.states.set("light.x", "on")
    hub.states.set("light.x", "on")
    assert sorted({event.type for event in await history.events(start)}) == kept


async def test_a_chain_leads_from_a_call_to_everything_that_came_of_it_and_back(
    recorded: Recorded, house: House
) -> None:
    history = await recorded(more=AUTOMATIONS)
    hub = house.hub
    context = Context(user_id="anna", actor="user")
    await hub.services.call("input_boolean", "turn_on", {"entity_id": ["input_boolean.door"]}, context=context)
    await settle()
    lamp = hub.states.get("input_boolean.lamp")
    assert lamp is not None
    assert lamp.state == "on"
    chain = await history.chain(context.id)
    assert chain.causes[0].id == context.id
    assert chain.causes[0].user_id == "anna"
    assert {cause.parent_id for cause in chain.causes[1:]} == {context.id}
    told = [(one.kind, one.what) for one in chain.happenings]
    for expected in (
        ("event", "call_service"),
        ("state", "input_boolean.door"),
        ("event", "automation_triggered"),
        ("run", "automation.light"),
        ("run", "automation.never"),
        ("state", "input_boolean.lamp"),
    ):
        assert expected in told
    assert told.index(("state", "input_boolean.door")) < told.index(("state", "input_boolean.lamp"))
    change = next(one for one in chain.happenings if one.what == "input_boolean.lamp")
    assert (change.data["old_state"], change.data["state"]) == ("off", "on")
    assert [one.cause for one in (await history.chain(lamp.context.id)).happenings] == [
        one.cause for one in chain.happenings
    ]
    nothing = await history.chain("unknown")
    assert (nothing.happenings, nothing.causes, nothing.complete) == ((), (), True)


async def test_runs_are_kept_with_their_end_and_those_that_were_stopped_by_a_condition_as_well(
    recorded: Recorded, house: House
) -> None:
    history = await recorded(more=AUTOMATIONS)
    await house.hub.services.call("input_boolean", "turn_on", {"entity_id": ["input_boolean.door"]})
    house.hub.bus.fire("break_it")
    await settle()
    (light,) = await history.runs("automation.light")
    assert (light.name, light.outcome, light.error) == ("Light", "finished", None)
    assert light.finished is not None
    assert light.finished >= light.started
    assert "input_boolean.door" in str(light.source)
    (never,) = await history.runs("automation.never")
    assert never.outcome == "failed_conditions"
    (broken,) = await history.runs("automation.broken")
    assert broken.outcome == "error"
    assert "nothing.here" in str(broken.error)
    assert broken.trace is not None, "what failed can be looked into"
    assert set(broken.trace["trace"]) >= {"action/0", "action/1"}
    assert {run.item for run in await history.runs()} == {"automation.light", "automation.never", "automation.broken"}
    assert await history.runs("automation.light", start=house.hub.clock.time() + 10) == []


async def test_messages_are_recorded_without_known_secrets(recorded: Recorded, hub: Hub) -> None:
    hub.scrubber.add("hunter2hunter2")
    history = await recorded()
    context = Context(actor="user")
    told: dict[str, Any] = {"id": "1", "session": "web:a", "channel": "web", "chat": "a", "sender": "anna"}
    hub.bus.fire("message_received", {**told, "text": "my password is hunter2hunter2"}, context)
    hub.bus.fire("message_sent", {**told, "text": "noted"}, context.child("agent"))
    chain = await history.chain(context.id)
    assert [(one.kind, one.data["direction"], one.data["text"]) for one in chain.happenings] == [
        ("message", "in", "my password is ••••"),
        ("message", "out", "noted"),
    ]
    assert await history.events(0, types=["message_received"]) == [], "they are not kept twice"


async def test_messages_can_be_left_out(recorded: Recorded, hub: Hub) -> None:
    history = await recorded("  messages: false")
    context = Context(actor="user")
    hub.bus.fire("message_received", {"session": "a", "text": "hello"}, context)
    assert (await history.chain(context.id)).happenings == ()
    assert b"hello" not in b"".join(path.read_bytes() for path in (hub.config_dir / ".storage").glob("history.db*"))


async def test_no_secret_gets_into_the_file(recorded: Recorded, hub: Hub) -> None:
    hub.scrubber.add("top secret value")
    history = await recorded("  commit_interval: 0")
    hub.states.set("sensor.x", "top secret value", {"note": "top secret value"})
    hub.bus.fire("call_service", {"service_data": {"password": "not known 1", "list": [{"api_key": "not known 2"}]}})
    hub.bus.fire("mine", {"text": "see top secret value", "access_token": "not known 3"})
    (event,) = await history.events(0, types=["mine"])
    assert event.data == {"text": "see ••••", "access_token": "••••"}
    files = b"".join(path.read_bytes() for path in (hub.config_dir / ".storage").glob("history.db*"))
    assert b"call_service" in files
    for secret in (b"top secret", b"not known"):
        assert secret not in files


async def test_the_file_is_for_its_owner_alone(recorded: Recorded, hub: Hub) -> None:
    history = await recorded("  commit_interval: 0")
    hub.states.set("sensor.x", "1")
    await history.events(0)
    files = list((hub.config_dir / ".storage").glob("history.db*"))
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
