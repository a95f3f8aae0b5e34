"""undo, retry, model: what is said in a chat can be taken back, answered again, and by another model."""

from __future__ import annotations

import pytest

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from tests.agent.conftest import Begin, Noted, Scripted, call


def said(model: Scripted) -> list[str]:
    return [message.content for message in model.requests[-1].messages if message.role == "user"]


async def test_undo_forgets_the_last_exchange_and_says_what_stays_done(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub
) -> None:
    entry.add(Noted())
    model = begin("one", [call()], "two", "three")
    await chat.types("first")
    await chat.types("second")
    assert await chat.types("/undo") == (
        "Forgotten: “second” and what came of it. What was done with these tools stays done: note."
    )
    await chat.types("third")
    assert said(model) == ["first", "third"]
    assert "two" not in [message.content for message in model.requests[-1].messages]


async def test_undo_goes_back_one_exchange_each_time(begin: Begin, chat: Chat) -> None:
    model = begin("ok")
    for text in ("first", "second", "/undo", "/undo", "third"):
        await chat.types(text)
    assert said(model) == ["third"]
    await chat.types("/undo")
    assert await chat.types("/undo") == "There is nothing that I could take back or try again."


async def test_a_command_that_comes_again_undoes_nothing_more(begin: Begin, chat: Chat) -> None:
    model = begin("ok")
    for text in ("first", "second"):
        await chat.types(text)
    await chat.types("/undo", message_id="7")
    await chat.says("/undo", message_id="7")
    await chat.types("third")
    assert said(model) == ["first", "third"]


async def test_retry_answers_the_last_message_again(begin: Begin, chat: Chat) -> None:
    model = begin("one", "wrong", "right", "well")
    await chat.types("first")
    await chat.types("second")
    await chat.types("/retry")
    await chat.wait_for(4)
    assert chat.received == ["one", "wrong", "Once more: “second”", "right"]
    assert said(model) == ["first", "second"]
    await chat.types("third")
    assert said(model) == ["first", "second", "third"]


async def test_nobody_has_the_message_of_somebody_else_answered_again(begin: Begin, chat: Chat) -> None:
    chat.allow = frozenset({"tester", "*"})
    begin("ok")
    await chat.types("mine")
    assert await chat.types("/retry", sender="ben") == "The last message was somebody else's."
    assert await chat.types("/undo", sender="ben") == "The last message was somebody else's."


async def test_a_model_is_chosen_for_one_chat_and_stays_chosen(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub
) -> None:
    main, other = begin("main here"), Scripted("other", "other here")
    entry.add(other)
    assert await chat.types("/model otter") == "there is no model 'otter' (did you mean 'other'?)"
    assert await chat.types("/model other") == "other answers in this chat from now on."
    assert await chat.types("hi") == "other here"
    assert await chat.types("hi", chat="elsewhere") == "main here"
    assert (await hub.conversations.notes.of("chat:test")).model == "other"
    assert "other answers here. There are: main, other." in (await chat.types("/model") or "")
    await chat.types("/model default")
    assert await chat.types("hi") == "main here"
    assert len(main.requests) == 2


@pytest.mark.parametrize("text", ["/model main"])
async def test_only_owners_choose_models(begin: Begin, chat: Chat, text: str) -> None:
    chat.allow = frozenset({"*"})
    begin("ok")
    assert "only for those who run me" in (await chat.types(text, sender="guest") or "")
