"""A hub with the API on a free port, and a client that says exactly what a test wants it to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, DummyCookieJar
from yarl import URL

from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

CONFIG = """
http:
  port: 0
api:
input_boolean:
  lamp: {initial: false}
input_number:
  level: {min: 0, max: 10, initial: 2}
"""


@dataclass
class Answer:
    """``data`` is the parsed body, or the text of one that is no JSON."""

    status: int
    data: Any
    headers: Any


class Api:
    """``await api.get("/api/states")``; the token is an administrator's unless a test names another access."""

    def __init__(self, hub: Hub, client: ClientSession) -> None:
        self.hub = hub
        self.client = client
        self.tokens = {one.value: hub.credentials.create(one.value, one) for one in Access if one is not Access.PUBLIC}

    @property
    def url(self) -> str:
        return str(self.hub.run_info["url"])

    def headers(self, access: str = "admin") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[access]}"}

    async def ask(self, method: str, path: str, *, access: str | None = "admin", **more: Any) -> Answer:
        headers = {**(self.headers(access) if access else {}), **more.pop("headers", {})}
        url = URL(self.url + path, encoded=True)
        async with self.client.request(method, url, headers=headers, **more) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            return Answer(response.status, orjson.loads(body) if is_json else body.decode(), response.headers)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, data: Any = None, **more: Any) -> Answer:
        if data is not None:
            more["data"] = data if isinstance(data, (str, bytes)) else orjson.dumps(data)
        return await self.ask("POST", path, **more)

    async def delete(self, path: str, **more: Any) -> Answer:
        return await self.ask("DELETE", path, **more)


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as client:
        yield client


@pytest.fixture
async def api(house: House, client: ClientSession) -> Api:
    await house.start(CONFIG)
    assert not house.edits.problems, house.edits.problems
    return Api(house.hub, client)
