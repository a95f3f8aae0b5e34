"""The description of the API: it has every route, with what it takes and gives and who may use it."""

from __future__ import annotations

import re
from typing import Any

import voluptuous as vol
from aiohttp import ClientSession

from nanobot.contracts.view import Access, Operation, View
from nanobot.hub.entry import Entry
from nanobot.hub.web import json_response
from nanobot.testing.plugin import House
from tests.integrations.api.conftest import Api
from tests.integrations.api.undescribed import NOT_DESCRIBED, undescribed

PUBLIC = {
    "/api/webhook/{webhook_id}",
    "/api/websocket",
    "/auth/authorize",
    "/auth/claim",
    "/auth/login",
    "/auth/login_flow",
    "/auth/login_flow/{flow_id}",
    "/auth/logout",
    "/auth/providers",
    "/auth/revoke",
    "/auth/texts",
    "/auth/token",
    "/health",
    "/health/ready",
}


async def described(api: Any) -> Any:
    answer = await api.get("/api/openapi.json", access="read")
    assert answer.status == 200
    return answer.data


async def test_every_route_is_in_it_or_left_out_for_a_reason(house: House, client: ClientSession) -> None:
    keys = ("api", "webchat", "openai_api", "mcp_server")
    await house.start("http:\n  port: 0\n" + "".join(f"{key}:\n" for key in keys))
    api = Api(house.hub, client)
    paths = (await described(api))["paths"]
    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    told = [view for view in api.hub.views if view.key not in NOT_DESCRIBED]
    assert {(view.method, re.sub(r"\{(\w+):[^{}]+\}", r"{\1}", view.path)) for view in told} == found
    assert undescribed(api.hub.views) == set(NOT_DESCRIBED)
    assert {"/v1/chat/completions", "/auth/token", "/auth/login_flow/{flow_id}", "/health"} <= set(paths)


async def test_failures_are_described_as_the_route_tells_them(house: House, client: ClientSession) -> None:
    await house.start("http:\n  port: 0\napi:\nopenai_api:\n")
    api = Api(house.hub, client)
    paths = (await described(api))["paths"]
    for status in ("400", "401", "429"):
        [failure] = paths["/v1/chat/completions"]["post"]["responses"][status]["content"].values()
        assert failure["schema"]["required"] == ["error"], status
    answer = paths["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    assert set(answer) == {"application/json", "text/event-stream"}
    taken = paths["/auth/token"]["post"]["requestBody"]["content"]
    assert set(taken) == {"application/x-www-form-urlencoded", "multipart/form-data"}


async def test_whoever_wants_it_needs_a_token(api: Any) -> None:
    assert (await api.get("/api/openapi.json", access=None)).status == 401


async def test_it_says_who_may_use_a_route(api: Any) -> None:
    document = await described(api)
    assert document["openapi"].startswith("3.1")
    operations = [(path, one) for path, methods in document["paths"].items() for one in methods.values()]
    assert {path for path, operation in operations if operation.get("security") == []} == PUBLIC
    assert document["paths"]["/api/states/{entity_id}"]["post"]["x-access"] == "admin"
    assert document["paths"]["/api/states/{entity_id}"]["get"]["x-access"] == "read"
    assert len({operation["operationId"] for _, operation in operations}) == len(operations)


async def test_whatever_it_refers_to_is_there(api: Any) -> None:
    document = await described(api)
    shapes = set(document["components"]["schemas"])
    used = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert used == shapes


async def test_path_query_and_body_are_described(api: Any) -> None:
    paths = (await described(api))["paths"]
    history = {one["name"]: one for one in paths["/api/history/period/{datetime}"]["get"]["parameters"]}
    assert history["datetime"]["in"] == "path"
    assert history["filter_entity_id"]["required"] is True
    assert history["end_time"]["required"] is False
    said = paths["/api/conversation/process"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert said["required"] == ["text"]
    assert said["properties"]["conversation_id"]["anyOf"]


async def test_a_route_of_an_integration_is_in_it_while_it_is_there(api: Any, entry: Entry) -> None:
    async def brew(request: Any) -> Any:
        """Brew a cup.

        Not more.
        """
        return json_response({})

    body = vol.Schema({vol.Required("cups"): vol.All(int, vol.Range(min=1))})
    plain = entry.add(View("GET", "/api/brew/{kind:.*}", Access.READ, brew))
    entry.add(View("POST", "/brew", Access.USER, brew, operation=Operation(summary="Brew", body=body)))
    paths = (await described(api))["paths"]
    assert paths["/api/brew/{kind}"]["get"]["summary"] == "Brew a cup"
    taken = paths["/brew"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert taken["properties"]["cups"] == {"type": "integer", "minimum": 1}
    plain()
    assert "/api/brew/{kind}" not in (await described(api))["paths"]
