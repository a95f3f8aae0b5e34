"""Events, states, services: what every client asks for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import voluptuous as vol

from nanobot.contracts.service import Response, ServiceCall
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"


async def test_states_have_the_shape_of_home_assistant(client: Any, hub: Hub) -> None:
    hub.states.set("sensor.kitchen", "21.5", {"unit": "°C"})
    found = {state["entity_id"]: state for state in await client.ask("get_states")}
    state = hub.states.get("sensor.kitchen")
    assert state is not None
    assert found["sensor.kitchen"] == state.as_dict()
    assert len(found) == len(hub.states)


async def test_the_configuration_tells_that_the_hub_runs(client: Any, hub: Hub) -> None:
    config = await client.ask("get_config")
    assert config["state"] == "RUNNING"
    assert config["version"] == "2025.4.4"
    assert "websocket_api" in config["components"]


async def test_services_say_whether_they_respond(client: Any, entry: Entry) -> None:
    entry.service("ask", lambda call: {}, vol.Schema({}), response=Response.ONLY, description="Asks.")
    services = await client.ask("get_services")
    assert services["test"]["ask"]["response"] == {"optional": False}
    assert services["test"]["ask"]["description"] == "Asks."


async def test_all_events_arrive_or_those_of_one_type(client: Any, hub: Hub) -> None:
    everything, all_too = (
        await client.follow("subscribe_events"),
        await client.follow("subscribe_events", event_type="*"),
    )
    one = await client.follow("subscribe_events", event_type="tea")
    hub.bus.fire("coffee", {"cups": 2})
    hub.bus.fire("tea", {"cups": 1})
    messages = [await client.receive() for _ in range(5)]
    assert [(message["id"], message["event"]["event_type"]) for message in messages] == [
        (everything, "coffee"),
        (all_too, "coffee"),
        (one, "tea"),
        (everything, "tea"),
        (all_too, "tea"),
    ]
    event = messages[2]["event"]
    assert event["data"] == {"cups": 1}
    assert event["origin"] == "LOCAL"
    assert set(event["context"]) == {"id", "parent_id", "user_id"}


async def test_a_change_of_a_state_arrives_with_both_states(client: Any, hub: Hub) -> None:
    await client.follow("subscribe_events", event_type="state_changed")
    hub.states.set("sensor.kitchen", "1")
    hub.states.set("sensor.kitchen", "2")
    hub.states.remove("sensor.kitchen")
    new, changed, gone = [(await client.event())["data"] for _ in range(3)]
    assert new["old_state"] is None
    assert (changed["old_state"]["state"], changed["new_state"]["state"]) == ("1", "2")
    assert gone["new_state"] is None
    assert changed["entity_id"] == "sensor.kitchen"


async def test_nothing_comes_after_the_end_of_a_subscription(client: Any, hub: Hub) -> None:
    before = hub.bus.counts()
    tea = await client.follow("subscribe_events", event_type="tea")
    assert await client.ask("unsubscribe_events", subscription=tea) is None
    hub.bus.fire("tea")
    await client.is_quiet()
    assert hub.bus.counts() == before
    assert (await client.fails("unsubscribe_events", subscription=tea))["code"] == "not_found"


async def test_who_follows_the_same_is_told_together_and_each_under_its_own_number(socket: Any, hub: Hub) -> None:
    before = hub.bus.counts()
    first, second, third = [await socket.sign_in() for _ in range(3)]
    await first.ask("get_config")
    ids = [await one.follow("subscribe_events", event_type="tea") for one in (first, second, third)]
    again = await third.follow("subscribe_events", event_type="tea")
    assert ids[0] != ids[1] == ids[2]
    hub.bus.fire("tea", {"cups": 1})
    for one, number in zip((first, second, third), ids, strict=True):
        assert (await one.event(number))["data"] == {"cups": 1}
    assert (await third.event(again))["data"] == {"cups": 1}
    await second.ask("unsubscribe_events", subscription=ids[1])
    await third.ask("unsubscribe_events", subscription=ids[2])
    hub.bus.fire("tea", {"cups": 2})
    await second.is_quiet()
    assert [(await first.event(ids[0]))["data"], (await third.event(again))["data"]] == [{"cups": 2}] * 2
    await first.ask("unsubscribe_events", subscription=ids[0])
    await third.ask("unsubscribe_events", subscription=again)
    assert hub.bus.counts() == before


async def test_a_client_that_leaves_leaves_nothing_behind(socket: Any, hub: Hub) -> None:
    before = hub.bus.counts(), len(asyncio.all_tasks())
    client = await socket.sign_in()
    await client.follow("subscribe_events")
    await client.follow("subscribe_events", event_type="tea")
    await client.socket.close()
    while (hub.bus.counts(), len(asyncio.all_tasks())) != before:
        await asyncio.sleep(0.01)


async def test_an_event_can_be_fired_and_says_who_did(client: Any, hub: Hub) -> None:
    tea = await client.follow("subscribe_events", event_type="tea")
    fired = await client.ask("fire_event", event_type="tea", event_data={"cups": 1})
    event = await client.event(tea)
    assert event["data"] == {"cups": 1}
    assert event["context"] == fired["context"]
    assert fired["context"]["user_id"] == hub.credentials.owner_id
    await client.ask("fire_event", event_type="tea")
    assert (await client.event(tea))["data"] == {}


async def test_a_service_is_called_with_its_target_and_waited_for(client: Any, entry: Entry) -> None:
    calls: list[ServiceCall] = []

    async def brew(call: ServiceCall) -> dict[str, Any]:
        await asyncio.sleep(0)
        calls.append(call)
        return {"cups": call.data["cups"]}

    schema = vol.Schema({vol.Required("cups"): vol.Coerce(int), vol.Optional("entity_id"): object})
    entry.service("brew", brew, schema, response=Response.OPTIONAL)
    result = await client.ask(
        "call_service",
        domain="test",
        service="brew",
        service_data={"cups": "2"},
        target={"entity_id": "tea.pot"},
        return_response=True,
    )
    assert result["response"] == {"cups": 2}
    assert calls[0].data == {"cups": 2, "entity_id": "tea.pot"}
    assert calls[0].context.as_dict() == result["context"]
    result = await client.ask("call_service", domain="test", service="brew", service_data={"cups": 1}, target={})
    assert "response" not in result


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ({"domain": "no", "service": "such"}, "not_found", "Service no.such not found."),
        ({"domain": "test"}, "invalid_format", "service"),
        ({"domain": "test", "service": "brew", "more": 1}, "invalid_format", "more"),
        ({"domain": "test", "service": "brew"}, "invalid_format", "cups"),
        ({"domain": "test", "service": "brew", "service_data": {"cups": "many"}}, "invalid_format", "cups"),
        ({"domain": "test", "service": "brew", "return_response": True}, "service_validation_error", "return_response"),
        ({"domain": "test", "service": "ask"}, "service_validation_error", "return_response"),
        ({"domain": "test", "service": "refuse"}, "home_assistant_error", "there is no water"),
        ({"domain": "test", "service": "crash"}, "unknown_error", "its log says what"),
    ],
)
async def test_a_call_that_cannot_be_says_why(
    client: Any, entry: Entry, message: dict[str, Any], code: str, text: str
) -> None:
    def refuse(call: ServiceCall) -> None:
        raise NanobotError("there is no water")

    async def crash(call: ServiceCall) -> None:
        raise RuntimeError("the password is 1234")

    entry.service("brew", lambda call: None, vol.Schema({vol.Required("cups"): vol.Coerce(int)}))
    entry.service("ask", lambda call: {}, response=Response.ONLY)
    entry.service("refuse", refuse)
    entry.service("crash", crash)
    error = await client.fails("call_service", **message)
    assert error["code"] == code
    assert text in error["message"]
    assert "1234" not in error["message"]


RESPONSE = {"return_response": "return_response=True"}


@pytest.mark.parametrize(
    ("kind", "message", "domain", "key", "placeholders"),
    [
        ("call_service", {"domain": "no", "service": "such"}, "homeassistant", "service_not_found",
         {"domain": "no", "service": "such"}),
        ("call_service", {"domain": "test", "service": "brew", "return_response": True}, "homeassistant",
         "service_does_not_support_response", RESPONSE),
        ("call_service", {"domain": "test", "service": "ask"}, "homeassistant", "service_lacks_response_request",
         RESPONSE),
        ("call_service", {"domain": "test", "service": "pass_on"}, "websocket_api", "child_service_not_found",
         {"domain": "test", "service": "pass_on", "child_domain": "no", "child_service": "such"}),
        ("execute_script", {"sequence": [{"action": "no.such"}]}, "homeassistant", "service_not_found",
         {"domain": "no", "service": "such"}),
    ],
)  # fmt: skip
async def test_clients_find_the_sentence_of_an_error_in_their_language(
    client: Any, entry: Entry, hub: Hub, kind: str, message: Any, domain: str, key: str, placeholders: Any
) -> None:
    async def pass_on(call: ServiceCall) -> None:
        await hub.services.call("no", "such", {})

    entry.service("brew", lambda call: None)
    entry.service("ask", lambda call: {}, response=Response.ONLY)
    entry.service("pass_on", pass_on)
    error = await client.fails(kind, **message)
    assert error["message"]
    assert (error["translation_domain"], error["translation_key"]) == (domain, key)
    assert error["translation_placeholders"] == placeholders


async def test_a_slow_service_keeps_nobody_waiting(client: Any, entry: Entry) -> None:
    go_on = asyncio.Event()

    async def wait(call: ServiceCall) -> None:
        await go_on.wait()

    entry.service("wait", wait)
    slow = await client.tell("call_service", domain="test", service="wait")
    await client.is_quiet()
    go_on.set()
    assert (await client.answer(slow))["success"]


async def test_what_came_first_begins_first(client: Any, entry: Entry, hub: Hub) -> None:
    async def write(call: ServiceCall) -> None:
        hub.states.set("sensor.kitchen", "written")

    entry.service("write", write)
    call, states = (
        {"id": 1, "type": "call_service", "domain": "test", "service": "write"},
        {"id": 2, "type": "get_states"},
    )
    await client.send([call, states])
    client.last_id = 2
    found = {state["entity_id"]: state["state"] for state in (await client.answer(2))["result"]}
    assert found["sensor.kitchen"] == "written"


async def test_who_may_only_read_changes_nothing(socket: Any, entry: Entry) -> None:
    entry.service("brew", lambda call: None)
    client = await socket.sign_in(Access.READ)
    assert (await client.fails("call_service", domain="test", service="brew"))["code"] == "unauthorized"
    assert (await client.fails("fire_event", event_type="tea"))["code"] == "unauthorized"
    assert (await client.fails("subscribe_events", event_type="message_received"))["code"] == "unauthorized"


async def test_who_may_only_read_is_not_told_of_messages(socket: Any, hub: Hub) -> None:
    client = await socket.sign_in(Access.READ)
    everything = await client.follow("subscribe_events")
    hub.bus.fire("message_received", {"text": "private"})
    hub.states.set("sensor.kitchen", "1")
    assert (await client.event(everything))["event_type"] == "state_changed"


async def test_several_messages_come_in_one_frame_when_asked_for(client: Any, hub: Hub) -> None:
    await client.ask("supported_features", features={"coalesce_messages": 1})
    await client.follow("subscribe_events", event_type="tea")
    for cups in range(3):
        hub.bus.fire("tea", {"cups": cups})
    frame = await client.frame()
    assert [message["event"]["data"]["cups"] for message in frame] == [0, 1, 2]


@pytest.mark.parametrize("data", [{}, {"entity_id": "sensor.a", "new_state": {"state": "1"}}, {"entity_id": []}])
async def test_a_change_that_is_none_is_not_told_to_those_who_rely_on_states(client: Any, hub: Hub, data: Any) -> None:
    heard: list[Any] = []
    hub.bus.listen("state_changed", heard.append)
    assert (await client.fails("fire_event", event_type="state_changed", event_data=data))["code"] == "invalid_format"
    assert not heard


async def test_a_change_as_others_tell_it_arrives_with_its_state(client: Any, hub: Hub) -> None:
    hub.states.set("sensor.tank", "7", {"unit": "l"})
    told = next(state for state in await client.ask("get_states") if state["entity_id"] == "sensor.tank")
    heard: list[Any] = []
    hub.bus.listen("state_changed", heard.append)
    await client.ask(
        "fire_event", event_type="state_changed", event_data={"entity_id": "sensor.tank", "new_state": told}
    )
    assert heard[0].data["new_state"].attributes == {"unit": "l"}
    assert heard[0].data["old_state"] is None
