"""The agent in a hub: with a model, without one, and while its configuration changes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp
from tests.integrations.agent.conftest import Begin, Stub


async def last_request(stub: Stub) -> list[dict[str, Any]]:
    raw = await stub.get("raw")
    messages: list[dict[str, Any]] = raw[-1]["body"]["messages"]
    return messages


async def test_a_model_answers(begin: Begin, chat: Chat) -> None:
    await begin()
    assert await chat.types("hello [[reply:Good morning!]]") == "Good morning!"


async def test_when_no_model_answers_assist_does_what_it_understands(
    begin: Begin, stub: Stub, chat: Chat, set_up: SetUp
) -> None:
    await set_up("input_boolean", {"coffee": {"name": "Coffee machine"}})
    await begin(assist=True, model={"retries": 0})
    await stub.post("config", {"fault": "status:500"})
    try:
        assert await chat.types("turn on the coffee machine") != ""
        state = (await set_up("timer")).hub.states.get("input_boolean.coffee")
        assert state is not None
        assert state.state == "on"
        answer = await chat.types("why is the sky blue and the grass green")
        assert answer is not None
        assert answer.startswith("I cannot answer that now: ")
    finally:
        await stub.post("config", {"fault": None})


async def test_both_share_one_history(begin: Begin, stub: Stub, chat: Chat, set_up: SetUp) -> None:
    await set_up("input_boolean", {"coffee": {"name": "Coffee machine"}})
    await begin(assist=True, model={"retries": 0})
    await stub.post("config", {"fault": "status:500"})
    done = await chat.types("turn on the coffee machine")
    await stub.post("config", {"fault": None, "keep_requests": 5})
    await chat.types("thank you")
    assert [(m["role"], m["content"]) for m in (await last_request(stub))[1:]] == [
        ("user", "turn on the coffee machine"),
        ("assistant", done),
        ("user", "thank you"),
    ]


async def test_without_any_model_assist_answers(chat: Chat, set_up: SetUp) -> None:
    await set_up("input_boolean", {"coffee": {"name": "Coffee machine"}})
    await set_up("assist")
    entry = await set_up("agent")
    await chat.types("turn on the coffee machine")
    state = entry.hub.states.get("input_boolean.coffee")
    assert state is not None
    assert state.state == "on"


async def test_who_answers_in_its_place_can_be_chosen(begin: Begin, stub: Stub, chat: Chat) -> None:
    await begin(assist=True, fallback=False, model={"retries": 0})
    answer = await chat.types("what time is it? [[fault:status:500]]")
    assert answer is not None
    assert answer.startswith("I cannot answer that now: ")


async def test_another_model_answers_in_place_of_one_that_is_down(stub: Stub, chat: Chat, set_up: SetUp) -> None:
    await set_up(
        "openai_compatible",
        {
            "base_url": "http://127.0.0.1:9/v1",
            "models": {"main": {"model": "big", "retries": 0, "fallbacks": ["small"]}},
        },
    )
    await set_up("openai_compatible small", {"base_url": stub.base_url, "models": {"small": "stub-model"}})
    await set_up("agent", {"model": "main"})
    assert await chat.types("[[reply:small but there]]") == "small but there"


async def test_an_edit_counts_from_the_next_turn_on(
    begin: Begin, stub: Stub, chat: Chat, house: House, set_up: SetUp
) -> None:
    await stub.post("config", {"keep_requests": 5})
    await begin(instructions="Be brief.")
    await chat.types("hello")
    assert "Be brief." in (await last_request(stub))[0]["content"]
    agent = house.hub.agents.get("agent")
    await begin(instructions="Be verbose.")
    assert house.hub.agents.get("agent") is agent
    await chat.types("hello")
    assert "Be verbose." in (await last_request(stub))[0]["content"]


async def test_the_agent_goes_and_assist_takes_over(begin: Begin, chat: Chat, house: House, stub: Stub) -> None:
    await begin(assist=True)
    await chat.types("hello")
    house.hub.conversations.workers.attendance.grace = 0.1
    config = {"assist": None, "openai_compatible": {"base_url": stub.base_url, "models": {"main": "stub-model"}}}
    await house.apply(json.dumps(config))
    answer = await chat.types("what time is it?")
    assert answer is not None
    assert answer != "pong"


async def test_it_works_with_the_tools_of_the_hub(begin: Begin, stub: Stub, chat: Chat, set_up: SetUp) -> None:
    entry = await set_up("input_boolean", {"coffee": {"name": "Coffee machine"}})
    for tool in ("states", "services", "files", "message"):
        await set_up(tool)
    await begin()
    arguments = json.dumps({"service": "input_boolean.turn_on", "entity_id": "input_boolean.coffee"})
    answer = await chat.types(f"coffee, please [[tool:call_service {arguments}]] [[reply:It is on.]]")
    assert answer == "It is on."
    state = entry.hub.states.get("input_boolean.coffee")
    assert state is not None
    assert state.state == "on"


async def test_new_begins_a_new_history(begin: Begin, stub: Stub, chat: Chat) -> None:
    await stub.post("config", {"keep_requests": 5})
    await begin()
    await chat.types("my name is Anna")
    await chat.types("/new")
    await chat.types("who am I?")
    assert [(m["role"], m["content"]) for m in (await last_request(stub))[1:]] == [("user", "who am I?")]


async def test_a_message_that_was_sent_without_being_asked_is_known(
    begin: Begin, stub: Stub, chat: Chat, house: House
) -> None:
    await stub.post("config", {"keep_requests": 5})
    await begin()
    await chat.types("hello")
    await house.hub.conversations.send("chat", "test", "The washing machine is done.")
    await chat.wait_for(2)
    await chat.types("which one?")
    assert [m["role"] for m in await last_request(stub)] == ["system", "user", "assistant", "user"]
    assert (await last_request(stub))[2]["content"].endswith("The washing machine is done.")


@pytest.mark.parametrize("bad", [{"rounds": 0}, {"modle": "main"}, {"history": "long"}])
async def test_a_wrong_option_is_a_problem_with_its_place(house: House, bad: dict[str, Any]) -> None:
    applied = await house.apply(json.dumps({"agent": bad}))
    assert [problem.path[:2] for problem in applied.problems] == [("agent", next(iter(bad)))]


async def test_a_turn_outlives_the_reload_of_its_model(begin: Begin, stub: Stub, chat: Chat) -> None:
    await begin()
    await chat.says("[[latency:0.7]] [[reply:still here]]")
    while (await stub.get("stats"))["inflight"] < 1:
        await asyncio.sleep(0.01)
    await begin(model={"temperature": 0.5})
    await chat.wait_for(1)
    assert chat.received == ["still here"]
