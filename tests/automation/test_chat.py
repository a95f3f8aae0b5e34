"""A run that talks with people: ``say`` and ``wait_for_message``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Text, Turn
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp


class Echo(Agent):
    """Answers what nobody waits for."""

    async def respond(self, turn: Turn) -> Any:
        yield Text(f"echo {turn.text}")


async def start(hub: Hub, set_up: SetUp, *sequence: Any) -> asyncio.Task[Any]:
    await set_up("script", {"s": {"sequence": list(sequence)}})
    call = hub.services.call("script", "s", {"chat": "test"}, return_response=True)
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0.1)
    return task


ANSWER = [{"variables": {"told": {"wait": "{{ wait }}"}}}, {"stop": "", "response_variable": "told"}]


@pytest.mark.parametrize("with_agent", [True, False])
async def test_a_person_is_asked_and_the_answer_goes_to_nobody_else(
    hub: Hub, set_up: SetUp, chat: Chat, entry: Entry, with_agent: bool
) -> None:
    if with_agent:
        entry.add(Echo("echo"))
    question = {"channel": chat.name, "chat": "test", "say": "Tea or coffee?", "choices": ["Tea", "Coffee"]}
    asked = await start(hub, set_up, {"wait_for_message": question, "timeout": 5}, *ANSWER)
    await chat.wait_for(1)
    await chat.says("2")
    wait = (await asked)["wait"]
    assert wait["completed"] is True
    assert (wait["message"]["choice"], wait["message"]["chat"]) == ("Coffee", "test")
    assert len(chat.received) == 1
    if with_agent:
        assert await chat.types("hello") == "echo hello"


async def test_nobody_answers_in_time(hub: Hub, set_up: SetUp, chat: Chat) -> None:
    question = {"channel": chat.name, "chat": "test", "say": "Anybody?"}
    asked = await start(hub, set_up, {"wait_for_message": question, "timeout": 0.3}, *ANSWER)
    wait = (await asked)["wait"]
    assert (wait["completed"], wait["message"], wait["remaining"]) == (False, None, 0)


async def test_what_is_said_arrives_and_with_wait_the_run_knows(hub: Hub, set_up: SetUp, chat: Chat) -> None:
    say = {"say": "Hello {{ chat }}", "channel": chat.name, "chat": "{{ chat }}", "wait": True, "timeout": 5}
    await (await start(hub, set_up, say))
    assert chat.received == ["Hello test"]


async def test_a_chat_has_to_be_named_where_no_message_started_the_run(hub: Hub, set_up: SetUp) -> None:
    with pytest.raises(NanobotError, match="say which channel is meant"):
        await (await start(hub, set_up, {"say": "Hello"}))


async def test_a_sentence_may_lead_to_a_question_in_the_same_chat(
    hub: Hub, set_up: SetUp, chat: Chat, entry: Entry
) -> None:
    entry.add(Echo("echo"))
    asks = {"wait_for_message": {"channel": chat.name, "chat": "test", "say": "Which room?"}, "timeout": 5}
    await set_up(
        "automation",
        [
            {
                "alias": "light",
                "triggers": {"trigger": "conversation", "command": "light please"},
                "actions": [asks, {"set_conversation_response": "On in the {{ wait.message.text }}"}],
            }
        ],
    )
    await chat.says("light please")
    await chat.wait_for(1)
    assert await chat.types("kitchen") == "On in the kitchen"
    assert await chat.types("hello") == "echo hello"
    assert chat.received == ["Which room?", "On in the kitchen", "echo hello"]
    assert len(hub.conversations.sessions) == 0
