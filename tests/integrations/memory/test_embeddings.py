"""What is remembered is found by what it means, too; a provider that fails takes nothing away from that by words."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.meter import Meter, Spender, Spent
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.testing.tools import Hands
from nanobot.util.backoff import Backoff
from tests.integrations.memory.conftest import ask
from tests.integrations.openai_compatible.conftest import KEY, Stub, model_server, stub
from tests.integrations.openai_compatible.test_embeddings import WRONG

__all__ = ["KEY", "model_server", "stub"]

SAME = {"automobile": "car", "vehicle": "car", "drives": "car", "physician": "doctor"}
QUICK = Backoff(first=0.01, limit=0.05)


class Bench:
    """A memory with embeddings of the scripted server, and what it was asked."""

    def __init__(self, house: House, stub: Stub) -> None:
        self.house = house
        self.stub = stub

    @property
    def hub(self) -> Hub:
        return self.house.hub

    @property
    def embedding(self) -> Any:
        return self.house.entry("memory").data[0].embedding

    async def configure(self, key: str = "openai_compatible", *, api_key: str = "", **small: Any) -> None:
        model = "stub-embed" if key == "openai_compatible" else "openai/stub-embed"
        models: Any = {"base_url": self.stub.base_url, "embeddings": {"small": {"model": model, **small}}}
        if api_key:
            models["api_key"] = api_key
        config = {key: models, "memory": {"consolidate": False, "embeddings": "small"}}
        applied = await self.house.apply(json.dumps(config))
        assert not applied.problems, "\n".join(map(str, applied.problems))
        self.hasten()

    def hasten(self) -> None:
        """Have no test wait longer than needed."""
        self.embedding.backoff = QUICK
        self.embedding.delay = 0.01
        self.embedding.grace = 0.05

    def person(self, name: str, **more: Any) -> Hands:
        return Hands(self.hub).of(id=f"{name}1", sender=name, person=f"chat:{name}", **more)

    async def missing(self, *besides: str) -> int:
        """Texts of one person without a vector."""
        small = self.hub.embedders.get("small")
        assert small is not None
        _, some = await self.embedding.index.vectors.missing(small.space, 10_000, besides)
        return len(some)

    async def settled(self, *besides: str) -> None:
        """Until everything has its vector, but what is in the books ``besides``."""

        async def is_settled() -> bool:
            if await self.embedding.index.refresh():
                self.embedding.wake()
            return await self.missing(*besides) == 0

        await until(is_settled)

    async def embedded(self) -> list[str]:
        """All texts that were sent, in their order; needs ``keep_requests``."""
        return [text for one in await self.stub.read("raw") for text in one["body"]["input"]]


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(15):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def bench(house: House, stub: Stub) -> AsyncIterator[Bench]:
    await stub.tell("config", {"embedding": {"same": SAME}, "keep_requests": 1000})
    bench = Bench(house, stub)
    yield bench
    await bench.house.close()


async def test_a_question_in_other_words_finds_the_fact(bench: Bench) -> None:
    await bench.configure()
    anna = bench.person("anna")
    await anna("remember", fact="Anna bought a red car.")
    await anna("remember", fact="The cat sleeps on the sofa.")
    assert "Nothing is known" in await bench.person("ben")("recall", words="automobile")
    await bench.settled()
    found = await anna("recall", words="automobile")
    assert "Anna bought a red car." in found
    assert "cat" not in found


async def test_words_and_meaning_together_decide_who_comes_first(bench: Bench) -> None:
    await bench.configure()
    anna = bench.person("anna")
    for fact in ("Ruth is a physician.", "The doctor is Ruth.", "A doctor wrote a book about stars and ships."):
        await anna("remember", fact=fact)
    await bench.settled()
    found = (await anna("recall", words="doctor Ruth")).splitlines()
    assert "The doctor is Ruth." in found[0]
    assert any("physician" in line for line in found[:2])


async def test_a_question_goes_over_the_books_of_the_person_alone(bench: Bench, folder: Path) -> None:
    await bench.configure()
    anna, ben, guest = bench.person("anna"), bench.person("ben"), bench.person("guest", owner=False)
    for number in range(30):
        await ben("remember", fact=f"Ben has a car, number {number}.")
    await anna("remember", fact="Anna has a secret vehicle.")
    await anna("remember", fact="Our car is in the garage.", shared=True)
    await guest("remember", fact="The guest came by car.")
    await bench.settled()
    found = await anna("recall", words="automobile")
    assert "Anna has a secret vehicle." in found  # although thirty others are as near
    assert "garage" in found
    assert "Ben has" not in found
    assert "guest" not in found
    assert "garage" in await anna.of(group=True)("recall", words="automobile")
    assert "secret" not in await anna.of(group=True)("recall", words="automobile")
    assert "garage" not in await guest("recall", words="automobile")
    assert "Nothing is known" in await guest.of(group=True)("recall", words="automobile")
    assert {hit["book"] for hit in await ask(bench.hub, "search", words="automobile", person="chat:ben")} == {
        "chat~ben"
    }


async def test_nothing_is_embedded_twice(bench: Bench, folder: Path) -> None:
    await bench.configure()
    anna = bench.person("anna")
    for number in range(40):
        await anna("remember", fact=f"Fact {number} of forty.")
    await bench.settled()
    path = folder / "people" / "chat~anna" / "MEMORY.md"
    lines = path.read_text().splitlines()
    path.write_text("# Memory\n\n## By hand\n\n" + "\n".join(reversed(lines[2:])) + "\n- One more, by hand.\n")
    await bench.settled()
    await anna("recall", words="fact")
    await anna("recall", words="fact")
    sent = await bench.embedded()
    assert len(sent) == len(set(sent)) == 42  # with the question
    assert (await bench.stub.read("stats"))["requests"] < 30  # many at once


async def test_what_is_forgotten_leaves_no_vector(bench: Bench) -> None:
    await bench.configure()
    anna = bench.person("anna")
    key = (await anna("remember", fact="Anna bought a red car.")).split()[2].rstrip(":")
    await bench.settled()
    await anna("forget", id=key)

    async def gone() -> bool:
        database = bench.embedding.index._database
        left: int = await database.read(lambda c: c.execute("SELECT count(*) FROM vector").fetchone()[0])
        return left == 0

    await until(gone)


async def test_another_model_embeds_anew_and_finds_by_words_meanwhile(bench: Bench) -> None:
    await bench.configure()
    anna = bench.person("anna")
    await anna("remember", fact="Anna bought a red car.")
    await bench.settled()
    await bench.stub.tell("config", {"embedding": {"same": SAME, "fault": "hang"}})
    await bench.configure(dimensions=32, timeout=0.2)
    bench.embedding.patience = 0.05
    assert "red car" in await anna("recall", words="car")
    assert "Nothing is known" in await anna("recall", words="automobile")
    await bench.stub.tell("config", {"embedding": {"same": SAME}})
    await bench.configure(dimensions=32, timeout=5)
    await bench.settled()
    assert "red car" in await anna("recall", words="automobile")
    database = bench.embedding.index._database

    async def alone() -> bool:
        found: list[Any] = await database.read(
            lambda c: c.execute("SELECT DISTINCT length(numbers) FROM vector").fetchall()
        )
        return found == [(4 * 32,)]

    await until(alone)


@pytest.mark.parametrize("fault", WRONG)
async def test_a_provider_that_fails_takes_nothing_away(bench: Bench, fault: str) -> None:
    await bench.stub.tell("config", {"embedding": {"same": SAME, "fault": fault}})
    await bench.configure(dimensions=16, timeout=0.3)
    bench.embedding.patience = 0.3
    anna = bench.person("anna")
    await anna("remember", fact="Anna bought a red car.")
    began = time.monotonic()
    assert "red car" in await anna("recall", words="car")
    assert time.monotonic() - began < 3
    await bench.stub.wait(requests=3)
    assert "red car" in await anna("recall", words="car")
    await bench.stub.tell("config", {"embedding": {"same": SAME}})
    await bench.settled()

    async def by_meaning() -> bool:
        return "red car" in await anna("recall", words="automobile")

    await until(by_meaning)
    assert [issue.id for issue in bench.hub.issues] == []


async def test_a_slow_provider_costs_a_search_its_patience_once(bench: Bench) -> None:
    await bench.configure()
    anna = bench.person("anna")
    await anna("remember", fact="Anna bought a red car.")
    await bench.settled()
    bench.embedding.patience = 0.2
    bench.embedding.backoff = Backoff(first=60)
    await bench.stub.tell("config", {"latency": 5})
    began = time.monotonic()
    assert "red car" in await anna("recall", words="car")
    assert time.monotonic() - began >= 0.2
    asked = (await bench.stub.read("stats"))["requests"]
    assert "red car" in await anna("recall", words="red")
    assert (await bench.stub.read("stats"))["requests"] == asked
    await bench.stub.wait(disconnected=1)


async def test_a_person_hears_of_it_when_it_goes_on_failing(bench: Bench) -> None:
    await bench.stub.tell("config", {"embedding": {"fault": "status:500"}})
    await bench.configure()
    await bench.person("anna")("remember", fact="Anna bought a red car.")

    async def told() -> bool:
        return "memory.embeddings_behind" in bench.hub.issues

    await until(told)
    await bench.stub.tell("config", {"embedding": {}})
    await bench.settled()

    async def over() -> bool:
        return not await told()

    await until(over)


async def test_a_new_key_is_tried_at_once(bench: Bench) -> None:
    await bench.stub.tell("config", {"api_key": KEY})
    await bench.configure()
    bench.embedding.backoff = Backoff(first=600)
    anna = bench.person("anna")
    await anna("remember", fact="Anna bought a red car.")

    async def told() -> bool:
        return "memory.embeddings_behind" in bench.hub.issues

    await until(told)
    await bench.configure(api_key=KEY)
    await bench.settled()
    assert "red car" in await anna("recall", words="automobile")


async def test_a_text_that_is_refused_keeps_nobody_waiting(bench: Bench) -> None:
    await bench.stub.tell("config", {"embedding": {"same": SAME, "refuses": "poison"}})
    await bench.configure()
    anna = bench.person("anna")
    for number in range(6):
        await anna("remember", fact=f"Fact {number}.")
    await anna("remember", fact="A poison of a text.")
    await anna("remember", fact="Anna bought a red car.")
    await bench.settled()
    assert "red car" in await anna("recall", words="automobile")
    assert "poison" in await anna("recall", words="poison")
    asked = (await bench.stub.read("stats"))["requests"]
    await anna("remember", fact="Another one.")
    await bench.settled()
    assert (await bench.stub.read("stats"))["requests"] == asked + 1


async def test_vectors_that_change_their_length_are_no_endless_work(bench: Bench) -> None:
    await bench.configure()
    anna = bench.person("anna")
    await anna("remember", fact="One.")
    await bench.settled()
    await bench.stub.tell("config", {"embedding": {"dimensions": 32}})
    await anna("remember", fact="Two.")

    async def told() -> bool:
        return "memory.embeddings_behind" in bench.hub.issues

    await until(told)
    assert "gave vectors of 64 numbers before and gives 32 now" in str(bench.hub.issues.get("memory.embeddings_behind"))
    assert "Two" in await anna("recall", words="two")


async def test_it_goes_on_after_a_restart_in_the_midst(bench: Bench, restart: Callable[[], Awaitable[House]]) -> None:
    await bench.configure()
    anna = bench.person("anna")
    for number in range(100):
        await anna("remember", fact=f"Fact {number} of a hundred.")

    async def some() -> bool:
        return (await bench.missing()) < 80

    await until(some)
    bench.house = await restart()
    bench.hasten()
    assert bench.person("anna") is not None
    await bench.settled()
    await bench.house.close()
    sent = await bench.embedded()
    assert len(set(sent)) == 100
    assert len(sent) <= 100 + 32  # the batch that was cut off, once more


async def test_a_budget_that_is_used_up_stops_one_person_alone(bench: Bench) -> None:
    class Strict(Meter):
        def __init__(self) -> None:
            super().__init__("strict")
            self.told: list[Spent] = []

        def refusal(self, spender: Spender, model: str) -> str | None:
            return "Enough." if spender.person == "chat:anna" else None

        def spent(self, spent: Spent) -> None:
            self.told.append(spent)

    meter = Strict()
    bench.house.core.add(meter)
    await bench.configure(prices={"input": 1})
    anna, ben = bench.person("anna"), bench.person("ben")
    await anna("remember", fact="Anna bought a red car.")
    await ben("remember", fact="Ben bought a blue car.")

    await bench.settled("people/chat~anna")
    assert "red car" in await anna("recall", words="car")
    assert "Nothing is known" in await anna("recall", words="automobile")
    assert "blue car" in await ben("recall", words="automobile")
    assert {(one.spender.person, one.model) for one in meter.told} == {("chat:ben", "small")}
    assert all(one.cost for one in meter.told)
    assert [issue.id for issue in bench.hub.issues] == []


async def test_embeddings_that_are_not_there_are_told_and_taken_when_they_come(bench: Bench) -> None:
    memory = {"memory": {"consolidate": False, "embeddings": "small"}}
    await bench.house.apply(json.dumps(memory))
    bench.hasten()
    anna = bench.person("anna")
    await anna("remember", fact="Anna bought a red car.")
    assert "red car" in await anna("recall", words="car")
    bench.embedding.wake()

    async def told() -> bool:
        return "memory.embeddings_unknown" in bench.hub.issues

    await until(told)
    await bench.configure()
    await bench.settled()
    assert "red car" in await anna("recall", words="automobile")
    assert [issue.id for issue in bench.hub.issues] == []


async def test_secrets_are_not_sent(bench: Bench, folder: Path) -> None:
    await bench.configure()
    bench.hub.scrubber.add("treasure-oak-17")
    folder.mkdir(exist_ok=True)
    (folder / "MEMORY.md").write_text("- The password is treasure-oak-17.\n")
    await bench.person("anna")("recall", words="treasure-oak-17 password")
    await bench.settled()
    sent = await bench.embedded()
    assert len(sent) == 2
    assert not any("treasure" in text for text in sent)


async def test_remembering_waits_for_no_provider(bench: Bench) -> None:
    await bench.stub.tell("config", {"embedding": {"fault": "hang"}})
    await bench.configure()
    anna = bench.person("anna")
    await anna("remember", fact="One.")
    await bench.stub.wait(requests=1)
    async with asyncio.timeout(2):
        await anna("remember", fact="Two.")
