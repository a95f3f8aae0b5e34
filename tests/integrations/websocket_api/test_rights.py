"""Tokens for some services, events and entities: what is told and done for them, and that nothing else is open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import voluptuous as vol

from nanobot.contracts.service import Service
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.storage.credentials import Kind, Role, Scope, passwords

OPEN = {
    "auth/current_user",
    "auth/sign_path",
    "call_service",
    "fire_event",
    "frontend/get_themes",
    "frontend/get_translations",
    "get_config",
    "get_panels",
    "get_services",
    "get_states",
    "history/history_during_period",
    "history/stream",
    "lovelace/dashboards/list",
    "lovelace/info",
    "lovelace/resources",
    "ping",
    "sensor/numeric_device_classes",
    "subscribe_entities",
    "subscribe_events",
    "supported_features",
    "unsubscribe_events",
}


@pytest.fixture
def calls(entry: Entry) -> list[Any]:
    seen: list[Any] = []
    for name in ("brew", "pour"):
        entry.add(Service("tea", name, seen.append, entity_domain="cup"))
    return seen


def token(hub: Hub, access: Access = Access.ADMIN, **lists: tuple[str, ...]) -> str:
    return hub.credentials.create(f"narrow {len(hub.credentials.known())}", access, scope=Scope(**lists))


@pytest.mark.parametrize("lists", [{"services": ("*",)}, {"events": ("*",)}, {"entities": ("*",)}])
async def test_a_narrow_token_opens_only_what_knows_its_limits(socket: Any, hub: Hub, lists: Any) -> None:
    client = await socket.sign_in(token(hub, **lists))
    for command in hub.socket_commands:
        answer = await client.answer(await client.tell(command.type, nonsense=True))
        expected = "invalid_format" if command.type in OPEN else "unauthorized"
        assert answer["error"]["code"] == expected, command.type


async def test_states_are_those_of_the_list(socket: Any, hub: Hub) -> None:
    for entity_id in ("light.a", "light.b", "sensor.a"):
        hub.states.set(entity_id, "on")
    client = await socket.sign_in(token(hub, Access.READ, entities=("light.*",)))
    assert {one["entity_id"] for one in await client.ask("get_states")} == {"light.a", "light.b"}
    for wanted in ({}, {"entity_ids": ["light.a", "sensor.a"]}, {"include": {"domains": ["sensor", "light"]}}):
        follow = await client.follow("subscribe_entities", **wanted)
        assert "sensor.a" not in (await client.event(follow))["a"]
        hub.states.set("sensor.a", f"off {follow}")
        await client.is_quiet()
        hub.states.set("light.a", f"off {follow}")
        assert set((await client.event(follow))["c"]) == {"light.a"}
        await client.ask("unsubscribe_events", subscription=follow)


async def test_events_of_other_entities_are_not_told(socket: Any, hub: Hub) -> None:
    client = await socket.sign_in(token(hub, entities=("light.*",)))
    assert (await client.fails("subscribe_events", event_type="call_service"))["code"] == "unauthorized"
    await client.follow("subscribe_events", event_type="state_changed")
    everything = await client.follow("subscribe_events")
    hub.states.set("sensor.a", "on")
    hub.bus.fire("message_received", {"text": "private"})
    await client.is_quiet()
    hub.states.set("light.a", "on")
    told = [await client.receive(), await client.receive()]
    assert {one["event"]["data"]["entity_id"] for one in told} == {"light.a"}
    assert everything in {one["id"] for one in told}


async def test_events_are_heard_and_fired_as_the_list_says(socket: Any, hub: Hub) -> None:
    client = await socket.sign_in(token(hub, events=("my_*",)))
    assert (await client.fails("subscribe_events", event_type="state_changed"))["code"] == "unauthorized"
    everything = await client.follow("subscribe_events")
    hub.bus.fire("other", {})
    await client.is_quiet()
    hub.bus.fire("my_button", {})
    assert (await client.event(everything))["event_type"] == "my_button"
    assert (await client.fails("fire_event", event_type="other"))["code"] == "unauthorized"
    await client.ask("unsubscribe_events", subscription=everything)
    await client.ask("fire_event", event_type="my_button")


async def test_services_are_those_of_the_list(socket: Any, hub: Hub, calls: list[Any]) -> None:
    client = await socket.sign_in(token(hub, Access.USER, services=("tea.brew",)))
    assert await client.ask("get_services") == {"tea": (await client.ask("get_services"))["tea"]}
    assert list((await client.ask("get_services"))["tea"]) == ["brew"]
    for domain, service in (("tea", "pour"), ("TEA", "Pour"), ("homeassistant", "turn_on")):
        error = await client.fails("call_service", domain=domain, service=service)
        assert error["code"] in ("unauthorized", "not_found")
    assert calls == []
    await client.ask("call_service", domain="tea", service="brew", service_data={"entity_id": "cup.a"})
    [call] = calls
    assert call.context.user_id == hub.credentials.owner_id


@pytest.mark.parametrize(
    ("data", "target"),
    [
        ({"entity_id": "cup.b"}, None),
        ({"entity_id": ["cup.a", "cup.b"]}, None),
        ({"entity_id": "cup.a, cup.b"}, None),
        ({"entity_id": "all"}, None),
        ({"entity_id": "cup.a", "entities": {"cup.b": "on"}}, None),
        ({"entity_id": "cup.a"}, {"entity_id": "cup.b"}),
        ({"entity_id": "cup.a"}, {"area_id": "kitchen"}),
        ({}, {"device_id": ["x"]}),
        ({}, None),
        (None, None),
    ],
)
async def test_a_token_for_some_entities_acts_on_these_alone(
    socket: Any, hub: Hub, calls: list[Any], data: Any, target: Any
) -> None:
    client = await socket.sign_in(token(hub, Access.USER, entities=("cup.a",)))
    await client.ask("call_service", domain="tea", service="brew", target={"entity_id": "cup.a"})
    more = {key: value for key, value in (("service_data", data), ("target", target)) if value is not None}
    error = await client.fails("call_service", domain="tea", service="brew", **more)
    assert error["code"] == "unauthorized"
    assert len(calls) == 1


async def test_all_is_no_entity_of_any_pattern(socket: Any, hub: Hub, calls: list[Any]) -> None:
    client = await socket.sign_in(token(hub, Access.USER, entities=("a*", "cup.*")))
    for given in ("all", "ALL", ["all", "cup.a"]):
        more = {"domain": "tea", "service": "brew", "service_data": {"entity_id": given}}
        assert (await client.fails("call_service", **more))["code"] == "unauthorized"
    assert calls == []


async def test_a_name_on_the_list_opens_no_service_that_is_about_something_else(
    socket: Any, entry: Entry, hub: Hub
) -> None:
    ran: list[Any] = []
    entry.add(Service("script", "tea", ran.append, vol.Schema(dict), entity_id="script.tea"))
    entry.add(Service("notify", "phone", ran.append, vol.Schema({vol.Required("message"): str}, extra=vol.ALLOW_EXTRA)))
    client = await socket.sign_in(token(hub, Access.USER, entities=("cup.a",)))
    for domain, service in (("script", "tea"), ("notify", "phone")):
        for more in ({"service_data": {"entity_id": "cup.a", "message": "x"}}, {"target": {"entity_id": "cup.a"}}):
            error = await client.fails("call_service", domain=domain, service=service, **more)
            assert error["code"] == "unauthorized"
    assert ran == []
    client = await socket.sign_in(token(hub, Access.USER, entities=("script.tea",)))
    await client.ask("call_service", domain="script", service="tea", service_data={"cups": 2})
    assert [call.data for call in ran] == [{"cups": 2}]


async def test_a_token_makes_none_that_outlives_it_in_a_browser_neither(socket: Any, hub: Hub) -> None:
    by_name = {}
    for access in (Access.USER, Access.ADMIN):
        hub.credentials.create(f"short {access.value}", access, days=1)
        by_name[access] = next(one for one in hub.credentials.known() if one.name == f"short {access.value}")
    client = await socket.sign_in(hub.credentials.open_session("browser", Access.USER, by=by_name[Access.USER].id))
    error = await client.fails("auth/long_lived_access_token", client_name="for ever", lifespan=3650)
    assert error["code"] == "unauthorized"
    client = await socket.sign_in(hub.credentials.open_session("browser", by=by_name[Access.ADMIN].id))
    await client.ask("auth/long_lived_access_token", client_name="a day", lifespan=3650)
    made = next(one for one in hub.credentials.known() if one.name == "a day")
    ends = by_name[Access.ADMIN].expires
    assert made.expires is not None
    assert ends is not None
    assert made.expires < ends + 60


async def test_a_client_signs_a_path(socket: Any, hub: Hub) -> None:
    client = await socket.sign_in(Access.READ)
    path = (await client.ask("auth/sign_path", path="/auth/me", expires=20))["path"]
    async with socket.session.get(f"{socket.http.data.url}{path}") as answer:
        assert (answer.status, (await answer.json())["name"]) == (200, "read")
    for wrong in ("https://evil.example.org/", "//evil.example.org/", "me", "/a?authSig=x", "/a#b"):
        assert (await client.fails("auth/sign_path", path=wrong))["code"] == "invalid_format"


@pytest.fixture
def ben(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The access token of somebody who has signed in."""
    monkeypatch.setattr(passwords, "LOG_N", 4)
    user = hub.credentials.people.add("ben", "long enough", Role.USER, "Ben")
    refresh = hub.credentials.open_client(user.id, "https://app.example.org/", "homeassistant")
    opened = hub.credentials.access_token(refresh, "https://app.example.org/")
    assert opened is not None
    return opened[1]


