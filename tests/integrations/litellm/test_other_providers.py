"""A provider with an API of its own is understood as well: Anthropic's, as its documentation shows it."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
from aiohttp import web

from nanobot.agent.models.pictures import picture
from nanobot.contracts.model import Message, Price, Request, ToolCall
from nanobot.errors import AuthFailed, ModelError, NanobotError, NotReady
from nanobot.testing.plugin import House
from tests.agent.test_pictures import png
from tests.integrations.litellm.conftest import KEY
from tests.integrations.openai_compatible.conftest import TOOLS, ask, text_of, thoughts_of

Event = dict[str, Any]

START: Event = {
    "type": "message_start",
    "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude", "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 25, "output_tokens": 1},
    },
}  # fmt: skip
THOUGHT: list[Event] = [
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "let me see"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "abc"}},
    {"type": "content_block_stop", "index": 0},
]
TEXT: list[Event] = [
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": ", wörld"}},
    {"type": "content_block_stop", "index": 1},
]
CALL: list[Event] = [
    {"type": "content_block_start", "index": 2,
     "content_block": {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"at":'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ' "b"}'}},
    {"type": "content_block_stop", "index": 2},
]  # fmt: skip
OVERLOADED: Event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def end(reason: str) -> list[Event]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 15}}, {"type": "message_stop"}]


class Anthropic:
    """Answers with ``events``, or with ``refusal``: status, error, headers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.refusal: tuple[int, dict[str, Any], dict[str, str]] | None = None
        self.cut = False
        self.asked: list[Event] = []
        self.headers: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        if self.refusal is not None:
            status, error, headers = self.refusal
            return web.json_response({"type": "error", "error": error}, status=status, headers=headers)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events:
            await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        if self.cut and request.transport is not None:
            request.transport.abort()
        return response


@pytest.fixture
async def anthropic(house: House) -> AsyncIterator[Anthropic]:
    provider = Anthropic()
    app = web.Application()
    app.router.add_post("/v1/messages", provider.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    config = {"model": "anthropic/claude-sonnet-4-5", "base_url": site.name, "api_key": KEY, "timeout": 30}
    await house.start(json.dumps({"litellm": {"models": {"local": config}}}))
    yield provider
    await house.close()
    await runner.cleanup()


async def test_thoughts_text_calls_and_tokens_are_understood(house: House, anthropic: Anthropic) -> None:
    anthropic.events = [START, *THOUGHT, *TEXT, *CALL, *end("tool_use")]
    answer = await ask(house.hub.models.get("local"), "hi", tools=TOOLS)
    assert (thoughts_of(answer), text_of(answer)) == ("let me see", "Hello, wörld")
    last = answer[1]
    assert (last.finish, last.tool_calls) == ("tool_calls", (ToolCall("toolu_1", "look", '{"at": "b"}'),))
    assert (last.usage["prompt_tokens"], last.usage["completion_tokens"]) == (25, 15)
    assert anthropic.headers["x-api-key"] == KEY


async def test_a_conversation_with_calls_is_sent_also_when_no_tools_are_offered(
    house: House, anthropic: Anthropic
) -> None:
    anthropic.events = [START, *TEXT, *end("end_turn")]
    model = house.hub.models.get("local")
    assert model is not None
    messages = [
        Message("system", "be brief"),
        Message("user", "look"),
        Message("assistant", "", (ToolCall("c1", "look", '{"at": "b"}'), ToolCall("c2", "look", "{}"))),
        Message("tool", "nothing there", tool_call_id="c1"),
        Message("tool", "nor there", tool_call_id="c2"),
    ]
    pieces = [piece async for piece in model.stream(Request(messages))]
    assert "".join(piece.text for piece in pieces) == "Hello, wörld"
    sent = anthropic.asked[0]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "tool_result"]


async def test_what_stays_the_same_is_marked_to_be_kept_and_what_was_kept_is_counted(
    house: House, anthropic: Anthropic
) -> None:
    start = json.loads(json.dumps(START))
    start["message"]["usage"] |= {"cache_read_input_tokens": 100, "cache_creation_input_tokens": 50}
    anthropic.events = [start, *TEXT, *end("end_turn")]
    model = house.hub.models.get("local")
    assert model is not None
    messages = [
        Message("system", "You are nanobot.\n\nNow: 12:00", stable=16),
        Message("user", "look"),
        Message("assistant", "", (ToolCall("c1", "look", "{}"),)),
        Message("tool", "nothing there", tool_call_id="c1"),
    ]
    pieces = [piece async for piece in model.stream(Request(messages, TOOLS))]
    sent = anthropic.asked[0]
    keep = {"type": "ephemeral"}
    assert [(part["text"], part.get("cache_control")) for part in sent["system"]] == [
        ("You are nanobot.", keep),
        ("\n\nNow: 12:00", None),
    ]
    assert sent["tools"][-1]["cache_control"] == keep
    assert sent["messages"][-1]["content"][-1]["cache_control"] == keep
    usage = pieces[-1].usage
    assert (usage["cached_tokens"], usage["written_tokens"]) == (100, 50)
    assert usage["prompt_tokens"] == 25 + 100 + 50
    _ = [piece async for piece in model.stream(Request([Message("user", "hi")]))]
    assert "cache_control" not in json.dumps(anthropic.asked[1])


