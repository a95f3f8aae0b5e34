"""The way out: in order, again and again while a channel is away, marked where it may be a repetition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nanobot.contracts.channel import Limits
from nanobot.errors import NanobotError, NotReady, Refused
from nanobot.hub.context import Context
from nanobot.util.dt import Clock
from tests.conversations.talk import Door, Talk


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config", chat=False) as talk:
        yield talk


async def test_a_message_is_on_disk_when_send_returns(talk: Talk) -> None:
    await talk.conversations.send("door", "1", "for later")
    async with Talk(talk.image(), chat=False) as after:
        door = Door()
        after.add(door)
        await door.wait_for(1)
    assert door.received == ["for later"]
    assert not door.sent[0].repeated


async def test_sending_nothing_is_an_error(talk: Talk) -> None:
    with pytest.raises(NanobotError):
        await talk.conversations.send("door", "1", " \n")


async def test_messages_wait_for_an_absent_channel_and_keep_their_order(talk: Talk) -> None:
    for number in range(20):
        await talk.conversations.send("door", str(number % 2), str(number))
    assert [
        item for lane in talk.conversations.delivery._all() for item in lane.letters if not isinstance(item, int)
    ] == []
    door = Door()
    talk.add(door)
    await door.wait_for(20)
    for chat in ("0", "1"):
        assert [int(m.text) for m in door.sent if m.chat == chat] == list(range(int(chat), 20, 2))


async def test_a_send_that_fails_is_tried_again_and_the_next_waits_for_it(talk: Talk) -> None:
    door = Door(NotReady("not now"), NotReady("not yet"), ConnectionRefusedError())
    talk.add(door)
    for text in ("one", "two"):
        await talk.conversations.send("door", "1", text)
    await door.wait_for(2)
    assert [m.text for m in door.tries] == ["one", "one", "one", "one", "two"]
    assert len({m.id for m in door.tries[:4]}) == 1
    assert [m.repeated for m in door.sent] == [False, False]


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), RuntimeError("?")], ids=repr)
async def test_a_send_that_may_have_worked_is_marked_as_a_repetition(talk: Talk, error: Exception) -> None:
    door = Door(error, NotReady("not now"))
    talk.add(door)
    await talk.conversations.send("door", "1", "one")
    await talk.conversations.send("door", "1", "two")
    await door.wait_for(2)
    assert [(m.text, m.repeated) for m in door.tries] == [
        ("one", False),
        ("one", True),
        ("one", True),
        ("two", False),
    ]


async def test_an_idempotent_channel_needs_no_mark(talk: Talk) -> None:
    door = Door(TimeoutError())
    door.idempotent = True
    talk.add(door)
    await talk.conversations.send("door", "1", "one")
    await door.wait_for(1)
    assert [m.repeated for m in door.tries] == [False, False]


async def test_a_refused_message_is_given_up_and_the_next_is_sent(talk: Talk) -> None:
    door = Door(Refused("the chat has blocked us"))
    talk.add(door)
    cause = Context(actor="automation")
    first = await talk.conversations.send("door", "1", "one", context=cause)
    await talk.until("message_failed")
    [issue] = talk.hub.issues
    assert issue.text() == "A message to 1 on door was given up: the chat has blocked us"
    failed = next(event for event in talk.events if event.type == "message_failed")
    assert failed.data == {"id": first, "channel": "door", "chat": "1", "error": "the chat has blocked us"}
    assert failed.context.parent_id == cause.id
    await talk.conversations.send("door", "1", "two")
    await talk.until("message_sent")
    assert door.received == ["two"]
    assert len(talk.hub.issues) == 0


async def test_a_message_over_which_the_channel_stumbles_is_given_up_in_the_end(talk: Talk) -> None:
    door = Door(*[KeyError("entities") for _ in range(10)])
    talk.add(door)
    await talk.conversations.send("door", "1", "poison")
    await talk.conversations.send("door", "1", "fine")
    await door.wait_for(1)
    assert door.received == ["fine"]
    assert len(door.tries) == 11
    assert "message_failed" in talk.names()


async def test_a_person_is_told_when_a_channel_does_not_come_back(talk: Talk) -> None:
    door = Door(*[NotReady("the line is cut") for _ in range(8)])
    told = asyncio.Event()
    talk.hub.bus.listen("issue_created", lambda event: told.set())
    talk.add(door)
    await talk.conversations.send("door", "1", "hello")
    async with asyncio.timeout(5):
        await told.wait()
    [issue] = talk.hub.issues
    assert "the line is cut" in issue.text()
    await door.wait_for(1)
    await talk.until("message_sent")
    assert len(talk.hub.issues) == 0


async def test_a_reloaded_channel_is_used_at_once(tmp_path: Path) -> None:
    async with Talk(tmp_path, chat=False) as talk:
        talk.conversations.delivery.backoff = type(talk.conversations.backoff)(first=300)
        broken, door = Door(NotReady("no line")), Door()
        talk.add(broken)
        await talk.conversations.send("door", "1", "hello")
        await broken.until_tried(1)
        await talk.remove("door")
        talk.add(door)
        async with asyncio.timeout(5):
            await door.wait_for(1)
        assert door.received == ["hello"]


async def test_a_channel_that_leaves_may_finish_its_sends(talk: Talk) -> None:
    go = asyncio.Event()
    door = Door(go)
    talk.add(door)
    await talk.conversations.send("door", "1", "on its way")
    await door.until_tried(1)
    leaving = asyncio.ensure_future(talk.remove("door"))
    await asyncio.sleep(0)
    assert "door" not in talk.hub.channels
    go.set()
    await leaving
    again = Door()
    talk.add(again)
    await talk.conversations.send("door", "1", "next")
    await again.wait_for(1)
    assert (door.received, again.received) == (["on its way"], ["next"])


async def test_a_send_that_hangs_while_its_channel_leaves_is_repeated_with_a_mark(talk: Talk) -> None:
    talk.conversations.drain_limit = 0.01
    door = Door(asyncio.Event())
    talk.add(door)
    await talk.conversations.send("door", "1", "stuck")
    await door.until_tried(1)
    await talk.remove("door")
    again = Door()
    talk.add(again)
    await again.wait_for(1)
    assert [(m.text, m.repeated) for m in again.sent] == [("stuck", True)]


async def test_a_long_message_goes_on_where_it_was_cut_off(talk: Talk) -> None:
    door = Door(None, NotReady("not now"))
    door.limits = Limits(characters=5)
    talk.add(door)
    await talk.conversations.send("door", "1", "one two three four")
    await talk.until("message_sent")
    assert [m.text for m in door.tries] == ["one", "two", "two", "three", "four"]
    assert [(m.piece, m.pieces) for m in door.sent] == [(1, 4), (2, 4), (3, 4), (4, 4)]


async def test_a_long_message_goes_on_after_a_crash(talk: Talk) -> None:
    hold = asyncio.Event()
    door = Door(None, hold)
    door.limits = Limits(characters=5)
    talk.add(door)
    await talk.conversations.send("door", "1", "one two three four")
    await door.until_tried(2)
    async with Talk(talk.image(), chat=False) as after:
        another = Door()
        another.limits = Limits(characters=4000)
        after.add(another)
        await another.wait_for(3)
    assert [(m.text, m.repeated, m.piece, m.pieces) for m in another.sent] == [
        ("two", True, 2, 4),
        ("three", False, 3, 4),
        ("four", False, 4, 4),
    ]
    assert another.sent[0].id == door.tries[1].id
    hold.set()


async def test_a_slow_chat_holds_up_nobody_else(talk: Talk) -> None:
    hold = asyncio.Event()
    door = Door(hold)
    talk.add(door)
    await talk.conversations.send("door", "slow", "one")
    await door.until_tried(1)
    await talk.conversations.send("door", "slow", "two")
    await talk.conversations.send("door", "quick", "three")
    await door.wait_for(1)
    assert door.received == ["three"]
    hold.set()
    await door.wait_for(3)


async def test_whoever_sent_can_wait_for_the_delivery(talk: Talk) -> None:
    door = Door()
    sent = await talk.conversations.send("door", "1", "hello")
    assert not await talk.conversations.delivered(sent, 0.01)
    waiting = asyncio.ensure_future(talk.conversations.delivered(sent, 10))
    talk.add(door)
    assert await waiting
    assert await talk.conversations.delivered(sent, 10)
    door.script = [Refused("no")]
    refused = await talk.conversations.send("door", "1", "hello")
    assert not await talk.conversations.delivered(refused, 10)
    assert not await talk.conversations.delivered("unknown", 10)
    assert talk.conversations.delivery.receipts._awaited == {}


async def test_a_message_for_a_channel_that_never_comes_is_given_up_after_a_week(tmp_path: Path) -> None:
    now = 1_000_000.0
    clock = Clock(lambda: now)
    async with Talk(tmp_path, clock=clock, chat=False) as talk:
        await talk.conversations.send("gone", "1", "hello?")
        now += 6 * 86_400
        await talk.conversations.send("gone", "1", "still there?")
    now += 2 * 86_400
    async with Talk(tmp_path, clock=clock, chat=False) as talk:
        await talk.until("message_failed")
        gone = Door(name="gone")
        talk.add(gone)
        await gone.wait_for(1)
        assert gone.received == ["still there?"]


async def test_a_message_that_fails_for_a_week_is_given_up(tmp_path: Path) -> None:
    now = 1_000_000.0
    async with Talk(tmp_path, clock=Clock(lambda: now), chat=False) as talk:
        door = Door(*[NotReady("still away")] * 3)
        talk.add(door)
        await talk.conversations.send("door", "1", "old news")
        await door.until_tried(1)
        now += 8 * 86_400
        await talk.until("message_failed")
        await talk.conversations.send("door", "1", "fresh news")
        await door.wait_for(1)
        assert door.received == ["fresh news"]


async def test_sent_messages_are_deleted_after_a_month(tmp_path: Path) -> None:
    now = 1_000_000.0
    clock = Clock(lambda: now)
    async with Talk(tmp_path, clock=clock) as talk:
        for number in range(3):
            await talk.conversations.send("chat", "1", str(number))
        await talk.until("message_sent", count=3)
    now += 31 * 86_400
    async with Talk(tmp_path, clock=clock) as talk:
        async with asyncio.timeout(5):
            while await talk.conversations.history("chat:1"):
                await asyncio.sleep(0.01)


async def test_stopping_delivers_what_is_ready_and_keeps_the_rest(tmp_path: Path) -> None:
    async with Talk(tmp_path) as talk:
        for number in range(50):
            await talk.conversations.send("chat", "1", str(number))
        await talk.conversations.send("away", "1", "later")
    assert talk.chat.received == [str(number) for number in range(50)]
    async with Talk(tmp_path) as talk:
        away = Door(name="away")
        talk.add(away)
        await away.wait_for(1)
        assert talk.chat.received == []
    assert [(m.text, m.repeated) for m in away.sent] == [("later", False)]
