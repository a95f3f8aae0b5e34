"""The services: validation, responses, and what a caller reads when it goes wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import voluptuous as vol

from nanobot.contracts.service import Response, Service, ServiceCall
from nanobot.errors import InvalidServiceData, ServiceNotFound
from nanobot.hub.bus import Bus, Event
from nanobot.hub.context import Context
from nanobot.hub.services import Services


class Setting:
    """Services and what was called."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.services = Services(self.bus)
        self.calls: list[ServiceCall] = []

    def note(self, call: ServiceCall) -> Any:
        self.calls.append(call)
        return {"got": dict(call.data)}


@pytest.fixture
def at() -> Setting:
    return Setting()


async def test_a_call_reaches_plain_and_coroutine_handlers(at: Setting) -> None:
    async def waits(call: ServiceCall) -> None:
        await asyncio.sleep(0)
        at.note(call)

    at.services.register(Service("light", "plain", at.note))
    at.services.register(Service("light", "waits", waits))
    await at.services.call("light", "plain", {"a": 1})
    await at.services.call("light", "waits", {"a": 2})
    assert [call.data["a"] for call in at.calls] == [1, 2]


async def test_data_is_coerced_by_the_schema_and_the_target_goes_into_it(at: Setting) -> None:
    schema = vol.Schema({vol.Required("value"): vol.Coerce(int), vol.Optional("entity_id"): [str]})
    at.services.register(Service("number", "set", at.note, schema))
    await at.services.call("number", "set", {"value": "61"}, target={"entity_id": ["number.a"]})
    assert at.calls[0].data == {"value": 61, "entity_id": ["number.a"]}


async def test_wrong_data_is_refused_with_every_fault(at: Setting) -> None:
    schema = vol.Schema({vol.Required("value"): int, vol.Required("name"): str})
    at.services.register(Service("number", "set", at.note, schema))
    with pytest.raises(InvalidServiceData) as caught:
        await at.services.call("number", "set", {"value": "x", "extra": 1})
    text = str(caught.value)
    assert text.startswith("number.set: ")
    assert "value: expected a whole number, found" in text
    assert "the option 'name' is missing" in text
    assert "extra: unknown option" in text
    assert at.calls == []


async def test_an_unknown_service_names_the_nearest(at: Setting) -> None:
    at.services.register(Service("light", "turn_on", at.note))
    with pytest.raises(ServiceNotFound, match=r"there is no service light\.turn_onn; did you mean 'light\.turn_on'\?"):
        await at.services.call("light", "turn_onn")


@pytest.mark.parametrize(
    ("mode", "asked", "fault"),
    [
        (Response.NONE, True, "gives no response"),
        (Response.ONLY, False, "only gives a response"),
        (Response.OPTIONAL, True, None),
        (Response.OPTIONAL, False, None),
        (Response.ONLY, True, None),
    ],
)
async def test_responses_are_given_as_declared(at: Setting, mode: Response, asked: bool, fault: str | None) -> None:
    at.services.register(Service("light", "ask", at.note, response=mode))
    if fault:
        with pytest.raises(InvalidServiceData, match=fault):
            await at.services.call("light", "ask", return_response=asked)
    else:
        answer = await at.services.call("light", "ask", {"n": 1}, return_response=asked)
        assert answer == ({"got": {"n": 1}} if asked else None)


async def test_a_call_that_is_not_waited_for_goes_on_by_itself(at: Setting) -> None:
    gate = asyncio.Event()

    async def waits(call: ServiceCall) -> None:
        await gate.wait()
        at.note(call)

    at.services.register(Service("light", "slow", waits))
    await at.services.call("light", "slow", blocking=False)
    assert at.calls == []
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(at.calls) == 1


async def test_a_call_is_told_on_the_bus_with_its_context(at: Setting) -> None:
    told: list[Event] = []
    at.bus.listen("call_service", told.append)
    at.services.register(Service("light", "turn_on", at.note))
    context = Context(actor="user")
    await at.services.call("light", "turn_on", {"n": 1}, context=context)
    assert told[0].data == {"domain": "light", "service": "turn_on", "service_data": {"n": 1}}
    assert told[0].context is context
    assert at.calls[0].context is context


async def test_a_call_is_told_as_it_was_written(at: Setting) -> None:
    told: list[Event] = []
    at.bus.listen("call_service", told.append)
    ids = vol.Any([str], vol.All(str, lambda text: [text]))
    schema = vol.Schema({vol.Optional("wait", default=True): bool, vol.Optional("entity_id"): ids})
    at.services.register(Service("light", "turn_on", at.note, schema))
    await at.services.call("light", "turn_on", {"entity_id": "light.a"})
    await at.services.call("light", "turn_on", {"wait": False}, target={"entity_id": "light.b"})
    assert at.calls[0].data == {"entity_id": ["light.a"], "wait": True}
    assert told[0].data["service_data"] == {"entity_id": "light.a"}
    assert told[1].data["service_data"] == {"entity_id": ["light.b"], "wait": False}


async def test_registering_and_removing_is_told(at: Setting) -> None:
    told = []
    at.bus.listen("*", lambda event: told.append((event.type, event.data["service"])))
    remove = at.services.register(Service("light", "turn_on", at.note))
    with pytest.raises(ValueError, match="there is already a service light.turn_on"):
        at.services.register(Service("light", "turn_on", at.note))
    remove()
    remove()
    assert told == [("service_registered", "turn_on"), ("service_removed", "turn_on")]
    assert at.services.domains() == []
