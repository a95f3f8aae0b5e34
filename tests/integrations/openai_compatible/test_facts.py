"""What a model costs, how much it takes, whether it sees, and how it does: configured, or found out at the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nanobot.agent.asking import Asking, NoAnswer
from nanobot.contracts.meter import Meter, Spent
from nanobot.contracts.model import Message, Model, Price, Request
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from nanobot.util.backoff import Backoff
from tests.integrations.openai_compatible.conftest import Stub

Configure = Callable[..., Awaitable[None]]
Local = Callable[[], Model]
QUICK = Backoff(first=0.001, limit=0.002)


class Counted(Meter):
    def __init__(self) -> None:
        super().__init__("counted")
        self.told: list[Spent] = []

    def spent(self, spent: Spent) -> None:
        self.told.append(spent)


async def found_out(house: House) -> None:
    checking = house.entry("openai_compatible").data.checking
    async with asyncio.timeout(5):
        await checking


async def say(house: House, text: str, name: str = "local") -> str:
    stream = Asking(house.hub, name, backoff=QUICK).stream(Request([Message("user", text)]))
    return "".join([getattr(piece, "text", "") async for piece in stream])


async def test_prices_window_and_vision_are_as_configured(configure: Configure, local: Local, house: House) -> None:
    prices = {"input": 3, "output": 15, "cached_input": 0.3}
    await configure({"local": {"model": "m", "prices": prices, "context_window": 8192, "vision": True}})
    await found_out(house)
    model = local()
    assert (model.price, model.context_window, model.sees) == (Price(3, 15, 0.3), 8192, True)
    await configure({"local": "m"})
    assert (model.price, model.context_window, model.sees) == (None, None, False)


ABOUT: dict[str, tuple[dict[str, Any], dict[str, Any], int | None, bool]] = {
    "nothing": ({}, {}, None, False),
    "vllm": ({"max_model_len": 32768}, {}, 32768, False),
    "openrouter": (
        {"context_length": 131072, "architecture": {"input_modalities": ["text", "image"]}}, {}, 131072, True
    ),
    "mistral": ({"max_context_length": 128000, "capabilities": {"vision": True}}, {}, 128000, True),
    "llama.cpp": (
        {"owned_by": "llamacpp", "meta": {"n_ctx_train": 131072}},
        {"/props": {"default_generation_settings": {"n_ctx": 8192}, "modalities": {"vision": True}}},
        8192,
        True,
    ),
    "llama.cpp without props": ({"owned_by": "llamacpp"}, {}, None, False),
    "ollama": (
        {"owned_by": "library"},
        {"/api/show": {"parameters": 'stop "<x>"\nnum_ctx    16384', "capabilities": ["completion", "vision"]}},
        16384,
        True,
    ),
    "ollama with its default": (
        {"owned_by": "library"}, {"/api/show": {"model_info": {"qwen3.context_length": 40960}}}, None, False
    ),
    "nonsense": ({"context_length": "many", "architecture": 7, "capabilities": ["x"]}, {}, None, False),
}  # fmt: skip


@pytest.mark.parametrize("server", ABOUT)
async def test_a_server_tells_how_much_a_model_takes_and_whether_it_sees(
    configure: Configure, local: Local, stub: Stub, house: House, server: str
) -> None:
    about, own, window, sees = ABOUT[server]
    await stub.tell("config", {"about": about, "own": own})
    await configure()
    await found_out(house)
    assert (local().context_window, local().sees) == (window, sees)


async def test_tokens_that_the_server_still_knew_are_cheaper(
    configure: Configure, stub: Stub, house: House, entry: Entry
) -> None:
    meter = Counted()
    entry.add(meter)
    await configure({"local": {"model": "m", "prices": {"input": 10, "output": 0, "cached_input": 1}}})
    await say(house, "hello [[cached:10]]")
    [spent] = meter.told
    assert spent.cached == 10
    assert not spent.estimated
    assert spent.cost == pytest.approx(((spent.prompt - 10) * 10 + 10) / 1e6)


async def test_the_health_of_a_model_is_an_entity(configure: Configure, stub: Stub, house: House) -> None:
    models = {"local": {"model": "m", "retries": 0, "context_window": 4096}, "a b": "x", "a-b": "y"}
    await configure(models)
    states = house.hub.states
    names = sorted(state.entity_id for state in states if state.entity_id.startswith("sensor.model_"))
    assert names == ["sensor.model_a_b", "sensor.model_a_b_2", "sensor.model_local"]

    def state() -> Any:
        found = states.get("sensor.model_local")
        assert found is not None
        return found

    assert state().state == "unknown"
    await say(house, "hello")
    assert (state().state, state().attributes["requests"]) == ("ok", 1)
    assert state().attributes["latency"] > 0
    for _ in range(3):
        with pytest.raises(NoAnswer):
            await say(house, "[[fault:status:500]]")
    assert state().state == "unavailable"
    assert "500" in state().attributes["last_error"]
    assert state().attributes["retry_at"]
    await configure({**models, "local": {"model": "other", "context_window": 4096}})
    assert state().state == "unknown"
    await configure({"a b": "x"})
    assert states.get("sensor.model_local") is None


async def test_limits_hold_at_the_server_and_an_edit_of_them_is_live(
    configure: Configure, stub: Stub, house: House
) -> None:
    await configure({"local": {"model": "m", "concurrency": 1}})
    slow = [asyncio.create_task(say(house, "[[latency:0.05]]")) for _ in range(3)]
    await asyncio.gather(*slow)
    assert (await stub.read("stats"))["peak_inflight"] == 1
    await configure({"local": {"model": "m", "concurrency": 3}})
    await asyncio.gather(*(say(house, "[[latency:0.1]]") for _ in range(3)))
    assert (await stub.read("stats"))["peak_inflight"] > 1


async def test_a_limit_on_tokens_that_only_a_sentence_explains_is_waited_for(
    configure: Configure, stub: Stub, house: House
) -> None:
    await configure()
    await stub.tell("script", [{"fault": "tokens_per_minute:0.2s"}])
    began = asyncio.get_running_loop().time()
    assert await say(house, "hello") == "pong"
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_silence_in_the_middle_of_an_answer_leads_to_the_fallback_and_to_the_entity(
    configure: Configure, stub: Stub, house: House, entry: Entry
) -> None:
    meter = Counted()
    entry.add(meter)
    await configure({"local": {"model": "m", "timeout": 0.2, "retries": 0, "fallbacks": ["other"]}, "other": "spare"})
    await stub.tell("script", [{"fault": "silent", "chunks": 4}])
    assert (await say(house, "hello")).endswith("pong")
    assert [(spent.model, spent.failed) for spent in meter.told] == [("local", True), ("other", False)]
    assert meter.told[0].completion > 0
    state = house.hub.states.get("sensor.model_local")
    assert state is not None
    assert state.state == "degraded"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"rate_limit": {"request": 3}}, "unknown option; did you mean 'requests'?"),
        ({"rate_limit": {"requests": 0}}, "requests: 0 is too small; the least is 1"),
        ({"concurrency": 0}, "concurrency: 0 is too small; the least is 1"),
        ({"prices": {"input": 3}}, "output"),
        ({"prices": {"input": -1, "output": 3}}, "-1 is out of range"),
        ({"context_window": 5}, "5 is too small; the least is 512"),
    ],
)
async def test_wrong_options_are_named(house: House, stub: Stub, options: dict[str, Any], why: str) -> None:
    config = {"base_url": stub.base_url, "models": {"local": {"model": "m", **options}}}
    applied = await house.apply(json.dumps({"openai_compatible": config}, indent=1))
    assert why in "\n".join(map(str, applied.problems))
