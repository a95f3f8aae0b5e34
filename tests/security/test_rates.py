"""A token that asks without an end is slowed down, on every way in, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from nanobot.testing.plugin import House

CONFIG = """
http:
  port: 0
  rate_limit: {per_second: %s, burst: %s}
api:
openai_api:
mcp_server:
"""


class Ways:
    """One hub with every way in, and two tokens."""

    def __init__(self, house: House, session: ClientSession) -> None:
        self.house = house
        self.session = session
        self.tokens = {name: house.hub.credentials.create(name) for name in ("flood", "other")}

    @property
    def url(self) -> str:
        return str(self.house.hub.run_info["url"])

    async def ask(self, method: str, path: str, who: str = "flood", body: Any = None) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Content-Type": "application/json"}
        data = None if body is None else orjson.dumps(body)
        async with self.session.request(method, self.url + path, headers=headers, data=data) as response:
            return response.status, response.headers, await response.text()

    async def sign_in(self, who: str = "flood") -> ClientWebSocketResponse:
        socket = await self.session.ws_connect(f"{self.url}/api/websocket")
        await socket.send_json({"type": "auth", "access_token": self.tokens[who]})
        assert [(await socket.receive_json())["type"] for _ in range(2)] == ["auth_required", "auth_ok"]
        return socket


async def opened(house: House, session: ClientSession, per_second: float, burst: int) -> Ways:
    await house.start(CONFIG % (per_second, burst))
    return Ways(house, session)


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/api/states", "429: Too Many Requests: too many requests; try again in"),
        ("GET", "/v1/models", '"code":"rate_limit_exceeded"'),
        ("POST", "/mcp", '"jsonrpc":"2.0"'),
        ("GET", "/auth/me", "too many requests; try again in"),
    ],
    ids=["rest", "openai", "mcp", "page"],
)
async def test_one_limit_holds_on_every_way_in(house: House, method: str, path: str, told: str) -> None:
    async with ClientSession() as session:
        ways = await opened(house, session, 0.1, 3)
        statuses = [(await ways.ask("GET", "/api/"))[0] for _ in range(3)]
        assert statuses == [200] * 3
        status, headers, text = await ways.ask(method, path)
        assert status == 429
        assert 1 <= int(headers["Retry-After"]) <= 10
        assert told in text
        assert (await ways.ask("GET", "/api/", "other"))[0] == 200


async def test_without_a_token_the_address_counts(house: House) -> None:
    async with ClientSession() as session:
        ways = await opened(house, session, 0.1, 3)
        statuses = []
        for _ in range(4):
            async with session.post(f"{ways.url}/api/webhook/made-up") as response:
                statuses.append(response.status)
        assert statuses == [200, 200, 200, 429]
        assert (await ways.ask("GET", "/api/"))[0] == 200


async def test_a_socket_that_asks_too_often_is_told_so_and_heard_again_later(house: House) -> None:
    async with ClientSession() as session:
        ways = await opened(house, session, 10, 5)
        socket = await ways.sign_in()  # the way in is the first request, the token the second
        for number in range(1, 9):
            await socket.send_json({"id": number, "type": "ping"})
        async with asyncio.timeout(10):
            answers = [await socket.receive_json() for _ in range(8)]
        late = [answer for answer in answers if answer["type"] == "result"]
        assert late
        assert all(answer["error"]["code"] == "too_many_requests" for answer in late)
        assert {answer["id"] for answer in answers} == set(range(1, 9))
        await asyncio.sleep(0.6)
        await socket.send_json({"id": 10, "type": "ping"})
        assert await socket.receive_json() == {"id": 10, "type": "pong"}
        await socket.close()


async def test_a_socket_that_floods_leaves_the_others_alone(house: House) -> None:
    async with ClientSession() as session:
        ways = await opened(house, session, 200, 500)
        flood, other = await ways.sign_in(), await ways.sign_in("other")

        async def write() -> None:
            """As fast as the hub reads; nothing of the answers is read."""
            number = 0
            with contextlib.suppress(ConnectionError):
                while True:
                    await flood.send_json([{"id": (number := number + 1), "type": "get_services"} for _ in range(200)])

        writing = asyncio.create_task(write())
        loop = asyncio.get_running_loop()
        waits = []
        for number in range(1, 101):
            began = loop.time()
            await other.send_json({"id": number, "type": "ping"})
            async with asyncio.timeout(10):
                await other.receive_json()
            waits.append(loop.time() - began)
            await asyncio.sleep(0.01)
        writing.cancel()
        assert sorted(waits)[90] < 0.1
        assert (await ways.ask("GET", "/api/", "other"))[0] == 200
        await other.close()
        assert flood._response.connection is not None
        assert isinstance(flood._response.connection.transport, asyncio.Transport)
        flood._response.connection.transport.abort()  # it has more to write than the hub reads in a while


async def test_an_edit_changes_the_limit_without_cutting_anybody_off(house: House) -> None:
    async with ClientSession() as session:
        ways = await opened(house, session, 0.1, 1)
        assert [(await ways.ask("GET", "/api/"))[0] for _ in range(2)] == [200, 429]
        url = ways.url
        await house.apply(CONFIG.replace("port: 0", f"port: {url.rpartition(':')[2]}") % (1000, 1000))
        assert [(await ways.ask("GET", "/api/"))[0] for _ in range(50)] == [200] * 50


async def test_by_default_no_client_meets_it(house: House) -> None:
    async with ClientSession() as session:
        await house.start("http: {port: 0}\napi:\n")
        ways = Ways(house, session)
        socket = await ways.sign_in()
        for start in range(0, 5000, 500):
            for number in range(start + 1, start + 501):
                await socket.send_json({"id": number, "type": "ping"})
            for _ in range(500):
                assert (await socket.receive_json())["type"] == "pong"
        await socket.close()
