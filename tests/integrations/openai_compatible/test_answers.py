"""What a model answers arrives whole and in order, however its server puts it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nanobot.contracts.model import Message, Model, Request, ToolCall
from tests.integrations.openai_compatible.conftest import TOOLS, Stub, ask, text_of, thoughts_of

Configure = Callable[..., Awaitable[None]]
Local = Callable[[], Model]

LONG = " ".join(f"w{i}" for i in range(2000))


async def test_an_answer_comes_in_pieces_and_in_order(configure: Configure, local: Local) -> None:
    await configure()
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


@pytest.mark.parametrize("fault", ["noisy_sse", "json_anyway", "usage_last", "no_finish", "no_done", "no_end"])
async def test_the_same_answer_in_another_form(configure: Configure, local: Local, fault: str) -> None:
    await configure()
    answer = await ask(local(), f"[[reply:Grüße, 世界 😀]][[chunks:4]][[fault:{fault}]]")
    assert text_of(answer) == "Grüße, 世界 😀"
    assert answer[1].finish == "stop"
    if fault not in ("no_finish", "no_end"):
        assert answer[1].usage["completion_tokens"] >= 1


async def test_a_model_that_does_not_stream_answers_at_once(configure: Configure, local: Local, stub: Stub) -> None:
    await configure({"local": {"model": "m", "stream": False}}, timeout=5)
    answer = await ask(local(), "[[reply:all of it]][[reasoning:hm]]")
    assert (text_of(answer), thoughts_of(answer)) == ("all of it", "hm")
    assert (answer[1].finish, len(answer[0])) == ("stop", 1)
    assert not (await stub.read("log"))[-1]["stream"]


@pytest.mark.parametrize("fault", ["empty_choices", "null_content"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "document"])
async def test_an_empty_answer_is_one(configure: Configure, local: Local, fault: str, stream: bool) -> None:
    await configure({"local": {"model": "m", "stream": stream}})
    answer = await ask(local(), f"[[fault:{fault}]]")
    assert (text_of(answer), answer[1].finish, answer[1].tool_calls) == ("", "stop", ())


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


CALLS = '[[tool:look {"at": "äpfel", "n": 1}]][[tool:look {"at": "b"}]]'


@pytest.mark.parametrize("fault", ["none", "fragments", "one_index", "no_ids", "object_args", "json_anyway"])
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


async def test_the_arguments_are_as_the_model_wrote_them(configure: Configure, local: Local) -> None:
    await configure()
    _, last = await ask(local(), "[[fault:bad_tool_args]]", tools=TOOLS)
    assert last.tool_calls[0].arguments == '{"path": "SOUL.md", '


async def test_a_conversation_with_tools_is_sent_as_the_api_wants_it(
    configure: Configure, local: Local, stub: Stub
) -> None:
    await stub.tell("config", {"keep_requests": 1})
    await configure()
    messages = [
        Message("system", "be brief"),
        Message("user", "look"),
        Message("assistant", "", (ToolCall("c1", "look", '{"at": "b"}'),)),
        Message("tool", "nothing there", tool_call_id="c1"),
    ]
    _ = [piece async for piece in local().stream(Request(messages, TOOLS))]
    body = (await stub.last_request())["body"]
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "b"}'}}
    assert body == {
        "model": "stub-model",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "nothing there", "tool_call_id": "c1"},
        ],
        "tools": list(TOOLS),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_parameters_of_the_request_go_before_those_of_the_configuration(
    configure: Configure, local: Local, stub: Stub
) -> None:
    await stub.tell("config", {"keep_requests": 1})
    options = {"model": "m", "temperature": 0.2, "max_tokens": 2000, "parameters": {"top_p": 0.9, "seed": 1}}
    await configure({"local": options})
    await ask(local(), "hi", temperature=1.0, seed=2)
    body = (await stub.last_request())["body"]
    assert {name: body[name] for name in ("model", "temperature", "max_tokens", "top_p", "seed")} == {
        "model": "m",
        "temperature": 1.0,
        "max_tokens": 2000,
        "top_p": 0.9,
        "seed": 2,
    }


async def test_half_a_character_does_not_stop_a_request(configure: Configure, local: Local, stub: Stub) -> None:
    await stub.tell("config", {"keep_requests": 1})
    await configure()
    assert text_of(await ask(local(), "a \ud83d b")) == "pong"
    assert (await stub.last_request())["body"]["messages"][0]["content"] == "a ? b"


async def test_a_server_that_does_not_know_stream_options_is_asked_without_from_then_on(
    configure: Configure, local: Local, stub: Stub
) -> None:
    await stub.tell("config", {"fault": "no_stream_options"})
    await configure()
    for _ in range(3):
        assert text_of(await ask(local(), "hi")) == "pong"
    assert (await stub.read("stats"))["requests"] == 4


async def test_while_a_long_tool_call_arrives_there_are_signs_of_life(
    configure: Configure, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    await configure()
    module: Any = importlib.import_module("integrations.openai_compatible.model")
    monkeypatch.setattr(module, "SIGN_OF_LIFE", 0.05)
    pieces, last = await ask(
        local(), '[[tool:look {"at": "abcdefgh"}]][[fault:fragments]][[chunk_delay:0.04]]', tools=TOOLS
    )
    assert len(pieces) >= 2
    assert last.tool_calls[0].arguments == '{"at": "abcdefgh"}'
