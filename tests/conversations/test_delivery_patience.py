"""A platform that asks for time gets it, for that chat; the others go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.channel import Outgoing, Receipt
from nanobot.conversations import delivery
from nanobot.errors import NotReady
from tests.conversations.talk import Door, Talk

SOON = 0.3  # s, long against the backoff of these tests (0.05 s at most)


class Strict(Door):
    """Notes when each send is tried."""

    def __init__(self, *script: BaseException | asyncio.Event | None) -> None:
        super().__init__(*script)
        self.times: dict[str, list[float]] = {}

    async def send(self, message: Outgoing) -> Receipt:
        self.times.setdefault(message.chat, []).append(asyncio.get_running_loop().time())
        return await super().send(message)

    def pause(self, chat: str) -> float:
        """Seconds between the first two tries in a chat."""
        return self.times[chat][1] - self.times[chat][0]


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config", chat=False) as talk:
        yield talk


async def test_a_chat_waits_as_long_as_the_platform_asks_and_others_go_on(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    door = Strict(NotReady("too many requests", retry_after=SOON))
    talk.add(door)
    with caplog.at_level(logging.WARNING):
        await talk.conversations.send("door", "limited", "one")
        await door.until_tried(1)
        await talk.conversations.send("door", "limited", "two")
        for number in range(5):
            await talk.conversations.send("door", "free", str(number))
        await door.wait_for(5)
        assert [message.chat for message in door.sent] == ["free"] * 5
        await door.wait_for(7)
    assert door.received[5:] == ["one", "two"]
    assert door.pause("limited") >= SOON
    assert not any(message.repeated for message in door.sent)
    assert "a message to limited waits: too many requests; trying again in 0 s, as the platform asks" in caplog.text


async def test_a_success_elsewhere_or_a_reload_does_not_end_the_wait(talk: Talk) -> None:
    door = Strict(NotReady("too many requests", retry_after=SOON), NotReady("a hiccup"))
    talk.add(door)
    await talk.conversations.send("door", "limited", "one")
    await door.until_tried(1)
    await talk.conversations.send("door", "other", "fails once, then works, which wakes whoever waits")
    await door.wait_for(1)
    await talk.remove("door")
    again = Strict()
    talk.add(again)
    await again.wait_for(1)
    assert again.times["limited"][0] - door.times["limited"][0] >= SOON


async def test_the_longer_of_both_counts_where_nanobot_itself_would_wait_longer(talk: Talk) -> None:
    talk.conversations.delivery.backoff = type(talk.conversations.backoff)(first=SOON, limit=SOON, jitter=0)
    door = Strict(NotReady("soon", retry_after=0.01))
    talk.add(door)
    await talk.conversations.send("door", "1", "one")
    await door.wait_for(1)
    assert door.pause("1") >= SOON


async def test_a_platform_cannot_ask_for_more_than_an_hour(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert delivery.MOST_PATIENCE == 3600
    monkeypatch.setattr(delivery, "MOST_PATIENCE", SOON)
    door = Strict(NotReady("come back next year", retry_after=1e9))
    talk.add(door)
    await talk.conversations.send("door", "1", "one")
    async with asyncio.timeout(5):
        await door.wait_for(1)


async def test_stopping_does_not_wait_for_it_and_keeps_the_message(tmp_path: Path) -> None:
    async with asyncio.timeout(5):
        async with Talk(tmp_path, chat=False) as talk:
            talk.add(door := Strict(NotReady("too many requests", retry_after=3000)))
            await talk.conversations.send("door", "1", "one")
            await door.until_tried(1)
        async with Talk(tmp_path, chat=False) as talk:
            talk.add(again := Strict())
            await again.wait_for(1)
    assert [(message.text, message.repeated) for message in again.sent] == [("one", False)]
