"""What a person writes while a turn runs: it waits, or becomes a part of that turn; never both, never neither."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.errors import StorageError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from tests.agent.conftest import Begin, Noted, call


class Slow(Noted):
    """Waits until the test lets it end."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def call(self, arguments: Any, turn: Any) -> Any:
        self.begun.set()
        await self.go.wait()
        return await super().call(arguments, turn)


@pytest.fixture
def slow(entry: Entry) -> Slow:
    tool = Slow()
    entry.add(tool)
    return tool


async def outcomes(hub: Hub) -> list[tuple[str, str]]:
    return [(line.text, line.state) for line in await hub.conversations.history("chat:test") if line.direction == "in"]


async def test_it_waits_where_nothing_else_is_configured(begin: Begin, slow: Slow, chat: Chat, hub: Hub) -> None:
    begin([call()], "Milk is on the list.", "And eggs.")
    await chat.says("we need milk")
    await slow.begun.wait()
    await chat.says("and eggs")
    slow.go.set()
    await chat.wait_for(2)
    assert chat.received == ["Milk is on the list.", "And eggs."]


async def test_it_steers_the_turn_that_runs(begin: Begin, slow: Slow, chat: Chat, hub: Hub, entry: Entry) -> None:
    finished: list[tuple[str, str | None]] = []
    entry.listen("turn_finished", lambda event: finished.append((event.data["outcome"], event.data.get("into"))))
    model = begin([call()], "Oat milk it is.", "You said oat milk.", steer=True)
    await chat.says("we need milk")
    await slow.begun.wait()
    await chat.says("no, oat milk")
    slow.go.set()
    await chat.wait_for(1)
    assert chat.received == ["Oat milk it is."]
    assert [(m.role, m.content) for m in model.requests[1].messages[-2:]] == [
        ("tool", "noted"),
        ("user", "no, oat milk"),
    ]
    assert await outcomes(hub) == [("we need milk", "answered"), ("no, oat milk", "steered")]
    assert [outcome for outcome, _ in finished] == ["steered", "answered"]
    await chat.types("what did I say?")  # later turns know of it, once
    said = [m.content for m in model.requests[2].messages if m.role == "user"]
    assert said == ["we need milk", "no, oat milk", "what did I say?"]


async def test_a_turn_that_is_cut_off_still_knows_what_steered_it(
    begin: Begin, slow: Slow, chat: Chat, hub: Hub
) -> None:
    model = begin([call()], [60.0], "Oat milk it is.", steer=True)
    await chat.says("we need milk")
    await slow.begun.wait()
    await chat.says("no, oat milk")
    slow.go.set()
    while len(model.requests) < 2:
        await asyncio.sleep(0.01)
    run = hub.conversations.workers.running("chat:test")
    assert run is not None
    await hub.conversations.workers.end([run], 0.01)
    await chat.wait_for(1)
    assert [m.content for m in model.requests[2].messages if m.role == "user"] == ["we need milk", "no, oat milk"]
    assert chat.received == ["Oat milk it is."]


async def test_nobody_steers_the_turn_of_somebody_else(begin: Begin, slow: Slow, chat: Chat, hub: Hub) -> None:
    chat.allow = frozenset({"tester", "ben"})
    begin([call()], "Milk is on the list.", "You are Ben.", steer=True)
    await chat.says("we need milk")
    await slow.begun.wait()
    await chat.says("delete everything", sender="ben")
    slow.go.set()
    await chat.wait_for(2)
    assert chat.received == ["Milk is on the list.", "You are Ben."]


async def test_what_cannot_be_written_down_waits_for_a_turn_of_its_own(
    begin: Begin, slow: Slow, chat: Chat, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin([call()], "Milk is on the list.", "And eggs.", steer=True)
    await chat.says("we need milk")
    await slow.begun.wait()
    await chat.says("and eggs")
    finish = hub.conversations.inbox.finish

    def fails(connection: Any, message: Any, outcome: str) -> None:
        if outcome == "steered":
            raise StorageError("no")
        finish(connection, message, outcome)

    monkeypatch.setattr(hub.conversations.inbox, "finish", fails)
    slow.go.set()
    await chat.wait_for(2)
    assert chat.received == ["Milk is on the list.", "And eggs."]
    assert dict(await outcomes(hub))["and eggs"] == "answered"
