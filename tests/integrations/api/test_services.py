"""Services over REST: called, answered with what they changed, refused with a reason."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import voluptuous as vol

from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.errors import ServiceError
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry

LAMP = {"entity_id": "input_boolean.lamp"}


def changed(answer: Any) -> dict[str, str]:
    return {state["entity_id"]: state["state"] for state in answer.data}


async def test_the_states_that_a_call_changed_are_its_answer(api: Any) -> None:
    answer = await api.post("/api/services/input_boolean/turn_on", LAMP)
    assert (answer.status, changed(answer)) == (200, {"input_boolean.lamp": "on"})
    assert answer.data[0]["context"]["user_id"] == api.hub.credentials.owner_id
    again = await api.post("/api/services/input_boolean/turn_on", LAMP)
    assert again.data == []


async def test_what_follows_at_once_belongs_to_it_and_what_others_do_does_not(api: Any, entry: Entry) -> None:
    def follow(event: Event) -> None:
        api.hub.states.set("sensor.follower", event.data["new_state"].state, context=event.context)
        api.hub.states.set("sensor.other", event.data["new_state"].state)
        asyncio.get_running_loop().call_soon(
            lambda: api.hub.states.set("sensor.late", event.data["new_state"].state, context=event.context)
        )

    entry.track("input_boolean.lamp", follow)
    answer = await api.post("/api/services/homeassistant/toggle", LAMP)
    assert changed(answer) == {"input_boolean.lamp": "on", "sensor.follower": "on", "sensor.late": "on"}


async def test_a_service_that_waits_has_a_task_around_it(api: Any, entry: Entry) -> None:
    async def wait(call: ServiceCall) -> dict[str, Any]:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
            return {"has a task": asyncio.current_task() is not None}

    entry.add(Service("test", "wait", wait, None, Response.ONLY))
    answer = await api.post("/api/services/test/wait?return_response", {})
    assert answer.data == {"changed_states": [], "service_response": {"has a task": True}}


async def test_calls_at_the_same_time_do_not_mix_up_and_leave_nothing(api: Any, entry: Entry) -> None:
    gate = asyncio.Event()

    async def slow(call: ServiceCall) -> None:
        await gate.wait()
        api.hub.states.set(f"sensor.{call.data['name']}", "x", context=call.context)

    entry.add(Service("test", "slow", slow))
    listeners = api.hub.bus.counts()
    calls = [asyncio.ensure_future(api.post("/api/services/test/slow", {"name": name})) for name in "abc"]
    async with asyncio.timeout(5):
        while api.hub.bus.counts() == listeners:
            await asyncio.sleep(0.01)
    assert api.hub.bus.counts().get("state_changed", 0) == listeners.get("state_changed", 0) + 1
    gate.set()
    assert [changed(await call) for call in calls] == [{"sensor.a": "x"}, {"sensor.b": "x"}, {"sensor.c": "x"}]
    assert api.hub.bus.counts() == listeners


async def test_a_response_is_given_when_it_is_asked_for(api: Any, entry: Entry) -> None:
    def handle(call: ServiceCall) -> dict[str, Any]:
        api.hub.states.set("sensor.a", "1", context=call.context)
        return {"got": dict(call.data)}

    for mode in Response:
        entry.add(Service("test", mode.value, handle, None, mode))
    answer = await api.post("/api/services/test/optional?return_response", {"n": 1})
    assert answer.data["service_response"] == {"got": {"n": 1}}
    assert [state["entity_id"] for state in answer.data["changed_states"]] == ["sensor.a"]
    refused = await api.post("/api/services/test/none?return_response", {})
    assert (refused.status, refused.data) == (
        400, {"message": "Service does not support responses. Remove return_response from request."},
    )  # fmt: skip
    refused = await api.post("/api/services/test/only", {})
    assert refused.status == 400
    assert refused.data["message"].endswith("Add ?return_response to query parameters.")


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("nosuch/thing", {}, "there is no service nosuch.thing"),
        ("input_boolean/turn_onn", LAMP,
         "there is no service input_boolean.turn_onn; did you mean 'input_boolean.turn_on'?"),
        ("input_number/set_value", {"entity_id": "input_number.level", "value": "much"},
         "input_number.set_value: value"),
        ("input_number/set_value", {"entity_id": "input_number.level"},
         "input_number.set_value: the option 'value' is missing"),
        ("input_boolean/turn_on", [1], "the data of a service is a JSON object"),
    ],
)  # fmt: skip
async def test_a_call_that_cannot_be_made_is_400_in_plain_text(api: Any, path: str, body: Any, text: str) -> None:
    answer = await api.post(f"/api/services/{path}", body)
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.data.startswith(f"400: Bad Request: {text}")
    assert changed(await api.get("/api/states"))["input_number.level"] == "2.0"


async def test_data_that_is_no_json_is_told_so(api: Any) -> None:
    answer = await api.post("/api/services/input_boolean/turn_on", "{x")
    assert (answer.status, answer.data) == (400, {"message": "Data should be valid JSON."})


async def test_loosely_typed_data_is_taken(api: Any) -> None:
    answer = await api.post("/api/services/input_number/set_value", {"entity_id": "input_number.level", "value": "7"})
    assert changed(answer) == {"input_number.level": "7.0"}


async def test_a_failing_service_is_500_with_its_reason(api: Any, entry: Entry) -> None:
    def fail(call: ServiceCall) -> None:
        raise ServiceError("the lamp is broken")

    entry.add(Service("test", "fail", fail, vol.Schema({})))
    answer = await api.post("/api/services/test/fail")
    assert (answer.status, answer.data) == (500, "500: Internal Server Error: the lamp is broken")


async def test_what_changes_the_hub_takes_an_administrator(api: Any) -> None:
    assert (await api.post("/api/services/homeassistant/turn_on", LAMP, access="user")).status == 200
    assert (await api.post("/api/services/homeassistant/reload_all", access="user")).status == 403
    assert (await api.post("/api/services/homeassistant/turn_off", LAMP, access="read")).status == 403
    assert (await api.post("/api/services/homeassistant/reload_all")).status == 200


async def test_services_are_listed_by_domain(api: Any) -> None:
    told = {one["domain"]: one["services"] for one in (await api.get("/api/services", access="read")).data}
    assert {"nanobot", "homeassistant", "input_boolean", "conversation"} <= set(told)
    assert told["input_number"]["set_value"]["target"] == {"entity": [{"domain": ["input_number"]}]}
    assert told["homeassistant"]["check_config"]["response"] == {"optional": True}


async def test_a_body_that_is_too_large_is_refused(api: Any) -> None:
    answer = await api.post("/api/services/input_boolean/turn_on", b"x" * (9 * 1024 * 1024))
    assert answer.status == 413
