"""What Telegram may answer besides messages: errors, limits, another poller, a refused token."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import pytest
from aiohttp import ClientSession

from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.integrations.telegram.conftest import ANNA, TOKEN, Listener, Platform, Telegram, configured, state
from tests.integrations.telegram.line import Line


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 500}, "Fault"),
        ({"status": 502, "body": "<html><h1>502 Bad Gateway</h1></html>"}, "Bad Gateway (502)"),
        ({"status": 503, "body": ""}, "Service Unavailable (503)"),
        ({"status": 400, "description": "Bad Request: nonsense"}, "Nonsense"),
        ({"status": 403, "description": "Forbidden"}, "Forbidden"),
        ({"drop": True}, "the connection broke off"),
    ],
    ids=["500", "502", "503", "400", "403", "dropped"],
)
@pytest.mark.parametrize("method", ["getMe", "getUpdates"])
async def test_an_error_of_telegram_is_said_and_passes(
    platform: Platform, house: House, agent: Listener, method: str, fault: dict[str, Any], words: str
) -> None:
    await platform.fault(method, times=3, **fault)
    await house.start(configured(platform.base_url))
    error = await state(house.hub, EntryState.RETRYING)
    assert error.startswith(f"Telegram cannot be reached: {words}")
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]
    await state(house.hub, EntryState.LOADED)


@pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")  # the library, of its own error
async def test_telegram_is_left_alone_as_long_as_it_wants(telegram: Telegram, platform: Platform, hub: Hub) -> None:
    await telegram()
    await platform.tell("polled")
    await platform.fault("getUpdates", times=1, status=429, retry_after=2, description="Too Many Requests")
    assert await state(hub, EntryState.RETRYING) == "Telegram wants to be left alone for 2 s"
    begun = asyncio.get_running_loop().time()
    await platform.tell("polled")
    assert 1.5 < asyncio.get_running_loop().time() - begun < 4
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]


async def test_two_who_ask_for_the_same_messages(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub
) -> None:
    await telegram()
    await platform.tell("polled")

    async def ask() -> None:
        async with ClientSession() as client:
            while True:
                async with client.get(f"{platform.base_url}{TOKEN}/getUpdates?timeout=1") as answer:
                    await answer.read()
                await asyncio.sleep(0.1)

    other = asyncio.create_task(ask())
    try:
        error = await state(hub, EntryState.RETRYING)
        assert error == (
            "another program receives the messages of this bot. Stop it, or give one of the two a bot of its own; when"
            " the other one has stopped, it goes on by itself"
        )
        await asyncio.sleep(0.5)
        assert hub.entries["telegram"].state is EntryState.RETRYING
    finally:
        other.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await other
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]
    await state(hub, EntryState.LOADED)


async def test_a_webhook_is_deleted_once_and_what_waits_comes(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    async def set_webhook() -> None:
        async with ClientSession() as client:
            await client.post(f"{platform.base_url}{TOKEN}/setWebhook", json={"url": "http://127.0.0.1:9/hook"})

    await set_webhook()
    await platform.writes("hello")
    await telegram()
    assert await platform.reads() == ["you said hello"]
    assert "a webhook was set for this bot; it was deleted" in caplog.text
    await set_webhook()
    error = await state(hub, EntryState.RETRYING)
    assert error.startswith("another program keeps setting a webhook for this bot")


async def test_a_wrong_token_waits_for_an_edit(
    platform: Platform, house: House, agent: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start(configured(platform.base_url, "1000:WRONG"))
    error = await state(house.hub, EntryState.FAILED)
    assert error == (
        "Telegram refused the token, or 'base_url' leads to something else than a Bot API server. Copy it again from"
        " @BotFather, or have it make a new one"
    )
    assert "WRONG" not in caplog.text
    await platform.writes("hello")
    await house.apply(configured(platform.base_url))
    assert await platform.reads() == ["you said hello"]
    assert house.entry("telegram").state is EntryState.LOADED


@pytest.mark.parametrize("status", [401, 404])
@pytest.mark.parametrize("method", ["getMe", "getUpdates"])
async def test_a_proxy_that_knows_no_bots_is_no_wrong_token(
    platform: Platform, house: House, agent: Listener, method: str, status: int
) -> None:
    await platform.fault(method, times=2, status=status, body="<html>nginx</html>")
    await house.start(configured(platform.base_url))
    assert f"({status})" in await state(house.hub, EntryState.RETRYING)
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]


async def test_a_token_that_is_revoked_is_said(telegram: Telegram, platform: Platform, hub: Hub) -> None:
    await telegram()
    await platform.fault("getUpdates", times=1, status=401, description="Unauthorized")
    assert (await state(hub, EntryState.FAILED)).startswith("Telegram refused the token")
    assert hub.issues.get("telegram.auth_failed") is not None


async def test_the_token_is_nowhere_to_be_read(
    telegram: Telegram,
    platform: Platform,
    agent: Listener,
    hub: Hub,
    line: Line,
    states: list[tuple[str, str | None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "telegram", "nanobot"):
        caplog.set_level(logging.DEBUG, name)
    entry = await telegram(base_url=line.base_url)
    entry.data.intake.downloads.limit = 1
    for method in ("getUpdates", "getFile", "file", "sendMessage"):
        await platform.fault(method, times=1, status=502, body=f"bot{TOKEN} <html>")
        await platform.fault(method, times=1, status=400, description=f"no /bot{TOKEN}/x")
        await platform.fault(method, times=1, drop=True)
    await platform.sends("document", b"abc", name="a.txt")
    await platform.writes("hello")
    await line.cut()
    await state(hub, EntryState.RETRYING)
    await line.restore()
    await asyncio.sleep(0.5)
    await hub.conversations.send("telegram", str(ANNA), "hello")
    await telegram(base_url=line.base_url, poll_timeout=2)
    await agent.until(1)
    await platform.reads(1)
    assert "HTTP Request: POST" in caplog.text
    assert TOKEN not in caplog.text
    assert TOKEN.partition(":")[2] not in caplog.text
    told = [*states, *(issue.text() for issue in hub.issues), *(s.as_dict() for s in hub.states), vars(entry)["error"]]
    assert TOKEN not in repr(told)
    assert len(states) > 2
