"""What was said is read again in the background: once, by a model, and lost by no failure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.agent.foreign import marked
from nanobot.contracts.agent import Agent, Part, Record, Text, Turn
from nanobot.contracts.channel import Attachment
from nanobot.contracts.meter import Meter, Spender, Spent
from nanobot.contracts.model import Message, ToolCall
from nanobot.errors import ModelError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp
from nanobot.util.backoff import Backoff
from tests.agent.conftest import Scripted

Reader = Callable[..., Any]


def found(*facts: Any, history: str = "", replaces: tuple[str, ...] = ()) -> str:
    """What the model answers."""
    return json.dumps({"facts": [{"text": fact, "replaces": replaces} for fact in facts], "history": history})


class Answering(Agent):
    """Says ok; reads a page before that when it is asked about one."""

    def __init__(self, key: bytes) -> None:
        super().__init__("answering")
        self.key = key

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        if "page" in turn.text:
            yield Record(Message("assistant", "", (ToolCall("1", "web_fetch", "{}"),)))
            page = marked("Ben hates Anna", "web_fetch", self.key)
            yield Record(Message("tool", page, tool_call_id="1"))
        yield Text("ok")


@pytest.fixture
async def reader(hub: Hub, entry: Entry, set_up: SetUp, chat: Chat) -> Reader:
    """``model, consolidation = await reader(answers…, after=2)``."""

    async def reader(*answers: Any, **config: Any) -> Any:
        model = Scripted("reader", *answers)
        entry.add(model)
        if "answering" not in hub.agents:
            entry.add(Answering(hub.policy.key))
        memory = await set_up("memory", {"after": 2, **config})
        consolidation = memory.data[1]
        consolidation.backoff = Backoff(first=0.01, limit=0.02)
        return model, consolidation

    return reader


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def facts(folder: Path, person: str = "chat~tester") -> list[str]:
    """What is remembered, without comments."""
    path = folder / "people" / person / "MEMORY.md"
    if not path.is_file():
        return []
    return [line.split(" <!--")[0][2:] for line in path.read_text().splitlines() if line.startswith("- ")]


async def test_what_matters_of_a_conversation_is_remembered_with_its_source(
    reader: Reader, chat: Chat, folder: Path, hub: Hub
) -> None:
    model, consolidation = await reader(found("Tester's sister is called Eve.", history="Spoke of the family."))
    await chat.types("my sister Eve comes tomorrow")
    assert model.requests == []
    await chat.types("and brings cake")
    await until(lambda: facts(folder))
    asked = model.requests[0].messages
    assert "PERSON: my sister Eve comes tomorrow\n\nASSISTANT: ok" in asked[1].content
    assert facts(folder) == ["Tester's sister is called Eve."]
    line = (folder / "people/chat~tester/MEMORY.md").read_text().splitlines()[-1]
    assert "from=chat:tester message=" in line
    assert "unverified" not in line
    await until(lambda: consolidation.waiting() == [])
    assert (folder / "people/chat~tester/HISTORY.md").read_text().endswith("] Spoke of the family.\n\n")
    assert len(model.requests) == 1


async def test_each_exchange_is_read_once(reader: Reader, chat: Chat, folder: Path) -> None:
    model, consolidation = await reader(found("One.", history="First."), found("Two.", history="Second."))
    for text in ("a1", "a2", "b1", "b2"):
        await chat.types(text)
        if text == "a2":
            await until(lambda: facts(folder) and consolidation.waiting() == [])
    await until(lambda: facts(folder) == ["One.", "Two."])
    assert "a1" not in model.requests[1].messages[1].content
    assert "b1" in model.requests[1].messages[1].content
    assert "One." in model.requests[1].messages[1].content
    await until(lambda: consolidation.waiting() == [])
    first, second = (folder / "people/chat~tester/HISTORY.md").read_text().strip().split("\n\n")
    assert (first[18:], second[18:]) == (" First.", " Second.")


@pytest.mark.parametrize(
    "failure",
    [ModelError("reader: refused"), "I would rather not.", '{"facts": 5}'],
    ids=["no answer", "no JSON", "another shape"],
)
async def test_nothing_is_lost_when_it_fails(reader: Reader, chat: Chat, folder: Path, failure: Any, hub: Hub) -> None:
    model, consolidation = await reader(*[failure] * 6, found("Still there."))
    await chat.types("one")
    await chat.types("two")
    await until(lambda: consolidation.waiting() and consolidation.waiting()[0]["tries"] >= 5)
    assert facts(folder) == []
    await until(lambda: facts(folder) == ["Still there."])
    await until(lambda: "memory.behind" not in hub.issues)
    assert "one" in model.requests[-1].messages[1].content


async def test_a_person_hears_of_it_when_it_goes_on_failing(reader: Reader, chat: Chat, hub: Hub) -> None:
    await reader(ModelError("reader: the account is closed"))
    await chat.types("one")
    await chat.types("two")
    await until(lambda: "memory.behind" in hub.issues)
    issue = hub.issues.get("memory.behind")
    assert issue is not None
    assert "chat:test could not be read again" in issue.text()
    assert "the account is closed" in issue.text()


async def test_it_goes_on_after_a_restart(house: House, restart: Any, config_dir: Path, folder: Path) -> None:
    await house.start("memory:\n  after: 2\n")

    async def talk(house: House, model: Scripted, *texts: str) -> None:
        owner = Entry(house.hub, "test", "test", {})
        chat = Chat()
        owner.add(model)
        owner.add(Answering(house.hub.policy.key))
        owner.add(chat)
        for number, text in enumerate(texts):
            await chat.types(text, message_id=f"{id(house)}{number}")

    first = Scripted("reader", ModelError("reader: refused"))
    await talk(house, first, "one", "two")
    await until(lambda: first.requests)
    again = await restart()
    consolidation = again.entry("memory").data[1]
    assert consolidation.waiting()[0]["session"] == "chat:test"
    consolidation._sessions["chat:test"]["due"] = 0.0
    consolidation._changed(consolidation._sessions["chat:test"])
    second = Scripted("reader", found("It was kept."))
    await talk(again, second)
    consolidation._sessions["chat:test"]["due"] = 0.0
    consolidation._changed(consolidation._sessions["chat:test"])
    await until(lambda: facts(folder) == ["It was kept."])
    assert "PERSON: one" in second.requests[-1].messages[1].content


async def test_a_new_beginning_loses_nothing(reader: Reader, chat: Chat, folder: Path) -> None:
    model, _ = await reader(found("Kept."))
    await chat.types("before the new beginning")
    await chat.types("/new")
    await chat.types("after it")
    await until(lambda: facts(folder))
    assert "before the new beginning" in model.requests[0].messages[1].content


async def test_what_strangers_had_a_part_in_is_kept_apart_and_marked(reader: Reader, chat: Chat, folder: Path) -> None:
    model, consolidation = await reader(found("Clean."), found("Dirty.", history="Read a page."), after=4)
    await chat.types("I like tea")
    await chat.types("read the page")
    note = Attachment("media/x/a.txt", "a.txt", "text/plain", 3)
    await chat.types("see the file", attachments=(note,))
    await chat.types("I like cake")
    await until(lambda: len(facts(folder)) == 2 and consolidation.waiting() == [])
    clean, dirty = (request.messages[1].content for request in model.requests)
    assert "I like tea" in clean
    assert "I like cake" in clean
    assert "page" not in clean
    assert "the file" not in clean
    assert "read the page" in dirty
    assert "Ben hates Anna" not in dirty
    text = (folder / "people/chat~tester/MEMORY.md").read_text()
    assert [line.endswith("unverified -->") for line in text.splitlines()[2:]] == [False, True]
    assert "] (unverified) Read a page." in (folder / "people/chat~tester/HISTORY.md").read_text()


async def test_in_a_group_each_has_what_they_said_themselves(reader: Reader, chat: Chat, folder: Path) -> None:
    chat.allow = frozenset({"anna", "ben"})
    model, _ = await reader(found("Of Anna."), found("Of Ben."))
    await chat.types("anna's secret", sender="anna", group=True)
    await chat.types("ben's secret", sender="ben", group=True)
    await until(lambda: facts(folder, "chat~ben"))
    assert facts(folder, "chat~anna") == ["Of Anna."]
    assert facts(folder, "chat~ben") == ["Of Ben."]
    assert "ben's secret" not in model.requests[0].messages[1].content
    assert "anna's secret" not in model.requests[1].messages[1].content


async def test_guests_cost_nothing(reader: Reader, chat: Chat) -> None:
    chat.allow = frozenset({"*"})
    model, consolidation = await reader(found("x"))
    for text in ("one", "two", "three"):
        await chat.types(text, sender="stranger", chat="theirs")
    assert consolidation.waiting() == []
    assert model.requests == []


async def test_a_fact_that_is_no_longer_true_is_replaced_and_that_can_be_undone(
    reader: Reader, chat: Chat, folder: Path, hub: Hub
) -> None:
    path = folder / "people/chat~tester/MEMORY.md"
    path.parent.mkdir(parents=True)
    path.write_text("# Memory\n\n- Lives in Porto. <!-- id=abc234 -->\n")
    model, _ = await reader(found("Lives in Lisbon.", replaces=("abc234", "nope")))
    await chat.types("I moved")
    await chat.types("to Lisbon")
    await until(lambda: facts(folder) == ["Lives in Lisbon."])
    assert "[abc234] Lives in Porto." in model.requests[0].messages[1].content
    undo = hub.commands.get("memory/undo")
    assert undo is not None
    await undo.handler(None, {})  # type: ignore[arg-type]
    assert facts(folder) == ["Lives in Porto."]


async def test_a_summary_of_a_session_and_a_silence_begin_it_too(
    reader: Reader, chat: Chat, folder: Path, hub: Hub
) -> None:
    model, consolidation = await reader(found("First."), found("Second."), after=100)
    await chat.types("one")
    hub.bus.fire("session_compacted", {"session": "chat:test", "summary": "", "until": 1})
    await until(lambda: facts(folder) == ["First."])
    consolidation.idle = 0.05
    await chat.types("two")
    await until(lambda: facts(folder) == ["First.", "Second."])
    assert len(model.requests) == 2


async def test_the_model_is_asked_on_behalf_of_the_person_and_a_budget_stops_it(
    reader: Reader, chat: Chat, entry: Entry, folder: Path, hub: Hub
) -> None:
    class Purse(Meter):
        empty = True
        spenders: list[Spender] = []  # noqa: RUF012

        def refusal(self, spender: Spender, model: str) -> str | None:
            self.spenders.append(spender)
            return "There was enough for today." if self.empty else None

        def spent(self, spent: Spent) -> None:
            pass

    purse = Purse("purse")
    entry.add(purse)
    hub.scrubber.add("hunter2-and-more")
    model, _ = await reader(found("Paid for."))
    await chat.types("hunter2-and-more is it")
    await chat.types("two")
    await until(lambda: purse.spenders)
    assert model.requests == []
    assert purse.spenders[0].person == "chat:tester"
    assert purse.spenders[0].origin == "memory"
    purse.empty = False
    await until(lambda: facts(folder))
    assert "hunter2" not in model.requests[0].messages[1].content


async def test_it_may_be_switched_off(reader: Reader, chat: Chat) -> None:
    model, consolidation = await reader(found("x"), consolidate=False)
    for text in ("one", "two", "three"):
        await chat.types(text)
    assert consolidation.waiting() == []
    assert model.requests == []


async def test_a_turn_does_not_have_all_sessions_looked_through(reader: Reader, chat: Chat) -> None:
    _, consolidation = await reader(after=100)
    await chat.types("one")

    class Counted(dict[str, Any]):
        looks = 0

        def items(self) -> Any:
            Counted.looks += 1
            return super().items()

    consolidation._sessions = Counted(consolidation._sessions)
    for text in ("two", "three", "four"):
        await chat.types(text)
        await asyncio.sleep(0)
    assert consolidation.waiting()[0]["turns"] == 4
    assert Counted.looks == 1  # that of waiting()
