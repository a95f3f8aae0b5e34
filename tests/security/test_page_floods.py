"""One page, signed in, cannot use up the memory of the hub, nor keep others out for good."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from nanobot.testing.plugin import SetUp
from tests.integrations.http.conftest import Site


class Sink:
    """A socket whose other end does not read."""

    closed = False

    def __init__(self) -> None:
        self.never = asyncio.Event()

    async def send_str(self, text: str) -> None:
        await self.never.wait()

    async def close(self, **more: Any) -> None:
        self.closed = True


async def test_what_a_page_does_not_read_is_not_kept_without_end(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up("webchat")
    module: Any = sys.modules["integrations.webchat.client"]
    monkeypatch.setattr(module, "WRITE_LIMIT", 0.2)
    sink: Any = Sink()
    page: Any = module.Client(sink, None, None, "en")
    writing = asyncio.create_task(page.write())
    for _ in range(400):
        page.tell({"text": "x" * 1_000_000})
    assert page.cut
    assert sum(len(data) for data in page._queue._queue) <= module.MAX_BEHIND
    await writing
    assert sink.closed


async def test_there_is_an_end_to_open_pages(site: Site, set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    await set_up("webchat")
    monkeypatch.setattr(sys.modules["integrations.webchat.view"], "MAX_PAGES", 5)
    address, header = f"{site.url}/webchat/ws", site.bearer("user")
    pages = [await site.client.ws_connect(address, headers=header) for _ in range(5)]
    upgrade = {
        **header,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    answer = await site.get("/webchat/ws", headers=upgrade)
    assert answer.status == 429
    assert "pages are open" in await answer.text()
    await asyncio.gather(*(page.close() for page in pages))
    monkeypatch.setattr(sys.modules["integrations.webchat.view"], "MAX_OF_ONE", 2)
    mine = [await site.client.ws_connect(address, headers=header) for _ in range(2)]
    answer = await site.get("/webchat/ws", headers=upgrade)
    assert (answer.status, "you have 2 pages open" in await answer.text()) == (429, True)
    other = await site.client.ws_connect(address, headers=site.bearer("admin"))
    await asyncio.gather(*(page.close() for page in (*mine, other)))
    again = await site.client.ws_connect(address, headers=header)
    assert "status" in await again.receive_str()
    await again.close()
