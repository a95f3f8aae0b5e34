"""Connections are used again, and ended when nobody listens any more."""

from __future__ import annotations

import asyncio
import gc
import importlib
import random
import time
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from nanobot.contracts.model import Delta, Message, Model, Request
from tests.integrations.litellm.conftest import Configure, Local
from tests.integrations.openai_compatible.conftest import TOOLS, Stub, ask, text_of

HELD = "[[reply:onetwo]][[chunks:2]][[fault:hold]]"


def begin(model: Model, text: str) -> AsyncGenerator[Delta]:
    """An answer that the test takes piece by piece."""
    return cast("AsyncGenerator[Delta]", model.stream(Request([Message("user", text)])))


@pytest.mark.parametrize("directive", ["", "[[fault:usage_last]]", "[[words:3000]][[chunks:300]]", "[[fault:no_done]]"])
async def test_one_connection_serves_one_call_after_the_other(
    configure: Configure, local: Local, stub: Stub, directive: str
) -> None:
    await configure()
    for _ in range(10):
        await ask(local(), f"hi {directive}")
    assert len({request["peer"] for request in await stub.read("log")}) == 1


async def test_fifty_answers_come_at_the_same_time(configure: Configure, local: Local, stub: Stub) -> None:
    await configure()
    texts = [f"[[reply:{n} {'word ' * 40}]][[chunks:10]][[latency:3]]" for n in range(50)]
    answers = await asyncio.gather(*[ask(local(), text) for text in texts])
    assert [text_of(answer).split()[0] for answer in answers] == [str(n) for n in range(50)]
    assert (await stub.read("stats"))["peak_inflight"] == 50


async def test_whoever_stops_listening_ends_the_connection(configure: Configure, local: Local, stub: Stub) -> None:
    await configure()
    await ask(local(), "the library is there")
    stream = begin(local(), HELD)
    assert (await anext(stream)).text == "one"
    await stream.aclose()
    await stub.wait(disconnected=1)


@pytest.mark.parametrize("text", [HELD, "[[fault:hang]]"], ids=["in the middle", "before the first piece"])
async def test_whoever_is_cancelled_ends_the_connection(
    configure: Configure, local: Local, stub: Stub, text: str
) -> None:
    await configure()
    task = asyncio.create_task(ask(local(), text))
    await stub.wait(requests=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stub.wait(disconnected=1)


async def test_a_long_tool_call_is_no_silence(configure: Configure, local: Local) -> None:
    await configure()
    await ask(local(), "the library is there")
    words = "x" * 9
    text = f'[[tool:look {{"at": "{words}"}}]][[fault:fragments]][[chunk_delay:0.4]]'
    pieces, last = await ask(local(), text, tools=TOOLS)
    assert len(pieces) >= 1  # empty ones, as a sign of life
    assert {(piece.text, piece.tool_calls) for piece in pieces} == {("", ())}
    assert last.tool_calls[0].name == "look"


async def test_the_proxy_of_the_environment_is_used(
    configure: Configure, local: Local, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stub.base_url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    await configure(base_url="http://models.invalid/v1")
    assert text_of(await ask(local(), "hi")) == "pong"


async def test_many_pieces_at_once_do_not_keep_others_waiting(configure: Configure, local: Local, stub: Stub) -> None:
    await configure()
    await ask(local(), "the library is there")
    stream = begin(local(), "[[words:2000]][[chunks:500]]")
    await anext(stream)
    time.sleep(0.5)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    waiting = asyncio.create_task(others())
    pieces = [piece.text async for piece in stream]
    waiting.cancel()
    assert len(pieces) > 400
    assert turns > 10


async def test_a_stop_at_any_moment_ends_the_connection(configure: Configure, local: Local, stub: Stub) -> None:
    await configure()
    await ask(local(), "the library is there")
    chance = random.Random(1)
    for _ in range(60):
        task = asyncio.create_task(ask(local(), HELD))
        await asyncio.sleep(chance.random() * 0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gc.collect()
    await stub.wait(inflight=0)
    assert text_of(await ask(local(), "hi")) == "pong"


async def test_a_long_conversation_costs_little_more_than_a_short_one(configure: Configure, local: Local) -> None:
    await configure()

    async def cost(messages: int) -> float:
        """Seconds of CPU time on the event loop."""
        request = Request([Message("user", f"message {number}") for number in range(messages)], TOOLS)
        costs = []
        for _ in range(5):
            before = time.thread_time()
            _ = [piece async for piece in local().stream(request)]
            costs.append(time.thread_time() - before)
        return min(costs)

    await cost(1)
    assert await cost(400) < 3 * await cost(1)  # 10 times as much where the client looks at each field


async def test_others_may_send_objects_through_the_same_client(configure: Configure, local: Local, stub: Stub) -> None:
    await configure()
    await ask(local(), "the library is there")
    openai: Any = importlib.import_module("openai")
    async with openai.AsyncOpenAI(api_key="none", base_url=stub.base_url) as client:
        said = (await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])).choices
        await client.chat.completions.create(
            model="m", messages=[said[0].message, {"role": "user", "content": "go on"}]
        )
    assert (await stub.read("log"))[-1]["messages"] == 2
