"""Vectors of texts from the embeddings API, over real HTTP: what comes back, what is refused, what it costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from integrations.openai_compatible import rights
from nanobot.contracts.meter import Meter, Spender, Spent
from nanobot.errors import AuthFailed, ModelError, NotReady
from nanobot.testing.plugin import House
from tests.integrations.openai_compatible.conftest import KEY, Stub, ask, embed, text_of

Embeddings = Callable[..., Awaitable[None]]

WRONG: dict[str, tuple[type[Exception], str]] = {
    "garbage": (NotReady, "answered with something that cannot be read"),
    "html": (NotReady, "answered with something that cannot be read"),
    "fewer": (NotReady, "answered with something that cannot be read"),
    "mixed": (NotReady, "answered with something that cannot be read"),
    "nan": (NotReady, "answered with something that cannot be read"),
    "zeros": (NotReady, "answered with something that cannot be read"),
    "words": (NotReady, "answered with something that cannot be read"),
    "short": (ModelError, "gives vectors of 15 numbers instead of 16; correct or leave out 'dimensions'"),
    "status:500": (NotReady, "answers 500 Internal Server Error: stub error 500"),
    "status:429": (NotReady, "answers 429 Too Many Requests: stub error 429"),
    "status:400": (ModelError, "refuses the request with 400 Bad Request: stub error 400"),
    "status:401": (AuthFailed, "refuses the key (401)"),
    "hang": (NotReady, "said nothing for 0.5 s"),
    "reset": (NotReady, "cannot be reached"),
}


class Counted(Meter):
    """Remembers; says no when told to."""

    def __init__(self) -> None:
        super().__init__("counted")
        self.told: list[Spent] = []
        self.no: str | None = None

    def refusal(self, spender: Spender, model: str) -> str | None:
        return self.no

    def spent(self, spent: Spent) -> None:
        self.told.append(spent)


@pytest.fixture
def embeddings(house: House, stub: Stub) -> Embeddings:
    """``await embeddings({"small": "stub-embed"}, api_key=…)``."""

    async def embeddings(some: Any, **options: Any) -> None:
        config = {"base_url": stub.base_url, "embeddings": some, **options}
        applied = await house.apply(json.dumps({"openai_compatible": config}))
        assert not applied.problems, "\n".join(map(str, applied.problems))

    return embeddings


async def test_texts_become_vectors_in_their_order(embeddings: Embeddings, house: House, stub: Stub) -> None:
    await embeddings({"small": {"model": "stub-embed", "dimensions": 16, "parameters": {"user": "me"}}}, api_key=KEY)
    await stub.tell("config", {"api_key": KEY, "embedding": {"fault": "shuffled"}, "keep_requests": 1})
    tea, cake, tea_again = await embed(house, "small", "tea", "cake", "tea")
    assert tea == tea_again != cake
    assert len(tea) == 16
    body = (await stub.last_request())["body"]
    assert body == {"model": "stub-embed", "input": ["tea", "cake", "tea"], "dimensions": 16, "user": "me"}


async def test_texts_and_questions_have_the_prefixes_that_their_model_wants(
    embeddings: Embeddings, house: House, stub: Stub
) -> None:
    await embeddings({"small": {"model": "stub-embed", "prefixes": {"text": "doc: ", "question": "ask: "}}})
    await stub.tell("config", {"keep_requests": 1})
    small = house.hub.embedders.get("small")
    assert small is not None
    await small.embed(["tea"])
    await small.embed(["tea"], question=True)
    assert [one["body"]["input"] for one in await stub.read("raw")] == [["doc: tea"], ["ask: tea"]]
    space = small.space
    await embeddings({"small": {"model": "stub-embed", "prefixes": {"text": "doc: "}}})
    assert small.space == space
    await embeddings({"small": "stub-embed"})
    assert small.space == "stub-embed" != space


@pytest.mark.parametrize("fault", WRONG)
async def test_what_makes_no_sense_is_no_vector(embeddings: Embeddings, house: House, stub: Stub, fault: str) -> None:
    timeout = 0.5 if fault == "hang" else 20
    await embeddings({"small": {"model": "stub-embed", "dimensions": 16, "timeout": timeout}}, api_key=KEY)
    await stub.tell("config", {"embedding": {"fault": fault}})
    kind, sentence = WRONG[fault]
    with pytest.raises(kind) as caught:
        await embed(house, "small", "tea", "cake")
    assert str(caught.value).startswith("small")
    assert sentence in str(caught.value)


async def test_it_is_counted_and_a_budget_blocks_it(embeddings: Embeddings, house: House, stub: Stub) -> None:
    meter = Counted()
    house.core.add(meter)
    await embeddings({"small": {"model": "stub-embed", "prices": {"input": 20}}, "free": "stub-embed"})
    await embed(house, "small", "x" * 396)
    await stub.tell("config", {"embedding": {"fault": "no_usage"}})
    await embed(house, "free", "x" * 396)
    await stub.tell("config", {"embedding": {"fault": "status:500"}})
    with pytest.raises(NotReady):
        await embed(house, "free", "x")
    assert [(one.model, one.prompt, one.cost, one.estimated, one.failed) for one in meter.told] == [
        ("small", 100, 0.002, False, False),
        ("free", 99, None, True, False),
        ("free", 0, 0.0, False, True),
    ]
    meter.no = "Enough for today."
    asked = (await stub.read("stats"))["requests"]
    with pytest.raises(Exception, match="Enough for today"):
        await embed(house, "small", "tea")
    assert (await stub.read("stats"))["requests"] == asked


async def test_whoever_gives_up_ends_the_connection(embeddings: Embeddings, house: House, stub: Stub) -> None:
    await embeddings({"small": "stub-embed"})
    await stub.tell("config", {"embedding": {"fault": "hang"}})
    task = asyncio.create_task(embed(house, "small", "tea"))
    await stub.wait(requests=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stub.wait(disconnected=1)


async def test_an_edit_is_taken_over_in_place_and_tells_which_vectors_fit(
    embeddings: Embeddings, house: House, stub: Stub
) -> None:
    await embeddings({"small": "stub-embed"})
    small = house.hub.embedders.get("small")
    assert small is not None
    assert small.space == "stub-embed"
    await embeddings({"small": {"model": "stub-embed", "timeout": 3}, "other": "stub-embed"})
    assert (house.hub.embedders.get("small"), small.space, small.timeout) == (small, "stub-embed", 3)
    await embeddings({"small": {"model": "stub-embed", "dimensions": 16}})
    assert house.hub.embedders.names() == ["small"]
    assert small.space != "stub-embed"
    assert len((await embed(house, "small", "tea"))[0]) == 16


async def test_models_and_embeddings_may_have_the_same_names(embeddings: Embeddings, house: House, stub: Stub) -> None:
    await embeddings({"local": "stub-embed"}, models={"local": "stub-model"})
    assert text_of(await ask(house.hub.models.get("local"), "hi")) == "pong"
    assert await embed(house, "local", "tea")
    two = {"base_url": stub.base_url, "embeddings": {"local": "other"}}
    one = {"base_url": stub.base_url, "embeddings": {"local": "stub-embed"}}
    await house.apply(json.dumps({"openai_compatible": one, "openai_compatible two": two}))
    assert [issue.id for issue in house.hub.issues] == ["openai_compatible two/embeddings local.name_taken"]
    await house.apply(json.dumps({"openai_compatible two": two}))
    assert [issue.id for issue in house.hub.issues] == []
    assert house.hub.embedders.get("local").space == "other"  # type: ignore[union-attr]


def test_a_plan_says_where_texts_go() -> None:
    assert rights({"base_url": "https://a.example/v1", "embeddings": {"a": {"model": "b"}}}) == {
        "sends texts to https://a.example/v1 that are to be found again by their meaning"
    }
