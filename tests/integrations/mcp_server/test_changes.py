"""What clients are told without having asked, with the official client of MCP over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged

from integrations.mcp_server import changes, endpoint
from nanobot.contracts.service import Service
from nanobot.contracts.skill import Skill
from nanobot.contracts.tool import Risk
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

from .conftest import LIST, Mcp, Probe, names, open_server

pytestmark = pytest.mark.filterwarnings("ignore:resources/:mcp.shared.exceptions.MCPDeprecationWarning")

LAMP, DOOR = "nanobot://states/input_boolean.lamp", "nanobot://states/input_boolean.door"


class Cooking(Skill):
    name = "cooking"
    description = "How to cook."

    async def text(self) -> str:
        return "Boil water."


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "SETTLED_AFTER", 0.1)
    monkeypatch.setattr(changes, "UPDATED_AFTER", 0.05)


@pytest.fixture
def told() -> asyncio.Queue[Any]:
    return asyncio.Queue()


async def first(told: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(5):
        return await told.get()


async def silence(told: asyncio.Queue[Any]) -> None:
    """What is to be told would be told by now."""
    await asyncio.sleep(changes.SETTLED_AFTER * 3)
    assert told.empty(), told.get_nowait()


@asynccontextmanager
async def newest(mcp: Mcp, who: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=mcp.headers(who), timeout=20) as http,
        Client(streamable_http_client(mcp.url, http_client=http)) as client,
    ):
        yield client


async def test_a_client_is_told_once_that_there_are_other_tools(
    mcp: Mcp, entry: Entry, told: asyncio.Queue[Any]
) -> None:
    async with mcp.session("user", told) as session:
        able = session.server_capabilities
        assert able is not None
        assert able.tools is not None
        assert able.tools.list_changed
        assert able.resources is not None
        assert (able.resources.list_changed, able.resources.subscribe) == (True, True)
        assert able.prompts is not None
        assert able.prompts.list_changed
        for number in range(5):
            entry.add(Probe(f"new_{number}", Risk.READ))
            entry.add(Service("cooker", f"boil_{number}", lambda call: None))
            await asyncio.sleep(0)
        assert isinstance(await first(told), types.ToolListChangedNotification)
        assert {"new_4", "cooker__boil_4"} <= set(await names(session))
        await silence(told)


async def test_what_is_the_same_after_a_reload_is_not_told(mcp: Mcp, entry: Entry, told: asyncio.Queue[Any]) -> None:
    probe = Probe("again", Risk.READ)
    remove = entry.add(probe)
    async with mcp.session("user", told):
        remove()
        entry.add(probe)
        await silence(told)


async def test_nobody_is_told_of_what_their_token_does_not_show(
    mcp: Mcp, entry: Entry, told: asyncio.Queue[Any]
) -> None:
    async with mcp.session("lamp", told) as session:
        entry.add(Probe("new", Risk.READ))
        entry.add(Service("cooker", "boil", lambda call: None))
        entry.add(Cooking())
        entry.set_state("sensor.secret", "1")
        with pytest.raises(MCPError, match="there is no resource"):
            await session.subscribe_resource(DOOR)
        await silence(told)


async def test_skills_and_entities_that_come_and_go_are_told_of(
    mcp: Mcp, entry: Entry, told: asyncio.Queue[Any]
) -> None:
    async with mcp.session("user", told):
        remove = entry.add(Cooking())
        assert isinstance(await first(told), types.PromptListChangedNotification)
        remove()
        assert isinstance(await first(told), types.PromptListChangedNotification)
        entry.set_state("sensor.new", "1")
        assert isinstance(await first(told), types.ResourceListChangedNotification)
        entry.set_state("sensor.new", "2")
        await silence(told)


async def test_a_state_that_somebody_subscribed_to_is_told_of_until_they_have_enough(
    mcp: Mcp, entry: Entry, told: asyncio.Queue[Any]
) -> None:
    async with mcp.session("read", told) as session:
        await session.subscribe_resource(LAMP)
        entry.hub.states.set("input_boolean.door", "off")
        for state in ("on", "off", "on"):
            entry.hub.states.set("input_boolean.lamp", state)
        updated = await first(told)
        assert isinstance(updated, types.ResourceUpdatedNotification)
        assert str(updated.params.uri) == LAMP
        await session.unsubscribe_resource(LAMP)
        await session.subscribe_resource("nanobot://states")
        entry.hub.states.set("input_boolean.lamp", "off")
        entry.hub.states.set("input_boolean.door", "on")
        assert str((await first(told)).params.uri) == "nanobot://states"
        await silence(told)


async def test_a_client_of_the_newest_protocol_asks_to_be_told(mcp: Mcp, entry: Entry, hub: Hub) -> None:
    async with (
        newest(mcp, "lamp") as narrow,
        newest(mcp, "user") as client,
        narrow.listen(tools_list_changed=True, resource_subscriptions=[LAMP, DOOR]) as its,
        client.listen(tools_list_changed=True) as subscription,
    ):
        entry.add(Probe("new", Risk.READ))
        async with asyncio.timeout(5):
            assert await anext(subscription) == ToolsListChanged()
        hub.states.set("input_boolean.door", "off")
        hub.states.set("input_boolean.lamp", "on")
        async with asyncio.timeout(5):
            assert await anext(its) == ResourceUpdated(LAMP)


@pytest.mark.parametrize("end", ["revoke", "restart"])
async def test_streams_end_with_the_token_and_with_the_integration(
    mcp: Mcp, house: House, hub: Hub, told: asyncio.Queue[Any], end: str
) -> None:
    ended = asyncio.Event()

    async def follow(client: Client) -> None:
        try:
            async with client.listen(tools_list_changed=True) as subscription:
                async for _ in subscription:
                    pass
        except SubscriptionLost:
            pass
        ended.set()

    async with newest(mcp, "user") as client, mcp.session("user", told):
        (channel,) = _channels(hub)._by_session.values()
        following = asyncio.create_task(follow(client))
        async with asyncio.timeout(5):
            while not _channels(hub)._handlers:
                await asyncio.sleep(0.01)
        if end == "revoke":
            hub.credentials.revoke("user")
        else:
            await house.edits.wait(house.edits.request(restart=["mcp_server"]))
        async with asyncio.timeout(5):
            await ended.wait()
            await following
            while not channel.ended or channel.is_open:
                await asyncio.sleep(0.01)


async def test_a_session_has_one_stream_which_counts_as_no_request(
    house: House, entry: Entry, http: Any, told: asyncio.Queue[Any]
) -> None:
    mcp = await open_server(house, entry, http, "{concurrent: 1, max_sessions: 1}")
    async with mcp.session("user", told) as session:
        (one,) = _channels(mcp.hub)._by_session
        assert (await mcp.ask(None, "user", "GET", Mcp_Session_Id=one)).status == 409
        assert (await mcp.ask(LIST, "user", Mcp_Session_Id=one)).status == 200
        assert await names(session)
        async with newest(mcp, "user") as client:
            with pytest.raises(MCPError, match="streams open"):
                async with client.listen(tools_list_changed=True):
                    pass
    async with asyncio.timeout(5):
        while _channels(mcp.hub)._by_session:  # the client has said goodbye
            await asyncio.sleep(0.01)


async def test_a_stream_that_is_open_keeps_its_session(
    house: House, entry: Entry, http: Any, told: asyncio.Queue[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "PING_EVERY", 0.05)
    mcp = await open_server(house, entry, http)
    async with mcp.session("user", told):
        (own,) = _endpoint(mcp.hub)._sessions._by_credential.values()
        (transport,) = own.manager._server_instances.values()
        before = transport.idle_scope.deadline
        async with asyncio.timeout(5):
            while transport.idle_scope.deadline <= before:
                await asyncio.sleep(0.01)


def _channels(hub: Hub) -> Any:
    return _endpoint(hub)._channels


def _endpoint(hub: Hub) -> Any:
    view = hub.views.get("GET /mcp")
    assert view is not None
    return view.handler.__self__  # type: ignore[attr-defined]