async def test_a_picture_is_sent_as_this_provider_wants_it(house: House, anthropic: Anthropic) -> None:
    anthropic.events = [START, *TEXT, *end("end_turn")]
    model = house.hub.models.get("local")
    assert model is not None
    shown = Message("user", "what is it?", images=(picture(png(4, 3)),))
    _ = [piece async for piece in model.stream(Request([shown], TOOLS))]
    [text, image] = anthropic.asked[0]["messages"][0]["content"]
    assert text["text"] == "what is it?"
    assert image["type"] == "image"
    assert (image["source"]["type"], image["source"]["media_type"]) == ("base64", "image/png")
    assert model.sees


async def test_the_table_of_the_library_tells_price_window_and_vision(house: House) -> None:
    here = {"base_url": "http://127.0.0.1:9/v1", "api_key": KEY}
    models = {
        "claude": {"model": "anthropic/claude-sonnet-4-5", "api_key": KEY},
        "at home": {"model": "openai/gpt-4o", **here},
        "bargain": {"model": "openai/gpt-4o", "api_key": KEY, "prices": {"input": 1, "output": 2}, "vision": False},
        "unheard of": {"model": "openai/nobody-knows", **here},
    }
    await house.start(json.dumps({"litellm": {"models": models}}))
    async with asyncio.timeout(60):
        while getattr(house.hub.models.get("claude"), "price", None) is None:
            await asyncio.sleep(0.02)

    def facts(name: str) -> Any:
        model = house.hub.models.get(name)
        assert model is not None
        return model.price, model.context_window, model.sees

    assert facts("claude") == (Price(3.0, 15.0, 0.3, 3.75), 200_000, True)
    assert facts("at home") == (None, 128_000, True)
    assert facts("bargain") == (Price(1, 2), 128_000, False)
    assert facts("unheard of") == (None, None, False)


REFUSALS: dict[str, tuple[int, str, dict[str, str], type[NanobotError], str]] = {
    "overloaded": (529, "Overloaded", {}, NotReady, "local: {url} answers 529: Overloaded"),
    "limited": (429, "Slow down", {"retry-after": "7"}, NotReady,
                "local: {url} answers 429 Too Many Requests: Slow down"),
    "key": (401, "invalid x-api-key", {}, AuthFailed,
            "local: {url} refuses the key (401); set another one as 'api_key'"),
    "request": (400, "max_tokens: too large", {}, ModelError,
                "local: {url} refuses the request with 400 Bad Request: max_tokens: too large"),
    "length": (400, "prompt is too long: 9 tokens > 8 maximum", {}, ModelError,
               "local: the conversation is too long for this model: prompt is too long: 9 tokens > 8 maximum"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
async def test_its_errors_are_told_in_its_own_words(house: House, anthropic: Anthropic, case: str) -> None:
    status, message, headers, kind, sentence = REFUSALS[case]
    anthropic.refusal = (status, {"type": "some_error", "message": message}, headers)
    model = house.hub.models.get("local")
    with pytest.raises(NanobotError) as caught:
        await ask(model, "hi")
    url = model.settings.base_url  # type: ignore[union-attr]
    assert (type(caught.value), str(caught.value)) == (kind, sentence.format(url=url))
    if headers:
        assert getattr(caught.value, "retry_after", None) == 7
    assert len(anthropic.asked) == 1, "it was asked again in secret"


@pytest.mark.parametrize("how", ["an error", "a cut", "half a call"])
async def test_an_answer_that_ends_with_something_else_is_not_ready(
    house: House, anthropic: Anthropic, how: str
) -> None:
    anthropic.events = [START, *TEXT, *{"an error": [OVERLOADED], "a cut": [], "half a call": CALL[:3]}[how]]
    anthropic.cut = how == "a cut"
    with pytest.raises(NotReady):
        await ask(house.hub.models.get("local"), "hi", tools=TOOLS)


async def test_unload_closes_the_connections_time_and_again(house: House, anthropic: Anthropic) -> None:
    anthropic.events = [START, *TEXT, *end("end_turn")]
    configuration = (house.config_dir / "configuration.yaml").read_text()
    gc.collect()
    await house.apply("")
    before = len(psutil.Process().net_connections())
    for _ in range(3):
        await house.apply(configuration)
        assert text_of(await ask(house.hub.models.get("local"), "hi")) == "Hello, wörld"
        await house.apply("")
        async with asyncio.timeout(5):
            while len(psutil.Process().net_connections()) != before:
                await asyncio.sleep(0.01)  # the provider's side takes a moment
