"""The description of the API: it has every route, with what it takes and gives and who may use it."""

from __future__ import annotations

import re
from typing import Any

import voluptuous as vol

from nanobot.contracts.view import Access, Operation, View
from nanobot.hub.entry import Entry
from nanobot.hub.web import json_response

PUBLIC = {"/api/webhook/{webhook_id}", "/api/websocket", "/health", "/health/ready"}


async def described(api: Any) -> Any:
    answer = await api.get("/api/openapi.json", access="read")
    assert answer.status == 200
    return answer.data


async def test_every_route_below_api_is_in_it(api: Any) -> None:
    paths = (await described(api))["paths"]
    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    registered = {
        (view.method, re.sub(r"\{(\w+):[^{}]+\}", r"{\1}", view.path))
        for view in api.hub.views
        if view.path.startswith("/api/")
    }
    assert len(registered) > 30
    assert registered <= found
    assert all(view.operation is not None for view in api.hub.views if view.path.startswith("/api/"))


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
