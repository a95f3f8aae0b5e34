"""Notices: services and events, as Home Assistant 2025.4 has them, and what clients of the socket are told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession

from nanobot.contracts.view import Access
from nanobot.errors import InvalidServiceData
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House, SetUp


def up(hub: Hub) -> list[dict[str, Any]]:
    found = hub.socket_commands.get("persistent_notification/get")
    assert found is not None
    return list(found.handler(None))  # type: ignore[arg-type]


async def call(hub: Hub, service: str, **data: Any) -> None:
    await hub.services.call("persistent_notification", service, data)


@pytest.fixture
async def notices(hub: Hub, set_up: SetUp) -> Hub:
    await set_up("persistent_notification")
    return hub


async def test_a_notice_is_listed_until_it_is_dismissed(notices: Hub) -> None:
    await call(notices, "create", message="Tea", title="Kitchen", notification_id="tea")
    await call(notices, "create", message=5)
    first, second = up(notices)
    assert isinstance(first.pop("created_at"), datetime)
    assert first == {"message": "Tea", "title": "Kitchen", "notification_id": "tea"}
    assert (second["message"], second["title"], len(second["notification_id"])) == ("5", None, 32)
    await call(notices, "dismiss", notification_id="tea")
    await call(notices, "dismiss", notification_id="never there")
    assert up(notices) == [second]
    await call(notices, "dismiss_all")
    assert up(notices) == []


async def test_the_same_id_again_replaces_it(notices: Hub) -> None:
    await call(notices, "create", message="one", notification_id="x")
    await call(notices, "create", message="two", notification_id="x")
    assert [one["message"] for one in up(notices)] == ["two"]


async def test_events_carry_the_notice_and_the_cause(notices: Hub) -> None:
    told: list[tuple[str, str, Context | None]] = []
    notices.bus.listen(
        "persistent_notification",
        lambda event: told.append((event.data["update_type"], event.data["notification"]["message"], event.context)),
    )
    cause = Context(actor="user")
    services = notices.services
    for message in ("one", "two"):
        await services.call("persistent_notification", "create", {"message": message, "notification_id": "x"},
                            context=cause)  # fmt: skip
    await services.call("persistent_notification", "dismiss_all", context=cause)
    assert told == [("added", "one", cause), ("added", "two", cause), ("removed", "two", cause)]


async def test_a_client_of_the_socket_is_told_what_is_up_and_then_each_change(notices: Hub, set_up: SetUp) -> None:
    http = await set_up("http", {"port": 0})
    await set_up("websocket_api")
    token = notices.credentials.create("reader", Access.READ)
    await call(notices, "create", message="old", title="T", notification_id="a")
    async with (
        asyncio.timeout(10),
        ClientSession() as session,
        session.ws_connect(f"{http.data.url}/api/websocket") as socket,
    ):
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        await socket.receive_json()
        await socket.send_json({"id": 1, "type": "persistent_notification/get"})
        (listed,) = (await socket.receive_json())["result"]
        await socket.send_json({"id": 2, "type": "persistent_notification/subscribe"})
        answers = [await socket.receive_json() for _ in range(2)]
        await call(notices, "create", message="new", notification_id="b")
        answers.append(await socket.receive_json())
        await call(notices, "dismiss", notification_id="a")
        answers.append(await socket.receive_json())
    created_at = datetime.fromisoformat(listed.pop("created_at"))
    assert created_at.timestamp() == pytest.approx(notices.clock.time(), abs=10)
    assert listed == {"message": "old", "title": "T", "notification_id": "a"}
    assert answers[0]["success"]
    told = [(one["event"]["type"], list(one["event"]["notifications"])) for one in answers[1:]]
    assert told == [("current", ["a"]), ("added", ["b"]), ("removed", ["a"])]


async def test_a_loop_fills_no_memory(notices: Hub) -> None:
    for number in range(1003):
        await call(notices, "create", message=str(number))
    assert [one["message"] for one in up(notices)][:1] == ["3"]
    assert len(up(notices)) == 1000


@pytest.mark.parametrize("data", [{}, {"message": ["a"]}, {"message": "a", "titel": "b"}])
async def test_what_create_does_not_take(notices: Hub, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidServiceData):
        await call(notices, "create", **data)


async def test_they_are_there_with_the_api_and_by_default(house: House) -> None:
    house.hub.port_override = 0
    for text in ("api:\n", "notify:\n"):
        await house.apply(text)
        assert house.hub.services.has("persistent_notification", "create"), text


async def test_an_automation_follows_them(house: House) -> None:
    await house.start(
        "persistent_notification:\n"
        "automation:\n"
        "  - alias: a\n"
        "    triggers: [{trigger: persistent_notification, update_type: added, notification_id: tea}]\n"
        "    actions:\n"
        "      - event: seen\n"
        "        event_data:\n"
        "          message: '{{ trigger.notification.message }}'\n"
        "          year: '{{ trigger.notification.created_at.year }}'\n"
    )
    seen: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
    house.hub.bus.listen("seen", lambda event: seen.set_result(event.data))
    await call(house.hub, "create", message="other")
    await call(house.hub, "create", message="ready", notification_id="tea")
    async with asyncio.timeout(10):
        assert await seen == {"message": "ready", "year": datetime.now(UTC).year}
