"""Whatever the model server does, the person gets an answer or a sentence, and the next message works."""

from __future__ import annotations

import asyncio
import time

import pytest

from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from tests.integrations.agent.conftest import Begin, Stub

SORRY = "I cannot answer that now: "


async def ask(chat: Chat, text: str) -> str:
    answer = await chat.types(text)
    assert answer is not None, f"no answer to {text}"
    return answer


@pytest.mark.parametrize(
    "fault",
    [
        "reset",
        "status:500",
        "status:503",
        "status:429",
        "garbage",
        "html",
        "empty_choices",
        "null_content",
        "truncated",
        "silent",
        "hang",
        "stream_error:500",
        "broken_sse",
        "says_nothing",
        "no_end",
    ],
)
async def test_a_fault_that_passes_is_not_noticed(begin: Begin, stub: Stub, chat: Chat, fault: str) -> None:
    await begin(model={"timeout": 0.5})
    await stub.script({"fault": fault, "reply": "one two three four", "chunks": 4}, {"reply": "Here I am."})
    answer = await ask(chat, "hello")
    if fault in ("no_end", "broken_sse"):  # the answer was whole all the same, so it may be taken
        assert answer in ("Here I am.", "one two three four")
    else:
        assert answer == "Here I am."
    await stub.post("reset")
    assert await ask(chat, "[[reply:again]]") == "again"


@pytest.mark.parametrize(
    "fault", ["reset", "status:500", "status:429", "garbage", "html", "empty_choices", "truncated"]
)
async def test_a_fault_that_stays_becomes_a_sentence(begin: Begin, stub: Stub, chat: Chat, fault: str) -> None:
    await begin(model={"retries": 1, "timeout": 0.5})
    answer = await ask(chat, f"hello [[fault:{fault}]]")
    assert answer.startswith(SORRY)
    assert "main" in answer
    assert "Traceback" not in answer
    assert await stub.requests() == 2
    assert await ask(chat, "[[reply:fine]]") == "fine"


@pytest.mark.parametrize("fault", ["status:400", "status:401", "status:403", "status:404", "too_long"])
async def test_a_request_that_is_refused_is_not_repeated(begin: Begin, stub: Stub, chat: Chat, fault: str) -> None:
    await begin()
    answer = await ask(chat, f"hello [[fault:{fault}]]")
    assert answer.startswith(SORRY)
    assert await stub.requests() == 1
    assert await ask(chat, "[[reply:fine]]") == "fine"


async def test_a_server_that_is_down_is_named(begin: Begin, set_up: SetUp, chat: Chat) -> None:
    await set_up("openai_compatible", {"base_url": "http://127.0.0.1:9/v1", "retries": 0, "models": {"main": "x"}})
    await set_up("agent", {"model": "main"})
    answer = await ask(chat, "hello")
    assert answer.startswith(SORRY)
    assert "http://127.0.0.1:9" in answer


async def test_a_slow_model_is_waited_for(begin: Begin, chat: Chat) -> None:
    await begin(model={"timeout": 5})
    assert await ask(chat, "[[latency:1.5]] [[reply:slowly]]") == "slowly"


async def test_the_delay_that_a_server_asks_for_is_kept(begin: Begin, stub: Stub, chat: Chat) -> None:
    await begin()
    await stub.script({"fault": "retry:1"}, {"reply": "now"})
    began = time.monotonic()
    assert await ask(chat, "hello") == "now"
    assert time.monotonic() - began >= 1


async def test_a_tool_that_does_not_exist_is_told_to_the_model(
    begin: Begin, stub: Stub, chat: Chat, set_up: SetUp
) -> None:
    await set_up("states")
    await begin()
    await stub.post("config", {"keep_requests": 5})
    assert await ask(chat, "[[tool:no_such_tool {}]] [[reply:I see]]") == "I see"
    raw = await stub.get("raw")
    assert "There is no tool" in raw[-1]["body"]["messages"][-1]["content"]


