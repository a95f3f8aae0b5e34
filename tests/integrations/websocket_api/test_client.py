"""A client of Home Assistant that knows nothing of nanobot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import voluptuous as vol

from nanobot.contracts.service import Response
from nanobot.contracts.view import Access
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

hass_client = pytest.importorskip("hass_client")


@pytest.fixture
async def home(socket: Any) -> Any:
    """Connected, and listening."""
    home = hass_client.HomeAssistantClient(socket.url, socket.tokens[Access.ADMIN], socket.session)
    await home.connect()
    listening = asyncio.create_task(home.start_listening())
    yield home
    await home.disconnect()
    listening.cancel()


async def test_it_connects_and_reads_everything(home: Any, hub: Hub, set_up: SetUp) -> None:
    await set_up("counter", {"cups": None})
    assert home.connected
    assert home.version == "2025.4.4"
    assert (await home.get_config())["state"] == "RUNNING"
    assert "counter.cups" in {state["entity_id"] for state in await home.get_states()}
    assert "increment" in (await home.get_services())["counter"]
    assert [entry["entity_id"] for entry in await home.get_entity_registry()] == ["counter.cups"]
    assert await home.get_area_registry() == []
    assert await home.get_device_registry() == []


async def test_it_calls_services_and_follows_events_and_entities(home: Any, hub: Hub, set_up: SetUp) -> None:
    await set_up("counter", {"cups": None})
    events: asyncio.Queue[Any] = asyncio.Queue()
    changes: asyncio.Queue[Any] = asyncio.Queue()
    stop = await home.subscribe_events(events.put_nowait, "state_changed")
    await home.subscribe_entities(changes.put_nowait, ["counter.cups"])
    async with asyncio.timeout(5):
        assert (await changes.get())["a"]["counter.cups"]["s"] == "0"
        await home.call_service("counter", "increment", target={"entity_id": "counter.cups"})
        assert (await events.get())["data"]["new_state"]["state"] == "1"
        assert (await changes.get())["c"]["counter.cups"]["+"]["s"] == "1"
    stop()


async def test_it_gets_responses_and_errors(home: Any, entry: Entry) -> None:
    entry.service("ask", lambda call: {"answer": 42}, vol.Schema({}), response=Response.ONLY)
    result = await home.send_command("call_service", domain="test", service="ask", return_response=True)
    assert result["response"] == {"answer": 42}
    with pytest.raises(hass_client.exceptions.FailedCommand):
        await home.call_service("no", "such")


async def test_it_is_told_that_its_token_is_wrong(socket: Any) -> None:
    home = hass_client.HomeAssistantClient(socket.url, "wrong", socket.session)
    with pytest.raises(hass_client.exceptions.AuthenticationFailed):
        await home.connect()
