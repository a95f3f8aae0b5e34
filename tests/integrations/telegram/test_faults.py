"""The line to Telegram gone, hung or broken: the channel says so, recovers by itself, and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.telegram.connection import Connection
from integrations.telegram.polling import Poller
from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.util.backoff import Backoff
from tests.integrations.telegram.conftest import (
    ANNA,
    BERT,
    TOKEN,
    Listener,
    Platform,
    Telegram,
    configured,
    settled,
    state,
)
from tests.integrations.telegram.line import Line
from tests.servers.running import Server, running


@pytest.fixture
def server() -> Iterator[Server]:
    """One of its own for each test: it is stopped and frozen."""
    with running("telegram", "--token", TOKEN) as server:
        yield server


async def test_a_network_that_is_gone_and_comes_back_loses_nothing(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub, line: Line
) -> None:
    await telegram(base_url=line.base_url)
    await platform.writes("before")
    await settled(platform, hub)
    await line.cut()
    error = await state(hub, EntryState.RETRYING)
    assert error.startswith("Telegram cannot be reached: ")
    for number in range(2):
        await platform.writes(str(number))
        await hub.conversations.send("telegram", str(ANNA), f"waits {number}")
    assert await platform.reads(2, timeout=0.5) == ["you said before"]
    await line.restore()
    await state(hub, EntryState.LOADED)
    texts = await platform.reads(5)
    assert [text for text in texts if text.startswith("waits")] == ["waits 0", "waits 1"]
    assert [text for text in texts if text.startswith("you")] == [f"you said {n}" for n in ("before", 0, 1)]
    assert await platform.unread() == []
    assert len(agent.turns) == 3


async def test_replies_go_out_as_soon_as_telegram_is_back(
    telegram: Telegram, platform: Platform, hub: Hub, line: Line
) -> None:
    hub.conversations.delivery.backoff = Backoff(first=60)
    await telegram(base_url=line.base_url, allow=[], pairing=False)
    for chat in (ANNA, BERT):
        await platform.writes("I am here", chat=chat)
    await platform.unread()
    await line.cut()
    await state(hub, EntryState.RETRYING)
    for chat in (ANNA, BERT):
        waits = await hub.conversations.send("telegram", str(chat), "good morning")
        assert not await hub.conversations.delivered(waits, 0.2)
    await line.restore()
    for chat in (ANNA, BERT):
        assert await platform.reads(chat=chat, timeout=5) == ["good morning"]


async def test_nanobot_starts_without_telegram_and_replies_wait(
    platform: Platform, house: House, agent: Listener, line: Line
) -> None:
    hub = house.hub
    address = line.base_url
    await line.cut()
    await house.start(configured(address))
    assert not house.edits.problems
    assert "no connection" in await state(hub, EntryState.RETRYING)
    assert hub.channels.get("telegram") is not None
    await platform.writes("hello")
    await hub.conversations.send("telegram", str(ANNA), "good morning")
    await line.restore()
    await state(hub, EntryState.LOADED)
    assert sorted(await platform.reads(2)) == ["good morning", "you said hello"]


async def test_a_line_that_hangs_is_noticed_and_the_state_does_not_flicker(
    telegram: Telegram, platform: Platform, hub: Hub, line: Line, states: list[tuple[str, str | None]]
) -> None:
    await telegram(base_url=line.base_url)
    await platform.writes("before")
    await settled(platform, hub)
    line.hold()
    await platform.writes("while it hangs")
    assert await state(hub, EntryState.RETRYING) == "Telegram cannot be reached: no answer in time"
    states.clear()
    await asyncio.sleep(2)
    assert states == []
    line.drop()
    await line.restore()
    await state(hub, EntryState.LOADED)
    assert await platform.reads(2) == ["you said before", "you said while it hangs"]


async def test_a_server_that_freezes_and_thaws(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub, server: Server
) -> None:
    await telegram()
    await platform.writes("before")
    await settled(platform, hub)
    server.freeze()
    try:
        await state(hub, EntryState.RETRYING)
    finally:
        server.thaw()
    await platform.writes("after")
    await state(hub, EntryState.LOADED)
    assert await platform.reads(2) == ["you said before", "you said after"]
    assert agent.heard == ["before", "after"]


async def test_a_server_that_restarts(telegram: Telegram, platform: Platform, agent: Listener, server: Server) -> None:
    agent.answers = False
    await telegram()
    for number in range(60):
        await platform.writes(str(number))
        if number in (20, 40):
            server.restart()
    assert await platform.unread() == []
    await agent.until(60)
    # a message that was written just when the server stopped, the test has written again
    assert list(dict.fromkeys(agent.heard)) == [str(number) for number in range(60)]


async def test_connections_that_break_off(telegram: Telegram, platform: Platform, agent: Listener, line: Line) -> None:
    agent.answers = False
    await telegram(base_url=line.base_url)
    for number in range(20):
        await platform.writes(str(number))
        line.drop()
        await asyncio.sleep(0.02)
    assert await platform.unread() == []
    await agent.until(20)
    assert agent.heard == [str(number) for number in range(20)]


async def test_a_poll_that_hangs_without_any_timeout_is_given_up(
    telegram: Telegram, platform: Platform, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates, asked = Connection.updates, 0

    async def hangs_once(*arguments: Any) -> list[Any]:
        nonlocal asked
        asked += 1
        if asked == 2:
            await asyncio.Event().wait()
        return await updates(*arguments)

    monkeypatch.setattr(Connection, "updates", hangs_once)
    monkeypatch.setattr("integrations.telegram.channel.SILENCE", 0.5)
    await telegram()
    assert await state(hub, EntryState.RETRYING) == "no sign of life for 1.5 s"
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]


async def test_a_poll_that_ends_is_begun_again(
    platform: Platform, house: House, agent: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ended = Poller.run, 0

    async def ends_once(*arguments: Any) -> None:
        nonlocal ended
        ended += 1
        if ended > 1:
            await run(*arguments)

    monkeypatch.setattr(Poller, "run", ends_once)
    await house.start(configured(platform.base_url))
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]
    assert ended == 2
    await state(house.hub, EntryState.LOADED)
