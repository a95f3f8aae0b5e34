"""What goes to browsers of a failure: sentences without secrets, without paths, and nothing to run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, web

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.view import Access, View
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry, EntryState
from nanobot.testing.plugin import SetUp
from tests.integrations.http.conftest import Site

CANARY = "c4n4ry-of-the-page"


async def page(site: Site, client: ClientSession, **headers: str) -> Any:
    return await client.ws_connect(f"{site.url}/webchat/ws", headers={**site.bearer("user"), **headers})


async def test_the_pages_status_tells_no_secret(site: Site, set_up: SetUp, entry: Entry) -> None:
    await set_up("webchat")
    site.hub.scrubber.add(CANARY)
    entry.turn(EntryState.FAILED, f"401 for {CANARY}")
    site.hub.issues.create("test.x", "issues.setup_failed", entry="test", name="test", error=f"401 for {CANARY}")
    socket = await page(site, site.client)
    status = await socket.receive_str()
    assert "401 for" in status
    assert CANARY not in status
    state = site.hub.states.get("integration.test")
    assert state is not None
    assert CANARY not in str(state.attributes)
    await socket.close()


@pytest.mark.parametrize("error", [NanobotError(f"no {CANARY}"), RuntimeError(f"no {CANARY}")], ids=["told", "crash"])
async def test_an_answer_of_a_view_that_fails_tells_no_secret(site: Site, entry: Entry, error: Exception) -> None:
    site.hub.scrubber.add(CANARY)

    async def fails(request: web.Request) -> web.Response:
        raise error

    entry.add(View("GET", "/fails", Access.READ, fails))
    answer = await site.get("/fails", headers=site.bearer("read"))
    text = await answer.text()
    assert answer.status in (400, 500)
    assert CANARY not in text
    assert ".py" not in text


class Rude(Agent):
    """Says what it is given."""

    rank = 1000

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        yield Text("<img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](https://evil.example/leak.png)")


async def test_what_is_said_is_sent_as_data_and_the_page_may_run_nothing_of_it(
    site: Site, set_up: SetUp, entry: Entry
) -> None:
    await set_up("webchat")
    entry.add(Rude("rude"))
    answer = await site.get("/", headers=site.bearer("user"))
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "img-src 'self' data:" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "origin",
    ["null", "https://evil.example", "http://127.0.0.1.evil.example", "http://localhost:1", "file://", "", "http://"],
)
async def test_a_foreign_page_opens_no_socket_even_with_a_good_cookie(site: Site, set_up: SetUp, origin: str) -> None:
    await set_up("webchat")
    cookies = await site.session()
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    answer = await site.get("/webchat/ws", headers={**upgrade, "Origin": origin}, cookies=cookies)
    assert answer.status == 403


@pytest.mark.parametrize(
    "frame", ["x" * 600_000, "[]", "{}", "1", '{"type": "message"}', '{"type": ["open"]}', "{" * 9999]
)
async def test_a_frame_that_is_none_ends_that_page_alone(site: Site, set_up: SetUp, frame: str) -> None:
    await set_up("webchat")
    good, bad = await page(site, site.client), await page(site, site.client)
    await bad.send_str(frame)
    async for message in bad:
        assert message.type is WSMsgType.TEXT
    assert bad.closed
    await good.send_str('{"type": "ping"}')
    async with asyncio.timeout(10):
        while "pong" not in await good.receive_str():
            pass  # the page is told of other things as well, whenever they change
    await good.close()


async def test_one_who_may_only_chat_can_neither_restart_nor_repair(site: Site, set_up: SetUp) -> None:
    await set_up("webchat")
    socket = await page(site, site.client)
    await socket.receive()
    for frame in ('{"type": "restart", "entry": "webchat"}', '{"type": "fix", "issue": "x"}'):
        await socket.send_str(frame)
        assert "admin" in await socket.receive_str()
    await socket.close()
