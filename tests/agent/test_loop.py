"""A turn, from the message to the answer: what the model is told, what its tools do, and when it ends."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from nanobot.agent.limits import Limits
from nanobot.agent.prompt import INTERRUPTED
from nanobot.contracts.agent import Agent
from nanobot.contracts.model import Delta, Message
from nanobot.contracts.tool import Risk
from nanobot.errors import NotReady, ToolError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.util.secrets import MASK
from tests.agent.conftest import Begin, Looping, Noted, Scripted, call


def told(model: Scripted, number: int = -1) -> list[tuple[str, str]]:
    """What the model was told in a request, without the first message."""
    return [(message.role, message.content) for message in model.requests[number].messages[1:]]


async def test_the_answer_of_the_model_is_the_answer(begin: Begin, chat: Chat) -> None:
    model = begin(["Hel", "lo!"])
    assert await chat.types("hi") == "Hello!"
    assert told(model) == [("user", "hi")]


async def test_it_knows_who_it_is_what_time_it_is_and_with_whom_it_talks(begin: Begin, chat: Chat, hub: Hub) -> None:
    model = begin("yes", name="Jeeves", instructions="Never mention the aunt.")
    await chat.types("hi", sender_name="Bertie")
    system = model.requests[0].messages[0]
    assert system.role == "system"
    assert "You are Jeeves" in system.content
    assert "Never mention the aunt." in system.content
    assert f"{hub.clock.now():%Y-%m-%d}" in system.content
    assert "Bertie" in system.content


async def test_what_was_said_before_is_told_in_order(begin: Begin, chat: Chat) -> None:
    model = begin("one", "two", "three")
    for text in ("first", "second", "third"):
        await chat.types(text)
    assert told(model) == [
        ("user", "first"),
        ("assistant", "one"),
        ("user", "second"),
        ("assistant", "two"),
        ("user", "third"),
    ]


async def test_other_chats_are_none_of_its_business(begin: Begin, chat: Chat) -> None:
    model = begin("ok")
    await chat.types("my secret", chat="anna")
    await chat.types("hello", chat="ben")
    assert told(model) == [("user", "hello")]


async def test_only_so_much_of_the_past_is_told(begin: Begin, chat: Chat) -> None:
    model = begin("ok", history=2)
    for number in range(5):
        await chat.types(f"message {number}")
    assert [text for role, text in told(model) if role == "user"] == ["message 2", "message 3", "message 4"]


async def test_old_exchanges_make_room_for_new_ones(begin: Begin, chat: Chat) -> None:
    model = begin("ok", context=1000)
    for number in range(4):
        await chat.types(f"{number}" * 1500)
    said = [text[0] for role, text in told(model) if role == "user"]
    assert said == ["2", "3"]


async def test_in_a_group_it_knows_who_said_what(begin: Begin, chat: Chat, hub: Hub) -> None:
    chat.allow = frozenset({"anna", "ben"})
    model = begin("ok")
    await chat.types("I like tea", sender="anna", sender_name="Anna")
    await chat.types("And I do not", sender="ben", sender_name="Ben")
    assert [text for role, text in told(model) if role == "user"] == ["Anna: I like tea", "Ben: And I do not"]


async def test_a_tool_is_called_and_its_result_leads_to_the_answer(begin: Begin, entry: Entry, chat: Chat) -> None:
    tool = Noted(result="milk is on the list")
    entry.add(tool)
    model = begin(["I will note that. ", call()], "It is on the list.")
    assert await chat.types("we need milk") == "It is on the list."
    assert tool.calls == [{"what": "milk", "times": 1}]
    asked, result = model.requests[1].messages[-2:]
    assert asked == Message("assistant", "I will note that. ", (call(),))
    assert result == Message("tool", "milk is on the list", tool_call_id="1")


async def test_later_turns_know_what_the_tools_did(begin: Begin, entry: Entry, chat: Chat) -> None:
    entry.add(Noted())
    model = begin([call()], "Done.", "As I said.")
    await chat.types("we need milk")
    await chat.types("again?")
    assert [role for role, _ in told(model)] == ["user", "assistant", "tool", "assistant", "user"]


async def test_several_calls_of_one_round_are_all_answered(begin: Begin, entry: Entry, chat: Chat) -> None:
    tool = Noted(risk=Risk.READ, result=["one", ToolError("two is gone"), "three"])
    entry.add(tool)
    model = begin([call(id_="a"), call(id_="b"), call(id_="c")], "Well.")
    assert await chat.types("look") == "Well."
    assert [(m.tool_call_id, m.content) for m in model.requests[1].messages[-3:]] == [
        ("a", "one"),
        ("b", "two is gone"),
        ("c", "three"),
    ]


async def test_calls_with_the_same_id_are_told_apart(begin: Begin, entry: Entry, chat: Chat) -> None:
    entry.add(Noted(result=["one", "two"]))
    model = begin([call(id_="x"), call(id_="x")], "Well.")
    await chat.types("look")
    asked, *results = model.requests[1].messages[-3:]
    assert [c.id for c in asked.tool_calls] == [m.tool_call_id for m in results]
    assert len({m.tool_call_id for m in results}) == 2


async def test_a_loop_without_end_is_ended_with_an_answer(begin: Begin, entry: Entry, chat: Chat) -> None:
    tool = Noted()
    entry.add(tool)
    model = begin([call()], [call()], [call()], "I gave up looking.", limits=Limits(rounds=3))
    assert await chat.types("go") == "I gave up looking."
    assert len(tool.calls) == 3
    assert model.requests[-1].tools == ()
    assert "Do something else" in model.requests[-1].messages[-1].content
    assert "Answer now" in model.requests[-1].messages[-1].content


async def test_a_model_that_calls_tools_to_the_very_end_leaves_a_sentence(
    begin: Begin, entry: Entry, chat: Chat
) -> None:
    entry.add(Noted())
    begin([call()], limits=Limits(rounds=2))
    assert await chat.types("go") == "I stopped after 2 rounds of tool calls without coming to an answer."


async def test_an_answer_that_the_model_cut_off_says_so(begin: Begin, chat: Chat) -> None:
    begin([Delta("Once upon a", finish="length")])
    answer = await chat.types("tell me a story")
    assert answer is not None
    assert answer.startswith("Once upon a")
    assert "limit on its length" in answer


async def test_an_answer_that_broke_off_is_not_told_twice(begin: Begin, chat: Chat) -> None:
    begin(["The answer is ", NotReady("main: broke off")], "The answer is 42.")
    assert await chat.types("?") == "The answer is 42."


async def test_pages_hear_what_happens_as_it_happens(begin: Begin, entry: Entry, chat: Chat, hub: Hub) -> None:
    entry.add(Noted())
    heard: list[tuple[str, str]] = []
    entry.listen("turn_progress", lambda event: heard.append((event.data["kind"], event.data["text"])))
    begin([Delta(thinking="hm"), "Let me see. ", call()], "Done.")
    await chat.types("go")
    assert heard == [("thinking", "hm"), ("text", "Let me see. "), ("retract", ""), ("tool", "note"), ("text", "Done.")]


async def test_secrets_do_not_reach_the_model(begin: Begin, entry: Entry, chat: Chat, hub: Hub) -> None:
    hub.scrubber.add("hunter2-and-more")
    model = begin("ok")
    await chat.types("is hunter2-and-more a good password?")
    assert told(model) == [("user", f"is {MASK} a good password?")]


async def test_a_turn_that_is_cut_by_a_reload_goes_on_where_it_was(
    begin: Begin, hub: Hub, entry: Entry, chat: Chat
) -> None:
    tool = Noted()
    entry.add(tool)
    model = begin([call()], [60.0], "Milk is on the list.")
    await chat.says("we need milk")
    while len(model.requests) < 2:
        await asyncio.sleep(0.01)
    (run,) = [hub.conversations.workers.running("chat:test")]
    assert run is not None
    await hub.conversations.workers.end([run], 0.01)
    await chat.wait_for(1)
    assert chat.received == ["Milk is on the list."]
    assert len(tool.calls) == 1
    assert [message.role for message in model.requests[-1].messages] == ["system", "user", "assistant", "tool"]


async def test_a_call_whose_end_nobody_saw_is_not_made_again(begin: Begin, hub: Hub, entry: Entry, chat: Chat) -> None:
    tool = Noted(result=60.0)
    entry.add(tool)
    model = begin([call()], "I am not sure whether milk is on the list.")
    await chat.says("we need milk")
    while not tool.calls:
        await asyncio.sleep(0.01)
    (run,) = [hub.conversations.workers.running("chat:test")]
    assert run is not None
    await hub.conversations.workers.end([run], 0.01)
    await chat.wait_for(1)
    assert len(tool.calls) == 1
    assert model.requests[-1].messages[-1] == Message("tool", INTERRUPTED, tool_call_id="1")


async def test_a_stopped_turn_leaves_a_history_that_every_api_takes(begin: Begin, entry: Entry, chat: Chat) -> None:
    tool = Noted(result=60.0)
    entry.add(tool)
    model = begin([call(id_="a"), call(id_="b")], "Fine.")
    await chat.says("we need milk")
    while not tool.calls:
        await asyncio.sleep(0.01)
    await chat.types("stop")
    assert await chat.types("never mind") == "Fine."
    roles = [(message.role, message.tool_call_id) for message in model.requests[-1].messages[1:]]
    assert roles[:4] == [("user", None), ("assistant", None), ("tool", "a"), ("tool", "b")]
    assert ("user", None) in roles[4:]


async def test_what_is_looked_up_while_a_message_is_written_is_what_would_be_looked_up_later(
    hub: Hub, chat: Chat, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = begin(*"abcdef")
    for number in range(3):
        await chat.types(f"message {number}")
    monkeypatch.setattr(Looping, "ahead", Agent.ahead)
    for number in range(3, 6):
        await chat.types(f"message {number}")
    told = [[(message.role, message.content) for message in request.messages[1:]] for request in model.requests]
    assert [len(one) for one in told] == [1, 3, 5, 7, 9, 11]
    assert all(later[: len(one)] == one for one, later in pairwise(told))
