"""Vectors of texts through the real library, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from nanobot.contracts.model import Price
from nanobot.errors import ModelError, NanobotError, NotReady
from nanobot.testing.plugin import House
from tests.integrations.memory.test_embeddings import Bench, bench, until
from tests.integrations.openai_compatible.conftest import KEY, Stub, embed
from tests.integrations.openai_compatible.test_embeddings import WRONG, Embeddings

__all__ = ["bench"]

AS_IT_SAYS = {"garbage", "html", "words", "nan", "reset"}
"""What the library itself trips over; it has its own words for that."""


@pytest.fixture
def embeddings(house: House, stub: Stub) -> Embeddings:
    """``await embeddings({"small": "openai/stub-embed"}, api_key=…)``."""

    async def embeddings(some: Any, **options: Any) -> None:
        config = {"base_url": stub.base_url, "embeddings": some, **options}
        applied = await house.apply(json.dumps({"litellm": config}))
        assert not applied.problems, "\n".join(map(str, applied.problems))

    return embeddings


async def test_texts_become_vectors_in_their_order(embeddings: Embeddings, house: House, stub: Stub) -> None:
    await embeddings({"small": {"model": "openai/stub-embed", "dimensions": 16}}, api_key=KEY)
    await stub.tell("config", {"api_key": KEY, "keep_requests": 1})
    tea, cake, tea_again = await embed(house, "small", "tea", "cake", "tea")
    assert tea == tea_again != cake
    assert len(tea) == 16
    body = (await stub.last_request())["body"]
    assert body == {
        "model": "stub-embed",
        "input": ["tea", "cake", "tea"],
        "dimensions": 16,
        "encoding_format": "float",
    }


@pytest.mark.parametrize("fault", WRONG)
async def test_what_makes_no_sense_is_no_vector(embeddings: Embeddings, house: House, stub: Stub, fault: str) -> None:
    await embeddings({"small": "openai/stub-embed"})
    await embed(house, "small", "the library is there")
    await stub.tell("reset")
    timeout = 0.5 if fault == "hang" else 20
    await embeddings({"small": {"model": "openai/stub-embed", "dimensions": 16, "timeout": timeout}}, api_key=KEY)
    await stub.tell("config", {"embedding": {"fault": fault}})
    kind, sentence = WRONG[fault]
    with pytest.raises(NanobotError) as caught:
        await embed(house, "small", "tea", "cake")
    assert str(caught.value).startswith("small")
    assert "Traceback" not in str(caught.value)
    if fault not in AS_IT_SAYS:
        assert type(caught.value) is kind
        assert sentence in str(caught.value)
    else:
        assert isinstance(caught.value, (NotReady, ModelError))
    assert (await stub.read("stats"))["requests"] == 1


async def test_whoever_gives_up_ends_the_connection(embeddings: Embeddings, house: House, stub: Stub) -> None:
    await embeddings({"small": "openai/stub-embed"})
    await embed(house, "small", "the library is there")
    await stub.tell("config", {"embedding": {"fault": "hang"}})
    task = asyncio.create_task(embed(house, "small", "tea"))
    await stub.wait(requests=2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stub.wait(disconnected=1)


async def test_an_unload_ends_what_is_being_asked(embeddings: Embeddings, house: House, stub: Stub) -> None:
    await embeddings({"small": "openai/stub-embed"})
    await embed(house, "small", "the library is there")
    await stub.tell("config", {"embedding": {"fault": "hang"}})
    task = asyncio.create_task(embed(house, "small", "tea"))
    await stub.wait(requests=2)
    await house.apply("nanobot:\n")
    with pytest.raises(NotReady, match="is being reloaded"):
        await task
    assert house.hub.embedders.names() == []


async def test_the_memory_finds_by_meaning_through_it(bench: Bench) -> None:
    await bench.configure("litellm")
    anna = bench.person("anna")
    await anna("remember", fact="Anna bought a red car.")
    await bench.settled()

    async def found() -> bool:
        return "red car" in await anna("recall", words="automobile")

    await until(found)


async def test_the_library_knows_what_it_costs(embeddings: Embeddings, house: House, stub: Stub) -> None:
    mine = {"model": "openai/text-embedding-3-small", "base_url": stub.base_url}
    config = {"embeddings": {"small": "openai/text-embedding-3-small", "mine": mine}}
    await house.apply(json.dumps({"litellm": config}))
    await embed(house, "mine", "the library is there")
    assert house.hub.embedders.get("small").price == Price(0.02, 0.0)  # type: ignore[union-attr]
    assert house.hub.embedders.get("mine").price is None  # type: ignore[union-attr]


async def test_a_full_batch_does_not_keep_others_waiting(embeddings: Embeddings, house: House, stub: Stub) -> None:
    await embeddings({"small": {"model": "openai/stub-embed", "dimensions": 768}})
    await embed(house, "small", "the library is there")
    longest, last = 0.0, time.thread_time()

    async def others() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)
            longest, last = max(longest, time.thread_time() - last), time.thread_time()

    waiting = asyncio.create_task(others())
    await embed(house, "small", *(f"fact {number}" for number in range(32)))
    waiting.cancel()
    assert longest < 0.05
