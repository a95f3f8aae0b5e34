"""An entry owns what it puts into the hub, and takes all of it out again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nanobot.contracts.agent import Agent, Part, Text, Turn
from nanobot.contracts.command import Command, Connection
from nanobot.contracts.entity import Entity
from nanobot.contracts.view import Access
from nanobot.errors import NotReady
from nanobot.hub.context import ACTING
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub


class Lamp(Entity):
    entity_id = "light.lamp"
    name = "Lamp"
    on = False

    @property
    def state(self) -> str:
        return "on" if self.on else "off"


class Parrot(Agent):
    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        yield Text(turn.text)


async def _command(connection: Connection, data: Any) -> None:
    return None


async def test_release_undoes_everything_last_first(hub: Hub) -> None:
    entry = Entry(hub, "test", "test", {})
    order: list[str] = []
    entry.on_unload(lambda: order.append("first"))
    entry.listen("rang", lambda event: None)
    entry.track("light.lamp", lambda event: None)
    entry.add(Lamp())
    entry.add(Parrot("parrot"))
    entry.add(Command("squawk", _command, Access.READ))
    entry.service("squawk", lambda call: None)
    entry.set_state("sensor.mood", "fine")
    entry.call_later(1000, lambda: None)
    entry.run(asyncio.Event().wait, name="listening")  # type: ignore[arg-type]
    entry.spawn(asyncio.sleep(1000), "sleeping")

    async def last() -> None:
        order.append("last")

    entry.on_unload(last)
    await asyncio.sleep(0)
    assert await entry.release() == []
    assert order == ["last", "first"]
    assert "rang" not in hub.bus.counts()
    assert hub.states.tracked() == 0
    assert "light.lamp" not in hub.states
    assert "sensor.mood" not in hub.states
    assert "parrot" not in hub.agents
    assert "squawk" not in hub.commands
    assert not hub.services.has("test", "squawk")
    assert len(entry.tasks) == 0


async def test_what_was_removed_early_is_not_undone_again(entry: Entry) -> None:
    calls: list[int] = []
    take_back = entry.on_unload(lambda: calls.append(1))
    remove = entry.add(Lamp())
    take_back()
    remove()
    remove()
    assert "light.lamp" not in entry.hub.states
    await entry.release()
    assert calls == []


async def test_a_name_that_is_taken_is_refused_and_the_first_stays(hub: Hub, entry: Entry) -> None:
    first = Parrot("parrot")
    entry.add(first)
    with pytest.raises(ValueError, match="there is already an? agent named 'parrot'"):
        entry.add(Parrot("parrot"))
    assert hub.agents.get("parrot") is first


async def test_a_part_can_be_released_alone_and_goes_with_its_entry(hub: Hub, entry: Entry) -> None:
    one, two = entry.part("one"), entry.part("two")
    one.set_state("sensor.one", "1")
    two.set_state("sensor.two", "2")
    await one.release()
    assert "sensor.one" not in hub.states
    assert "sensor.two" in hub.states
    entry.part("one").set_state("sensor.one", "again")
    await entry.release()
    assert "sensor.one" not in hub.states
    assert "sensor.two" not in hub.states
    assert entry.parts == {}


async def test_its_life_is_a_state_that_everybody_can_see(hub: Hub) -> None:
    told = []
    hub.bus.listen("entry_changed", lambda event: told.append((event.data["state"], event.data["error"])))
    entry = Entry(hub, "telegram work", "telegram", {}, label="work")
    entry.turn(EntryState.RETRYING, "no line")
    entry.turn(EntryState.RETRYING, "no line")
    entry.turn(EntryState.LOADED)
    state = hub.states.get("integration.telegram_work")
    assert state is not None
    assert state.state == "loaded"
    assert {"domain", "label", "error", "since", "restarts"} <= set(state.attributes)
    assert told == [("retrying", "no line"), ("loaded", None)]
    entry.hide()
    assert "integration.telegram_work" not in hub.states


async def test_a_failing_task_turns_its_entry_and_five_failures_bother_a_person(hub: Hub, entry: Entry) -> None:
    from nanobot.util.backoff import Backoff

    enough = asyncio.Event()
    attempts = []

    async def work() -> None:
        attempts.append(1)
        if len(attempts) > 5:
            enough.set()
            await asyncio.Event().wait()
        raise NotReady("the line is dead")

    entry.run(work, name="line", backoff=Backoff(first=0.001, jitter=0))
    async with asyncio.timeout(5):
        await enough.wait()
    failing = entry.state
    assert failing is EntryState.RETRYING
    assert entry.error == "the line is dead"
    assert entry.restarts == 5
    assert "test.task_failing" in hub.issues
    entry.beat()
    healthy = entry.state
    assert healthy is EntryState.LOADED
    assert "test.task_failing" not in hub.issues


async def test_an_issue_goes_when_it_is_repaired_and_when_its_entry_goes(hub: Hub, entry: Entry) -> None:
    entry.issue("one")
    entry.issue("two")
    entry.resolve("one")
    assert [issue.id for issue in hub.issues] == ["test.two"]
    await entry.release()
    assert len(hub.issues) == 0


async def test_a_store_is_written_at_release_and_read_by_the_next(hub: Hub) -> None:
    entry = Entry(hub, "test", "test", {})
    entry.store("memory").save(lambda: {"n": 7})
    await entry.release()
    assert await Entry(hub, "test", "test", {}).store("memory").load() == {"n": 7}
    path = hub.config_dir / ".storage" / "test.memory.json"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_tasks_know_for_whom_they_work(hub: Hub, entry: Entry) -> None:
    seen: list[str] = []

    async def note() -> None:
        seen.append(ACTING.get())

    await entry.spawn(note(), "note")
    await entry.part("child").spawn(note(), "note")
    await hub.tasks.spawn(note())
    assert seen == ["test", "test/child", ""]


async def test_nothing_can_be_added_while_it_is_being_released(hub: Hub, entry: Entry) -> None:
    faults: list[str] = []

    def too_late() -> None:
        try:
            entry.listen("rang", lambda event: None)
        except RuntimeError as error:
            faults.append(str(error))

    entry.on_unload(too_late)
    await entry.release()
    assert faults == ["test is being unloaded; nothing can be added to it"]
    assert "rang" not in hub.bus.counts()


async def test_a_timer_calls_once_and_is_forgotten(entry: Entry) -> None:
    called = asyncio.Event()
    entry.call_later(0, called.set)
    async with asyncio.timeout(1):
        await called.wait()
    assert all(name != "timer" for name, _ in entry._undo.values())
