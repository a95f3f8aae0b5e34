"""Long conversations: what was said longer ago becomes a summary; a summary that fails loses nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.agent.asking import Asking
from nanobot.agent.compaction import Compactor, transcript
from nanobot.contracts.model import Message
from nanobot.contracts.tool import Risk
from nanobot.errors import AuthFailed, ModelError, NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from tests.agent.conftest import QUICK, Begin, Looping, Noted, Scripted, call, told

SUMMARY = "## Rules\nNever mention the aunt."


@pytest.fixture
def compactor(hub: Hub, entry: Entry) -> Compactor:
    return Compactor(hub, Asking(hub, None, backoff=QUICK), entry.spawn, agent="looping", history=6, context=2000)


def said(model: Scripted, number: int = -1) -> list[str]:
    return [message.content for message in model.requests[number].messages if message.role == "user"]


def system(model: Scripted, number: int = -1) -> str:
    return model.requests[number].messages[0].content


async def test_a_summary_stands_in_place_of_what_it_sums_up(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub, compactor: Compactor
) -> None:
    entry.add(Noted())
    heard: list[dict[str, Any]] = []
    entry.listen("session_compacted", lambda event: heard.append(dict(event.data)))
    model = begin([call()], "one", "two", "three", "four", SUMMARY, "five")
    for text in ("never mention the aunt", "second", "third", "fourth"):
        await chat.types(text)
    assert await compactor.compact("chat:test")
    summed = said(model)[0]
    assert "tester: never mention the aunt" in summed
    assert "tool note" in summed
    assert "third" not in summed
    await chat.types("fifth")
    assert said(model) == ["third", "fourth", "fifth"]
    assert SUMMARY in system(model)
    [event] = heard
    assert (event["session"], event["summary"], event["agent"]) == ("chat:test", SUMMARY, "looping")


async def test_the_next_summary_takes_up_the_one_before(begin: Begin, chat: Chat, compactor: Compactor) -> None:
    model = begin("1", "2", "3", "4", "first summary", "5", "6", "second summary", "7")
    for text in "abcd":
        await chat.types(text)
    await compactor.compact("chat:test")
    for text in "ef":
        await chat.types(text)
    await compactor.compact("chat:test")
    assert "first summary" in said(model)[0]
    await chat.types("g")
    assert "second summary" in system(model)
    assert "first summary" not in system(model)


async def test_a_new_beginning_forgets_the_summary_too(begin: Begin, chat: Chat, compactor: Compactor) -> None:
    model = begin("1", "2", "3", "4", SUMMARY, "ok")
    for text in "abcd":
        await chat.types(text)
    await compactor.compact("chat:test")
    await chat.types("/new")
    await chat.types("hello")
    assert SUMMARY not in system(model)
    assert said(model) == ["hello"]


@pytest.mark.parametrize("failure", [AuthFailed("main: the key is refused"), ModelError("main: no")])
async def test_a_summary_that_fails_changes_nothing(
    begin: Begin, chat: Chat, compactor: Compactor, failure: NanobotError
) -> None:
    model = begin("1", "2", "3", "4", failure, "5")
    for text in "abcd":
        await chat.types(text)
    with pytest.raises(NanobotError, match="main: "):
        await compactor.compact("chat:test")
    await chat.types("e")
    assert said(model) == ["a", "b", "c", "d", "e"]


async def test_it_happens_by_itself_when_the_window_is_full(
    entry: Entry, chat: Chat, hub: Hub, compactor: Compactor
) -> None:
    model = Scripted("main", *"1234567", SUMMARY, "8")
    entry.add(model)
    entry.add(Looping(hub, history=6, compactor=compactor))
    compacted = asyncio.Event()
    entry.listen("session_compacted", lambda event: compacted.set())
    for text in "abcdefg":
        await chat.types(text)
    await compacted.wait()
    await chat.types("h")
    left = said(model)
    assert left in (["d", "e", "f", "g", "h"], ["e", "f", "g", "h"])  # the last answer may be on disk by then, or not
    assert SUMMARY in system(model)


async def test_a_request_that_is_too_long_is_made_shorter(begin: Begin, chat: Chat, compactor: Compactor) -> None:
    too_long = ModelError("main: too long")
    too_long.too_long = True
    model = begin("1", "2", "3", "4", too_long, SUMMARY, "5")
    for text in "abcd":
        await chat.types(text * 3000)
    assert await compactor.compact("chat:test")
    first, second = (len(said(model, number)[0]) for number in (-2, -1))
    assert second < first


async def test_a_guest_is_not_told_what_an_owner_was_told(begin: Begin, chat: Chat, compactor: Compactor) -> None:
    chat.allow = frozenset({"tester", "*"})
    model = begin("1", "2", "3", "4", SUMMARY, "ok")
    for text in "abcd":
        await chat.types(text)
    await compactor.compact("chat:test")
    await chat.types("what do you know?", sender="guest")
    assert SUMMARY not in system(model)


async def test_too_little_is_not_summed_up(begin: Begin, chat: Chat, compactor: Compactor) -> None:
    model = begin("1")
    await chat.types("a")
    assert not await compactor.compact("chat:test")
    assert len(model.requests) == 1


async def test_each_exchange_has_its_part_of_the_room(begin: Begin, chat: Chat, hub: Hub) -> None:
    begin("yes")
    for letter in "abcd":
        await chat.types(letter * 5000)
    text = transcript((await hub.conversations.recall("chat:test", None, 10)).exchanges, 2000)
    assert len(text) < 2400
    assert all(letter * 50 in text for letter in "abcd")


async def test_a_request_fits_into_the_window_that_the_model_has(begin: Begin, chat: Chat) -> None:
    model = begin("ok")
    model.context_window = 1500
    for letter in "abcd":
        await chat.types(letter * 1200)
    messages: list[Message] = list(model.requests[-1].messages)
    assert sum(len(message.content) for message in messages) < 1500 * 4
    assert said(model)[-1] == "d" * 1200
    assert "a" * 1200 not in said(model)


async def test_words_of_strangers_still_make_the_rules_stricter_when_only_the_summary_knows_of_them(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub, compactor: Compactor
) -> None:
    entry.add(Noted("fetch", "a page", risk=Risk.READ, untrusted=True))
    letter = Noted("letter", risk=Risk.OUTSIDE)
    entry.add(letter)
    model = begin([call("fetch")], "1", "2", "3", "4", SUMMARY, "5", "6", "second summary", [call("letter")], "7")
    for text in "abcd":
        await chat.types(text)
    await compactor.compact("chat:test")
    for text in "ef":
        await chat.types(text)
    await compactor.compact("chat:test")
    await chat.says("write to Eve")
    await told(chat, "7")
    assert "[[words of others had a part in this]]\nsecond summary" in system(model)
    assert not letter.calls
    assert len(hub.approvals.waiting()) == 1
