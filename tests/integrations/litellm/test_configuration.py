"""What may be written, what is said about mistakes, and what an edit changes."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from typing import Any

import psutil
import pytest

from integrations.litellm import rights
from nanobot.contracts.model import Message, Request
from nanobot.errors import ModelError, NotReady
from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House
from tests.integrations.litellm.conftest import KEY, Configure, Local
from tests.integrations.openai_compatible.conftest import Stub, ask, text_of

HELD = "[[reply:onetwo]][[chunks:2]][[fault:hold]]"

FULL = """
litellm:
  base_url: http://localhost:4000
  api_key: sk-not-a-real-key
  headers: {X-Title: nanobot}
  timeout: 60
  retries: 3
  models:
    cheap: openai/gpt-4.1-mini
    main:
      model: anthropic/claude-sonnet-4-5
      base_url: https://models.example
      api_key: sk-another-key
      headers: {X-Title: other}
      temperature: 0.2
      max_tokens: 2000
      timeout: 300
      retries: 1
      fallbacks: [cheap]
      parameters: {top_p: 0.9, thinking: {type: enabled, budget_tokens: 1024}}
      stream: false
litellm single:
  model: gemini/gemini-2.5-pro
"""


async def test_everything_that_can_be_written(house: House) -> None:
    await house.start(FULL)
    assert [str(problem) for problem in house.edits.problems] == []
    cheap, main, single = (house.hub.models.get(name) for name in ("cheap", "main", "litellm single"))
    assert cheap is not None
    assert main is not None
    assert single is not None
    assert (cheap.timeout, cheap.retries, cheap.fallbacks) == (60, 3, ())
    assert (main.timeout, main.retries, main.fallbacks) == (300, 1, ("cheap",))
    assert (single.timeout, single.retries, single.fallbacks) == (120, 2, ())
    assert len(house.hub.issues) == 0


WRONG: dict[str, tuple[str, str]] = {
    "no model": ("timeout: 3", "litellm: one of 'model', 'models', 'embeddings' is needed"),
    "not the web": (
        "base_url: ftp://localhost\n  model: openai/m",
        "litellm > base_url: 'ftp://localhost' is not an address; write it like 'https://example.com'",
    ),
    "an unknown option": (
        "model: openai/m\n  api_kee: a",
        "litellm > api_kee: unknown option; did you mean 'api_key'?",
    ),
    "what is filled in": (
        "models: {m: {model: openai/m, parameters: {stream: true}}}",
        "litellm > models > m > parameters > stream: this is no parameter; nanobot fills it in",
    ),
    "what has an option": (
        "models: {m: {model: openai/m, parameters: {num_retries: 3}}}",
        "litellm > models > m > parameters > num_retries: this is no parameter; use the option 'retries'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_mistake_is_told(house: House, case: str) -> None:
    written, sentence = WRONG[case]
    await house.start(f"litellm:\n  {written}\n")
    assert [str(problem).partition(": ")[2] for problem in house.edits.problems] == [sentence]


def test_it_is_said_where_conversations_go() -> None:
    common: dict[str, Any] = {"timeout": 1, "retries": 1, "headers": {}}
    model: dict[str, Any] = {"fallbacks": [], "parameters": {}, "headers": {}, "stream": True}
    models = {
        "a": {**model, "model": "anthropic/claude"},
        "b": {**model, "model": "openai/m", "base_url": "https://a.example/v1/?key=hidden"},
        "c": {**model, "model": "gpt-4.1-mini"},
    }
    assert rights({**common, "models": models}) == {
        "sends conversations to anthropic",
        "sends conversations to https://a.example/v1",
        "sends conversations to the provider of gpt-4.1-mini",
    }


async def test_a_provider_that_nobody_knows_is_told_with_the_nearest(configure: Configure, house: House) -> None:
    await configure({"a": "antropic/claude", "b": "no-such-model", "c": "openai/m"})
    await ask(house.hub.models.get("c"), "the library is there")
    texts = [issue.text("en") for issue in house.hub.issues]
    assert texts == [
        "The model 'a' is to be 'antropic/claude', but LiteLLM knows no such provider. Did you mean 'anthropic/…'?",
        (
            "The model 'b' is to be 'no-such-model', but LiteLLM knows no such provider. "
            "Write the provider before the model, such as 'openai/gpt-4.1-mini'."
        ),
    ]
    with pytest.raises(ModelError, match="b: litellm does not know this provider; write it as 'provider/model'"):
        await ask(house.hub.models.get("b"), "hi")
    await configure({"a": "anthropic/claude", "c": "openai/m"})
    assert len(house.hub.issues) == 0


@pytest.mark.parametrize(
    ("address", "key", "told"),
    [("http://models.example/v1", KEY, True), ("https://models.example/v1", KEY, False),
     ("http://192.168.1.7:1/v1", KEY, False), ("http://models.example/v1", None, False)],
)  # fmt: skip
async def test_a_key_that_travels_unencrypted_is_warned_of(
    house: House, address: str, key: str | None, told: bool
) -> None:
    await house.start(f"litellm:\n  base_url: {address}\n  model: openai/m\n" + (f"  api_key: {key}\n" if key else ""))
    assert ("litellm.unencrypted" in house.hub.issues) is told
    await house.apply("litellm:\n  base_url: https://models.example/v1\n  model: openai/m\n")
    assert "litellm.unencrypted" not in house.hub.issues


async def test_a_name_that_another_integration_has_waits_until_it_is_free(
    configure: Configure, house: House, stub: Stub
) -> None:
    other = f"openai_compatible:\n  base_url: {stub.base_url}\n  models: {{local: stub-model}}\n"
    ours = f"litellm:\n  base_url: {stub.base_url}\n  models: {{local: openai/stub-model}}\n"
    await house.start(other)
    first = house.hub.models.get("local")
    await house.apply(other + ours)
    assert house.hub.models.get("local") is first
    assert "litellm/local.name_taken" in house.hub.issues
    await house.apply(ours)
    assert "litellm/local.name_taken" not in house.hub.issues
    assert text_of(await ask(house.hub.models.get("local"), "hi")) == "pong"


# -- edits -------------------------------------------------------------------------------------------


async def test_an_edit_leaves_a_running_answer_alone(
    configure: Configure, house: House, local: Local, stub: Stub
) -> None:
    await configure({"local": "openai/a", "other": "openai/b"})
    await ask(local(), "the library is there")
    entry, model, other = house.entry("litellm"), local(), house.hub.models.get("other")
    stream = model.stream(Request([Message("user", HELD)]))
    assert (await anext(stream)).text == "one"
    await configure({"local": {"model": "openai/c", "timeout": 7}, "other": "openai/b"}, api_key=KEY)
    assert (house.entry("litellm"), local(), house.hub.models.get("other")) == (entry, model, other)
    assert (local().timeout, house.entry("litellm").state) == (7, EntryState.LOADED)
    await configure({"other": "openai/b"})  # even the model that answers is gone
    await stub.tell("release")
    assert "".join([piece.text async for piece in stream]) == "two"
    assert house.hub.models.names() == ["other"]


async def test_the_next_call_goes_by_the_edit(configure: Configure, local: Local, stub: Stub) -> None:
    await configure({"local": "openai/a"})
    await ask(local(), "hi")
    await stub.tell("config", {"api_key": KEY})
    await configure({"local": "openai/b"}, api_key=KEY)
    assert text_of(await ask(local(), "hi")) == "pong"
    assert [request["model"] for request in await stub.read("log")] == ["a", "b"]


async def test_unload_ends_answers_and_leaves_nothing(
    configure: Configure, house: House, local: Local, stub: Stub
) -> None:
    def left() -> tuple[list[str], int, int]:
        gc.collect()
        tasks = sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks())  # type: ignore[union-attr]
        tasks = [name for name in tasks if name != "Edits._advise"]  # the lifecycle's own, two seconds after an edit
        return tasks, len(psutil.Process().net_connections()), len(house.hub.issues)

    await house.start("")
    before = left()
    await configure({"local": "openai/a", "whole": {"model": "openai/a", "stream": False}})
    model = local()
    await ask(model, "hi")
    await ask(house.hub.models.get("whole"), "hi")
    running = asyncio.create_task(ask(model, HELD))
    await stub.wait(requests=3)
    await house.apply("")
    with pytest.raises(NotReady, match="local is being reloaded"):
        await running
    with pytest.raises(NotReady, match="local is being reloaded"):
        await ask(model, "hi")
    await stub.wait(disconnected=1)
    await asyncio.sleep(0.05)
    assert left() == before


async def test_entries_do_not_end_the_answers_of_one_another(house: House, stub: Stub) -> None:
    one = f"litellm:\n  base_url: {stub.base_url}\n  models: {{local: openai/a}}\n"
    two = f"litellm two:\n  base_url: {stub.base_url}\n  models: {{other: openai/b}}\n"
    await house.start(one + two)
    model = house.hub.models.get("local")
    assert model is not None
    await ask(model, "hi")
    async with aclosing(model.stream(Request([Message("user", HELD)]))) as stream:  # type: ignore[type-var]
        await anext(stream)
        await house.apply(one)
        await stub.tell("release")
        assert "".join([piece.text async for piece in stream]) == "two"
