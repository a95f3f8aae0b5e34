"""What a model answers through the library arrives whole and in order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nanobot.contracts.model import Message, Request, ToolCall
from tests.integrations.litellm.conftest import KEY, Configure, Local
from tests.integrations.openai_compatible.conftest import TOOLS, Stub, ask, text_of, thoughts_of

LONG = " ".join(f"w{i}" for i in range(2000))
CALLS = '[[tool:look {"at": "äpfel", "n": 1}]][[tool:look {"at": "b"}]]'


async def test_an_answer_comes_in_pieces_and_in_order(configure: Configure, local: Local) -> None:
    await configure()
    await ask(local(), "the library is there")
    pieces, last = await ask(local(), "[[words:2000]][[chunks:100]]")
    assert len(pieces) == 100
    assert text_of((pieces, last)) == LONG
    assert last.finish == "stop"
    assert last.usage["total_tokens"] == last.usage["prompt_tokens"] + last.usage["completion_tokens"]


async def test_each_piece_is_passed_on_before_the_next_one_is_there(
    configure: Configure, local: Local, stub: Stub
) -> None:
    await configure()
    stream = local().stream(Request([Message("user", "[[reply:onetwo]][[chunks:2]][[fault:hold]]")]))
    assert (await anext(stream)).text == "one"
    await stub.tell("release")
    assert "".join([piece.text async for piece in stream]) == "two"


@pytest.mark.parametrize("fault", ["usage_last", "no_finish", "no_done", "no_end"])
async def test_the_same_answer_in_another_form(configure: Configure, local: Local, fault: str) -> None:
    await configure()
    answer = await ask(local(), f"[[reply:Grüße, 世界 😀]][[chunks:4]][[fault:{fault}]]")
    assert text_of(answer) == "Grüße, 世界 😀"
    assert answer[1].finish == "stop"
    if fault not in ("no_finish", "no_end"):
        assert answer[1].usage["completion_tokens"] >= 1


async def test_a_server_that_cannot_count_tokens_is_not_asked_to(
    configure: Configure, local: Local, stub: Stub
) -> None:
    await configure()
    for _ in range(2):
        assert text_of(await ask(local(), "[[fault:no_stream_options]]")) == "pong"
    assert (await stub.read("stats"))["requests"] == 3  # refused once, and remembered


async def test_a_model_that_does_not_stream_answers_at_once(configure: Configure, local: Local, stub: Stub) -> None:
    await configure({"local": {"model": "openai/m", "stream": False}})
    answer = await ask(local(), f"[[reply:all of it]][[reasoning:hm]]{CALLS}", tools=TOOLS)
    assert (thoughts_of(answer), len(answer[1].tool_calls)) == ("hm", 2)
    answer = await ask(local(), "[[reply:all of it]]")
    assert (text_of(answer), answer[1].finish, len(answer[0])) == ("all of it", "stop", 1)
    assert answer[1].usage["total_tokens"] >= 2
    assert not (await stub.read("log"))[-1]["stream"]


async def test_an_end_is_not_waited_for_when_everything_was_said(configure: Configure, local: Local) -> None:
    await configure()
    answer = await ask(local(), "[[fault:lingers]]")
    assert text_of(answer) == "pong"
    assert answer[1].usage


@pytest.mark.parametrize("chunks", [1, 3, 40])
async def test_thoughts_are_told_from_the_answer(configure: Configure, local: Local, chunks: int) -> None:
    await configure()
    for directive in ("[[reasoning:let me see]]", "[[think:let me see]]"):
        answer = await ask(local(), f"{directive}[[reply:it is <think> here]][[chunks:{chunks}]]")
        assert thoughts_of(answer) == "let me see"
        assert text_of(answer) == "it is <think> here"


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("fault", ["none", "fragments", "one_index", "no_ids", "object_args"])
async def test_tool_calls_come_whole_with_the_last_piece(configure: Configure, local: Local, fault: str) -> None:
    await configure()
    pieces, last = await ask(local(), f"{CALLS}[[fault:{fault}]]", tools=TOOLS)
    assert not any(piece.tool_calls for piece in pieces)
    assert last.finish == "tool_calls"
    assert [(call.name, json.loads(call.arguments)) for call in last.tool_calls] == [
        ("look", {"at": "äpfel", "n": 1}),
        ("look", {"at": "b"}),
    ]
    assert len({call.id for call in last.tool_calls} - {""}) == 2


async def test_what_is_configured_and_what_is_asked_is_sent(configure: Configure, local: Local, stub: Stub) -> None:
    await stub.tell("config", {"keep_requests": 1, "api_key": KEY})
    model = {"model": "openai/m", "temperature": 0.2, "max_tokens": 20, "parameters": {"seed": 7, "top_p": 0.5}}
    headers = {"X-Title": "nanobot", "X-Api-Key": "other"}
    await configure({"local": model}, api_key=f" {KEY}\n", headers=headers)
    messages = [
        Message("system", "be brief"),
        Message("user", "look \ud83d here"),  # half of a character, as a file may hold it
        Message("assistant", "", (ToolCall("c1", "look", '{"at": "b"}'),)),
        Message("tool", "nothing there", tool_call_id="c1"),
    ]
    before = json.dumps(TOOLS)
    _ = [piece async for piece in local().stream(Request(messages, TOOLS, {"top_p": 0.9}))]
    assert json.dumps(TOOLS) == before
    sent = await stub.last_request()
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "b"}'}}
    expected: dict[str, Any] = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "look ? here"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "content": "nothing there", "tool_call_id": "c1"},
        ],
        "tools": list(TOOLS),
        "temperature": 0.2,
        "max_tokens": 20,
        "seed": 7,
        "top_p": 0.9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert sent["body"] == expected
    found = {name.lower(): value for name, value in sent["headers"].items()}
    shown = {name: found[name] for name in ("authorization", "x-title", "x-api-key")}
    assert shown == {"authorization": f"Bearer {KEY}", "x-title": "nanobot", "x-api-key": "other"}


async def test_a_key_of_the_environment_is_not_sent_to_a_server_of_ones_own(
    configure: Configure, local: Local, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    await stub.tell("config", {"keep_requests": 1})
    await configure()
    assert text_of(await ask(local(), "hi")) == "pong"
    assert KEY not in json.dumps(await stub.last_request())