async def test_arguments_that_are_no_json_are_told_to_the_model(
    begin: Begin, stub: Stub, chat: Chat, set_up: SetUp
) -> None:
    await set_up("states")
    await begin()
    await stub.post("config", {"keep_requests": 5})
    assert await ask(chat, '[[tool:get_state {"entity": ]] [[reply:I see]]') == "I see"
    raw = await stub.get("raw")
    assert "are no valid JSON" in raw[-1]["body"]["messages"][-1]["content"]


async def test_a_loop_without_end_is_ended(begin: Begin, stub: Stub, chat: Chat, set_up: SetUp) -> None:
    await set_up("states")
    await begin(rounds=5)
    assert await ask(chat, "[[loop:get_state {}]] [[reply:enough]]") == "enough"
    assert await stub.requests() == 6


async def test_one_slow_session_delays_no_other(begin: Begin, chat: Chat) -> None:
    await begin(model={"timeout": 10})
    await chat.says("[[latency:3]] slow", chat="slow")
    async with asyncio.timeout(1.5):
        assert await chat.types("[[reply:quick]]", chat="quick") == "quick"


async def test_stop_ends_a_request_that_hangs(begin: Begin, stub: Stub, chat: Chat) -> None:
    await begin(model={"timeout": 60})
    await chat.says("hello [[fault:hang]]")
    while (await stub.get("stats"))["inflight"] < 1:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        await chat.types("stop")
        await stub.post("wait", {"disconnected": 1, "timeout": 2})
    assert await ask(chat, "[[reply:fine]]") == "fine"


async def test_a_conversation_that_outgrows_the_model_goes_on_with_less_of_it(
    begin: Begin, stub: Stub, chat: Chat
) -> None:
    await begin(model={"retries": 0})
    for number in range(6):
        await ask(chat, f"[[reply:ok]] {number} " + "word " * 1000)
    await stub.post("config", {"keep_requests": 20})
    await stub.script({"fault": "too_long"}, {"fault": "too_long"}, {"reply": "still here"})
    assert await ask(chat, "and now?") == "still here"
    *_, first, _, last = await stub.get("raw")
    assert len(str(last["body"]["messages"])) < len(str(first["body"]["messages"]))
    assert last["body"]["messages"][-1]["content"] == "and now?"


async def test_a_summary_stands_for_what_was_said_before(begin: Begin, stub: Stub, chat: Chat) -> None:
    await begin()
    for number in range(4):
        await ask(chat, f"message {number}")
    await stub.script({"fault": "status:500"}, {"fault": "status:500"})
    assert "500" in (await ask(chat, "/compact"))  # and nothing is lost
    await stub.script({"reply": "## Rules\nBe brief."})
    assert await ask(chat, "/compact") == "What was said longer ago is a summary now."
    await stub.post("config", {"keep_requests": 1})
    await ask(chat, "and now?")
    *_, raw = await stub.get("raw")
    system, *messages = raw["body"]["messages"]
    assert "## Rules\nBe brief." in system["content"]
    assert [message["content"] for message in messages if message["role"] == "user"] == [
        "message 2",
        "message 3",
        "and now?",
    ]


async def test_the_same_call_over_and_over_is_ended_before_the_rounds_are_used_up(
    begin: Begin, stub: Stub, chat: Chat, set_up: SetUp
) -> None:
    await set_up("states")
    await begin(rounds=50)
    assert await ask(chat, "[[loop:get_state {}]] [[reply:enough]]") == "enough"
    assert await stub.requests() == 7
    told = await ask(chat, "/why")
    assert "get_state" in told
    assert "ended by the limit “calls”" in told


async def test_a_turn_that_takes_too_long_is_ended_with_a_sentence(begin: Begin, chat: Chat) -> None:
    await begin(model={"timeout": 60}, time=0.3)
    async with asyncio.timeout(10):
        assert (await ask(chat, "hello [[fault:hang]]")).startswith("I stopped here")
