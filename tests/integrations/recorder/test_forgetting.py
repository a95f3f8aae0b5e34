"""What is old goes: at night, by service, a slice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from integrations.recorder import forgetting, tables
from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

from .conftest import START, Hands, Recorded

Write = Callable[..., None]
DAY = 86_400.0


async def count(house: House, table: Table, *where: Any) -> int:
    recorder = house.entry("recorder").data
    query = select(func.count()).select_from(table).where(*where)
    found: int = await recorder.reader.ask(lambda connection: connection.execute(query).scalar())
    return found


def of(entity_id: str) -> Any:
    """Which rows of states are of an entity."""
    return (
        tables.states.c.entity
        == select(tables.entities.c.id).where(tables.entities.c.entity_id == entity_id).scalar_subquery()
    )


async def test_what_is_older_than_the_days_to_keep_is_forgotten_but_not_the_last_state(
    recorded: Recorded, house: House, hub: Hub, write: Write, hands: Hands
) -> None:
    history = await recorded("  purge_keep_days: 2")
    for day in range(5):
        write(day * DAY, "light.a", str(day), level=day)
    write(0, "light.quiet", "on", kept=True)
    hands.time = START + 4.5 * DAY
    await hub.services.call("recorder", "purge")
    assert [row.state for row in (await history.states(["light.a"], START - 1, START + 9 * DAY))["light.a"]] == [
        "3",
        "4",
    ]
    (quiet,) = (await history.states(["light.quiet"], START + 4 * DAY, START + 5 * DAY))["light.quiet"]
    assert quiet.attributes == {"kept": True}
    assert await count(house, tables.attributes, tables.attributes.c.json.contains("level")) == 2
    await hub.services.call("recorder", "purge", {"keep_days": 1})
    assert [row.state for row in (await history.states(["light.a"], START - 1, START + 9 * DAY))["light.a"]] == ["4"]


async def test_attributes_that_were_forgotten_are_written_anew_when_they_come_back(
    recorded: Recorded, hub: Hub, write: Write, hands: Hands
) -> None:
    history = await recorded()
    write(0, "light.a", "on", level=1)
    write(1, "light.a", "off", level=2)
    hands.time = START + 30 * DAY
    await hub.services.call("recorder", "purge")
    write(30 * DAY, "light.a", "on", level=1)
    rows = (await history.states(["light.a"], START + 20 * DAY, START + 40 * DAY))["light.a"]
    assert [row.attributes for row in rows] == [{"level": 2}, {"level": 1}]


async def test_events_messages_contexts_and_runs_go_as_well(
    recorded: Recorded, house: House, hub: Hub, hands: Hands
) -> None:
    from nanobot.hub.context import Context

    await recorded()
    context = Context(user_id="anna", actor="user")
    hub.bus.fire("mine", {}, context)
    hub.bus.fire("message_received", {"text": "hello"}, context)
    hub.bus.fire("script_started", {"name": "A", "entity_id": "script.a"}, context)
    everything = (tables.events, tables.messages, tables.contexts, tables.runs)
    assert [await count(house, table) > 0 for table in everything] == [True] * 4
    hands.time = asyncio.get_running_loop().time() + 10**10
    await hub.services.call("recorder", "purge")
    assert [await count(house, table) for table in everything] == [0] * 4


async def test_a_purge_of_many_rows_goes_in_slices_with_room_for_others_between(
    recorded: Recorded, house: House, hub: Hub, write: Write, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "SLICE", 50)
    monkeypatch.setattr("integrations.recorder.recording.SLICE", 50)
    history = await recorded()
    for number in range(1000):
        write(number / 1000, "light.a", str(number), level=number)
    await history.events(0)
    hands.time = START + 30 * DAY
    between: list[int] = []

    async def look() -> None:
        while True:
            hub.states.set("light.b", str(len(between)))
            between.append(len(await history.states(["light.a"], START - 1, START + 2, minimal=True)))
            await asyncio.sleep(0)

    looking = asyncio.ensure_future(look())
    await hub.services.call("recorder", "purge")
    looking.cancel()
    assert len(between) > 2, "questions are answered meanwhile"
    assert await count(house, tables.states, of("light.a")) == 1


async def test_the_file_shrinks(recorded: Recorded, house: House, hub: Hub, write: Write, hands: Hands) -> None:
    await recorded()
    for number in range(3000):
        write(number / 1000, "light.a", str(number), level="x" * 500 + str(number))
    recorder = house.entry("recorder").data
    await recorder.writer.flush()

    def size() -> int:
        return int((hub.config_dir / ".storage" / "history.db").stat().st_size)

    await recorder.writer.outside(lambda: recorder.database.run("PRAGMA wal_checkpoint(TRUNCATE)"))
    before = size()
    hands.time = START + 30 * DAY
    await hub.services.call("recorder", "purge")
    await recorder.writer.outside(lambda: recorder.database.run("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert before > 2_000_000
    assert size() < before / 4
    await hub.services.call("recorder", "purge", {"repack": True})


async def test_entities_can_be_forgotten_by_name_domain_or_pattern(
    recorded: Recorded, hub: Hub, write: Write, hands: Hands
) -> None:
    history = await recorded()
    everything = ["light.a", "light.b", "switch.a", "sensor.kitchen_t"]
    for entity_id in everything:
        write(0, entity_id, "on")
        write(10, entity_id, "off")
    hands.time = START + 20
    both = START - 1, START + 30
    await hub.services.call("recorder", "purge_entities", {"entity_id": "light.a"})
    assert sorted(await history.states(everything, *both)) == ["light.b", "sensor.kitchen_t", "switch.a"]
    await hub.services.call("recorder", "purge_entities", {"domains": "switch", "entity_globs": "*.kitchen_*"})
    assert sorted(await history.states(everything, *both)) == ["light.b"]
    with pytest.raises(ServiceError, match="needs entity_id, domains or entity_globs"):
        await hub.services.call("recorder", "purge_entities", {})
    with pytest.raises(InvalidServiceData, match="keep_days"):
        await hub.services.call("recorder", "purge", {"keep_days": -1})


async def test_what_is_not_recorded_any_more_goes_with_apply_filter(
    recorded: Recorded, house: House, hub: Hub, write: Write, hands: Hands
) -> None:
    await recorded()
    write(0, "light.a", "on")
    write(0, "switch.a", "on")
    hands.time = START + 10
    await house.apply("nanobot:\n  name: Home\nrecorder:\n  exclude: {domains: light}\n")
    await hub.services.call("recorder", "purge", {"apply_filter": True})
    history = house.hub.history
    assert history is not None
    assert list(await history.states(["light.a", "switch.a"], START - 1, START + 5)) == ["switch.a"]
    assert await count(house, tables.states, of("light.a")) == 0
    assert await count(house, tables.states, of("switch.a")) == 1


async def test_events_and_messages_that_are_not_recorded_any_more_go_with_apply_filter_as_well(
    recorded: Recorded, house: House, hub: Hub
) -> None:
    await recorded()
    for event in ("doorbell", "heartbeat"):
        hub.bus.fire(event, {})
    hub.bus.fire("message_sent", {"text": "hello", "channel": "c"})
    assert await count(house, tables.messages) == 1
    await house.apply("nanobot:\n  name: Home\nrecorder:\n  messages: false\n  exclude: {event_types: heartbeat}\n")
    await hub.services.call("recorder", "purge", {"apply_filter": True})
    assert await count(house, tables.messages) == 0
    assert await count(house, tables.events, tables.events.c.type == "heartbeat") == 0
    assert await count(house, tables.events, tables.events.c.type == "doorbell") == 1


async def test_the_room_stays_with_the_file_without_auto_repack(
    recorded: Recorded, house: House, hub: Hub, write: Write, hands: Hands
) -> None:
    await recorded("  auto_repack: false")
    for number in range(300):
        write(number / 1000, "light.a", str(number), level="x" * 500 + str(number))
    hands.time = START + 30 * DAY
    await hub.services.call("recorder", "purge")
    recorder = house.entry("recorder").data
    assert await recorder.writer.outside(recorder.database._unused_pages) > 10


@pytest.mark.parametrize(("auto", "left"), [("true", 1), ("false", 2)])
async def test_it_is_done_every_night_unless_it_is_not_to_be(
    recorded: Recorded, house: House, write: Write, hands: Hands, auto: str, left: int
) -> None:
    await recorded(f"  auto_purge: {auto}\n  purge_keep_days: 1")
    recorder = house.entry("recorder").data
    write(0, "light.a", "on")
    write(1, "light.a", "off")
    hands.time = START + 3 * DAY
    await recorder._nightly()
    assert await count(house, tables.states, of("light.a")) == left
