"""What comes in is acknowledged only when it is on disk, in order, and comes through whatever stands beside it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from integrations.telegram.intake import Intake
from nanobot.contracts.channel import Incoming, Receive
from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.integrations.telegram.conftest import ANNA, BERT, GROUP, Listener, Platform, Telegram, state
from tests.servers.running import running


async def test_a_message_is_answered(telegram: Telegram, platform: Platform) -> None:
    await telegram()
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]
    assert await platform.unread() == []


async def test_messages_of_one_chat_stay_in_order(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub
) -> None:
    hub.conversations.sessions.max_waiting = 250  # else a slow machine tells the person that there are too many
    texts = [str(number) for number in range(250)]
    for text in texts:
        await platform.writes(text)
    await telegram()
    assert await platform.unread() == []
    await agent.until(250)
    assert agent.heard == texts


async def test_what_waited_with_telegram_while_nanobot_was_away_is_answered(
    telegram: Telegram, platform: Platform
) -> None:
    await platform.writes("are you there?")
    await telegram()
    assert await platform.reads() == ["you said are you there?"]


async def test_an_update_is_not_acknowledged_before_its_message_is_on_disk(
    telegram: Telegram, platform: Platform, hub: Hub
) -> None:
    await telegram()
    with _busy_disk(hub):
        await platform.writes("hello")
        await platform.tell("polled", more=2)
        assert len(await platform.unread(1)) == 1
    assert await platform.unread() == []
    assert await platform.reads() == ["you said hello"]


async def test_what_a_full_disk_refuses_comes_again_and_is_answered_once(
    telegram: Telegram, platform: Platform, hub: Hub, agent: Listener
) -> None:
    await telegram()
    await hub.conversations.database.write(_fill)
    text = "x" * 4000
    for _ in range(3):
        await platform.writes(text)
    assert "disk is full" in await state(hub, EntryState.RETRYING)
    assert await platform.unread(3)
    await hub.conversations.database.write(_make_room)
    assert await platform.unread() == []
    await state(hub, EntryState.LOADED)
    await agent.until(3)
    assert await platform.reads(3) == [f"you said {text}"] * 3
    assert len(agent.turns) == 3


async def test_what_comes_again_although_it_is_known_is_not_answered_again(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    message = await platform.writes("hello")
    await platform.unread()
    await platform.tell("update", message=message)
    await platform.writes("next")
    await platform.reads(2)
    assert agent.heard == ["hello", "next"]


async def test_what_was_on_its_way_at_the_end_is_there_after_the_next_start(
    telegram: Telegram, platform: Platform, house: House, restart: Callable[[], Awaitable[House]], agent: Listener
) -> None:
    await telegram()
    stopped = asyncio.Event()
    entry = house.entry("telegram")

    async def never(*_: Any) -> None:
        stopped.set()
        await asyncio.Event().wait()

    entry.data.intake.downloads.fetch = never
    await platform.sends("document", b"abc", name="a.txt")
    await platform.writes("second")
    await stopped.wait()
    again = await restart()
    await platform.unread()
    line = await again.hub.conversations.history(f"telegram:{ANNA}")
    assert [item.text for item in line if item.direction == "in"] == ["", "second"]


@pytest.mark.parametrize(
    "broken",
    [
        {"message": "nonsense"},
        {"message": {"message_id": "x"}},
        {"message": {"message_id": 1, "date": 1, "chat": {"id": 42, "type": "private"}, "from": {}}},
        {"callback_query": {"id": "1"}},
        {"message": None},
        {"something_new": {"of": "next year"}},
        {},
    ],
    ids=["text", "half", "nobody", "press", "nothing", "unknown", "empty"],
)
async def test_an_update_that_cannot_be_read_is_left_out(
    telegram: Telegram, platform: Platform, agent: Listener, broken: dict[str, Any]
) -> None:
    await platform.writes("before")
    await platform.tell("update", **broken)
    await platform.writes("after")
    await telegram()
    assert await platform.reads(2) == ["you said before", "you said after"]
    assert await platform.unread() == []


@pytest.mark.parametrize("number", [None, "x", 1.5, [1], True], ids=str)
async def test_an_update_without_a_number_holds_up_nothing(telegram: Telegram, platform: Platform, number: Any) -> None:
    answer = {"ok": True, "result": [{"update_id": number, "message": {}}, "x", None]}
    await telegram()
    await platform.fault("getUpdates", times=1, body=json.dumps(answer))
    await platform.tell("polled", more=2)
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]


@pytest.mark.parametrize(
    "body",
    ["<html>Welcome to our WiFi</html>", "", "[]", "null", '{"ok": true}', '{"ok": true, "result": {}}', "[" * 100_000],
    ids=["page", "nothing", "list", "null", "no result", "no list", "deep"],
)
async def test_an_answer_that_makes_no_sense_is_asked_for_again(
    telegram: Telegram, platform: Platform, hub: Hub, body: str
) -> None:
    await telegram()
    await platform.fault("getUpdates", times=2, body=body)
    assert "makes no sense" in (error := await state(hub, EntryState.RETRYING)) or "not JSON" in error
    await platform.writes("hello")
    assert await platform.reads() == ["you said hello"]
    await state(hub, EntryState.LOADED)


async def test_half_a_character_is_no_reason_to_stop(telegram: Telegram, platform: Platform, agent: Listener) -> None:
    user = {"id": ANNA, "is_bot": False, "first_name": "Anna"}
    message = {"message_id": 900, "date": 1, "chat": {"id": ANNA, "type": "private"}, "from": user, "text": "a\ud83d!"}
    await telegram()
    await platform.fault(
        "getUpdates", times=1, body=json.dumps({"ok": True, "result": [{"update_id": 1, "message": message}]})
    )
    await agent.until(1)
    assert agent.heard == ["a?!"]


async def test_numbers_that_begin_anew_below_the_last_one_are_new(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await platform.tell("update", update_id=5_000_000, message=None)
    await telegram()
    await platform.unread()
    await platform.writes("hello")
    await platform.writes("hello again")
    assert await platform.reads(2) == ["you said hello", "you said hello again"]
    assert await platform.unread() == []
    assert len(agent.turns) == 2


async def test_another_bot_counts_its_messages_anew_and_they_are_new(
    telegram: Telegram, platform: Platform, agent: Listener
) -> None:
    await telegram()
    await platform.writes("hello")
    await platform.reads(1)
    with running("telegram", "--token", "2000:OTHER") as server:
        other = Platform(server, platform.client)
        await telegram(token="2000:OTHER", base_url=other.base_url, groups="all", allow=[ANNA, GROUP])
        first = await other.writes("hello again")
        assert first["message_id"] == 1
        assert await other.reads(1) == ["you said hello again"]
        question = await other.writes("and you?", chat=GROUP, from_id=ANNA)
        await other.reads(1, chat=GROUP)
        answer = (await other.read(f"chat/{GROUP}"))[-1]
    assert answer["reply_to_message"]["message_id"] == question["message_id"]
    assert agent.heard == ["hello", "hello again", "and you?"]


async def test_what_makes_nanobot_fail_again_and_again_is_left_out_in_the_end(
    telegram: Telegram,
    platform: Platform,
    agent: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hand_over = Intake._hand_over

    async def breaks(intake: Intake, receive: Receive, incoming: Incoming) -> bool:
        if incoming.text == "poison":
            raise ZeroDivisionError("a fault of ours")
        return await hand_over(intake, receive, incoming)

    monkeypatch.setattr(Intake, "_hand_over", breaks)
    await telegram()
    await platform.writes("poison")
    await platform.writes("cure")
    assert await platform.reads() == ["you said cure"]
    assert await platform.unread() == []
    assert caplog.text.count("Traceback") == 1
    assert "update 1 failed 3 times; it was left out" in caplog.text


async def test_a_failure_in_one_chat_loses_nothing_in_another(
    telegram: Telegram, platform: Platform, agent: Listener, hub: Hub
) -> None:
    await telegram(allow="*")
    await hub.conversations.database.write(_fill)
    for number in range(5):
        await platform.writes("x" * 4000, chat=ANNA)
        await platform.writes(f"{number}" * 4000, chat=BERT)
    await state(hub, EntryState.RETRYING)
    await hub.conversations.database.write(_make_room)
    assert await platform.unread() == []
    await agent.until(10)
    assert len(await platform.reads(5, chat=ANNA)) == len(await platform.reads(5, chat=BERT)) == 5
    assert [turn.text[0] for turn in agent.turns if turn.chat == str(BERT)] == list("01234")
    assert len(agent.turns) == 10


@contextmanager
def _busy_disk(hub: Hub) -> Iterator[None]:
    """Somebody else has the file of the messages locked."""
    other = sqlite3.connect(Path(hub.config_dir) / ".storage" / "hub.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("COMMIT")
        other.close()


def _fill(connection: sqlite3.Connection) -> None:
    """From now on no page can be added to the file, as on a full disk."""
    connection.execute("CREATE TABLE IF NOT EXISTS ballast (data)")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")


def _make_room(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1000000")
