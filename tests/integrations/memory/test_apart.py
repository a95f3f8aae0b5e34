"""Agents with a memory of their own: nothing of it gets out, and nothing else gets in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands
from tests.agent.conftest import Scripted
from tests.integrations.memory.conftest import ask
from tests.integrations.memory.test_consolidation import found, until


class Named(Agent):
    """Says ok."""

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        yield Text("ok")


@pytest.fixture
async def memory(set_up: SetUp) -> Any:
    """The entry, with a memory of its own for ``agent work``."""
    return await set_up("memory", {"apart": ["agent work"], "after": 1})


async def told(hands: Hands, agent: str) -> str:
    part = hands.hub.prompt_parts.get("memory")
    assert part is not None
    return await part.text(hands.turn, agent)


async def test_what_one_agent_is_told_no_other_knows(anna: Hands, ben: Hands, folder: Path, hub: Hub) -> None:
    work, home = anna.of(agent="agent work"), anna.of(agent="agent")
    await work("remember", fact="The firm is to be sold.")
    await work("remember", fact="Invoices go out on Mondays.", shared=True)
    await home("remember", fact="Anna is allergic to nuts.")
    assert "sold" in (folder / "agents/agent%20work/people/chat~anna/MEMORY.md").read_text()
    assert "Mondays" in (folder / "agents/agent%20work/MEMORY.md").read_text()
    at_work, at_home = await told(work, "agent work"), await told(home, "agent")
    assert "sold" in at_work
    assert "Mondays" in at_work
    assert "nuts" not in at_work
    assert "nuts" in at_home
    assert "sold" not in at_home
    assert "Mondays" not in at_home
    assert "Nothing is known" in await home("recall", words="firm sold Mondays")
    assert "Nothing is known" in await work("recall", words="nuts")
    shared = await ben.of(agent="agent work")("recall", words="Mondays")
    assert ", shared)" in shared
    assert "Nothing is known" in await ben.of(agent="agent work")("recall", words="sold")


async def test_a_person_sees_and_takes_back_what_every_agent_knows(anna: Hands, hub: Hub) -> None:
    work = anna.of(agent="agent work")
    await work("remember", fact="The firm is to be sold.")
    await anna("remember", fact="Anna is allergic to nuts.")
    files = (await ask(hub, "show", person="chat:anna"))["files"]
    assert [file["book"] for file in files] == ["chat~anna", "agent work: chat~anna"]
    assert await anna.fails("forget", id=(await ask(hub, "search", words="sold"))[0]["id"])
    await work("forget", undo=True)
    assert await ask(hub, "search", words="sold") == []
    assert len(await ask(hub, "search", words="nuts")) == 1


async def test_conversations_are_read_for_the_agent_that_had_them(
    hub: Hub, entry: Entry, chat: Chat, folder: Path, memory: Any
) -> None:
    model = Scripted("reader", found("The firm is to be sold."), found("Anna is allergic to nuts."))
    for thing in (model, Named("agent"), Named("agent work")):
        entry.add(thing)
    consolidation = memory.data[1]
    await chat.types("/agent agent work")
    await chat.types("we sell the firm")
    await until(lambda: not consolidation.waiting())
    await chat.types("/agent agent")
    await chat.types("no nuts for me")
    await until(lambda: not consolidation.waiting())
    own = (folder / "agents/agent%20work/people/chat~tester/MEMORY.md").read_text()
    others = (folder / "people/chat~tester/MEMORY.md").read_text()
    assert ("sold" in own, "nuts" in own) == (True, False)
    assert ("sold" in others, "nuts" in others) == (False, True)