async def test_somebody_sees_and_ends_their_own_and_nobody_elses(socket: Any, hub: Hub, ben: str) -> None:
    client = await socket.sign_in(ben)
    me = await client.ask("auth/current_user")
    assert (me["name"], me["is_owner"], me["is_admin"]) == ("Ben", False, False)
    [own] = await client.ask("auth/refresh_tokens")
    assert (own["type"], own["client_id"], own["is_current"]) == ("normal", "https://app.example.org/", True)
    made = await client.ask("auth/long_lived_access_token", client_name="ben's phone", lifespan=3)
    identity = hub.credentials.identify(made)
    assert identity is not None
    assert (identity.access, identity.user_id) == (Access.USER, me["id"])
    admin = next(one for one in hub.credentials.known() if one.name == "admin")
    assert (await client.fails("auth/delete_refresh_token", refresh_token_id=admin.id))["code"] == "invalid_token_id"
    phone = await socket.sign_in(made)
    error = await phone.fails("auth/long_lived_access_token", client_name="another", lifespan=3000)
    assert error["code"] == "unauthorized"


async def test_a_token_that_may_less_cannot_end_those_that_may_more(socket: Any, hub: Hub) -> None:
    client = await socket.sign_in(Access.USER)
    assert {one["client_name"] for one in await client.ask("auth/refresh_tokens")} == {"read", "user"}
    admin = next(one for one in hub.credentials.known(Kind.TOKEN) if one.name == "admin")
    assert (await client.fails("auth/delete_refresh_token", refresh_token_id=admin.id))["code"] == "invalid_token_id"


async def test_a_changed_role_closes_the_socket_within_a_second(socket: Any, hub: Hub, ben: str) -> None:
    client = await socket.sign_in(ben)
    await client.ask("auth/current_user")
    await asyncio.to_thread(hub.credentials.people.set_role, "ben", Role.READ_ONLY)
    async with asyncio.timeout(1.0):
        assert await client.ends() == 4401
    client = await socket.sign_in(ben)
    assert (await client.fails("call_service", domain="tea", service="brew"))["code"] == "unauthorized"
