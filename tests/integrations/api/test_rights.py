"""Tokens for some services, events and entities over REST, and what ends an open stream."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from aiohttp import ClientError

from nanobot.contracts.view import Access
from nanobot.storage.credentials import Scope


@pytest.fixture
def narrow(api: Any) -> Any:
    """A token with these lists, under the name of the access it stands for."""

    def make(access: Access = Access.ADMIN, **lists: tuple[str, ...]) -> str:
        api.tokens["narrow"] = api.hub.credentials.create("narrow", access, scope=Scope(**lists))
        return "narrow"

    return make


@pytest.mark.parametrize("lists", [{"services": ("*",)}, {"events": ("*",)}, {"entities": ("*",)}])
async def test_a_narrow_token_opens_only_what_knows_its_limits(api: Any, narrow: Any, lists: Any) -> None:
    access = narrow(**lists)
    closed = [view for view in api.hub.views if view.access is not Access.PUBLIC and not view.scoped]
    assert {"POST /api/template", "GET /api/error_log", "POST /api/states/{entity_id}", "GET /api/logbook"} <= {
        view.key for view in closed
    }
    for view in closed:
        path = view.path.replace("{entity_id}", "light.a").split("{")[0]
        if "{" not in view.path or "{entity_id}" in view.path:
            assert (await api.ask(view.method, path, access=access)).status == 403, view.key


async def test_entities_that_are_not_on_the_list_are_not_there(api: Any, narrow: Any) -> None:
    access = narrow(Access.USER, entities=("input_boolean.*",))
    assert [one["entity_id"] for one in (await api.get("/api/states", access=access)).data] == ["input_boolean.lamp"]
    assert (await api.get("/api/states/input_boolean.lamp", access=access)).status == 200
    assert (await api.get("/api/states/input_number.level", access=access)).status == 404
    for data, status in (
        ({"entity_id": "input_boolean.lamp"}, 200),
        ({"entity_id": "all"}, 403),
        ({"entity_id": ["input_boolean.lamp", "input_number.level"]}, 403),
        ({}, 403),
    ):
        assert (await api.post("/api/services/input_boolean/toggle", data, access=access)).status == status, data
    history = await api.get("/api/history/period?filter_entity_id=input_number.level", access=access)
    assert (history.status, history.data) == (200, [])


async def test_services_and_events_that_are_not_on_the_list_are_refused(api: Any, narrow: Any) -> None:
    access = narrow(services=("input_boolean.turn_on",), events=("my_*",))
    [domain] = (await api.get("/api/services", access=access)).data
    assert (domain["domain"], list(domain["services"])) == ("input_boolean", ["turn_on"])
    lamp = {"entity_id": "input_boolean.lamp"}
    assert (await api.post("/api/services/input_boolean/turn_on", lamp, access=access)).status == 200
    assert (await api.post("/api/services/input_boolean/turn_off", lamp, access=access)).status == 403
    assert (await api.post("/api/services/INPUT_BOOLEAN/Turn_Off", lamp, access=access)).status == 403
    assert (await api.post("/api/events/my_button", {}, access=access)).status == 200
    assert (await api.post("/api/events/other", {}, access=access)).status == 403


async def test_a_stream_tells_what_the_lists_allow_and_ends_with_its_token(api: Any, narrow: Any) -> None:
    headers = api.headers(narrow(events=("my_*",)))
    async with api.client.get(f"{api.url}/api/stream", headers=headers) as stream:
        assert (await stream.content.readline()) == b"data: ping\n"
        api.hub.bus.fire("other", {})
        api.hub.bus.fire("my_button", {})
        await stream.content.readline()
        assert b'"my_button"' in await stream.content.readline()
        await asyncio.to_thread(api.hub.credentials.revoke, "narrow")
        async with asyncio.timeout(1.0):
            with contextlib.suppress(ClientError):
                while await stream.content.readline():
                    pass
