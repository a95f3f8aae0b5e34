"""States as they were: what comes back, and in which shape."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nanobot.contracts.history import History, PastState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.util.dt import iso

from .conftest import START, Hands, Recorded

Write = Callable[..., None]


def brief(rows: list[PastState]) -> list[tuple[str, float]]:
    """State and seconds after the start."""
    return [(row.state, round(row.last_updated - START, 3)) for row in rows]


async def ask(history: History, entity_id: str, start: float, end: float, **options: Any) -> list[PastState]:
    found = await history.states([entity_id], START + start, START + end, **options)
    return found.get(entity_id, [])


async def test_a_state_can_be_asked_for_a_moment_after_it_was_written(recorded: Recorded, hub: Hub) -> None:
    history = await recorded("  commit_interval: 3600")
    hub.states.set("light.kitchen", "on", {"brightness": 7, "friendly_name": "Kitchen"})
    now = hub.clock.time()
    found = await history.states(["light.kitchen"], now - 10)
    (row,) = found["light.kitchen"]
    assert row.as_dict() == {
        "entity_id": "light.kitchen",
        "state": "on",
        "attributes": {"brightness": 7, "friendly_name": "Kitchen"},
        "last_changed": iso(row.last_changed),
        "last_updated": iso(row.last_updated),
    }


async def test_the_first_row_is_the_state_at_the_start_with_the_start_as_its_time(
    recorded: Recorded, write: Write
) -> None:
    history = await recorded()
    for at, state in ((0, "a"), (10, "b"), (20, "c"), (30, "d")):
        write(at, "sensor.x", state)
    assert brief(await ask(history, "sensor.x", 15, 30)) == [("b", 15), ("c", 20)]
    assert brief(await ask(history, "sensor.x", 15, 31)) == [("b", 15), ("c", 20), ("d", 30)]
    assert brief(await ask(history, "sensor.x", 15, 31, include_start=False)) == [("c", 20), ("d", 30)]
    assert brief(await ask(history, "sensor.x", 40, 50)) == [("d", 40)]
    assert await ask(history, "sensor.x", -20, -10) == []
    first = (await ask(history, "sensor.x", 15, 31))[0]
    assert first.last_changed == first.last_updated == START + 15


async def test_changes_of_attributes_alone_are_not_significant_save_where_a_domain_lives_in_them(
    recorded: Recorded, write: Write
) -> None:
    history = await recorded()
    for entity_id in ("light.x", "climate.x"):
        write(0, entity_id, "on", level=1)
        write(10, entity_id, "on", level=2)
        write(20, entity_id, "off", level=2)
    assert brief(await ask(history, "light.x", 5, 30)) == [("on", 5), ("off", 20)]
    assert brief(await ask(history, "light.x", 5, 30, significant_only=False)) == [("on", 5), ("on", 10), ("off", 20)]
    assert brief(await ask(history, "climate.x", 5, 30)) == [("on", 5), ("on", 10), ("off", 20)]
    rows = await ask(history, "light.x", 5, 30, significant_only=False)
    assert rows[1].last_changed == START
    assert rows[1].compressed() == {"s": "on", "a": {"level": 2}, "lc": START, "lu": START + 10}
    assert rows[2].compressed() == {"s": "off", "a": {"level": 2}, "lu": START + 20}


async def test_minimal_rows_have_state_and_time_alone_save_for_the_first(recorded: Recorded, write: Write) -> None:
    history = await recorded()
    for at, state in ((0, "a"), (10, "b"), (20, "c")):
        write(at, "sensor.x", state, unit="m")
    rows = await ask(history, "sensor.x", 5, 30, minimal=True)
    assert rows[0].as_dict()["attributes"] == {"unit": "m"}
    assert [row.as_dict() for row in rows[1:]] == [
        {"state": "b", "last_changed": iso(START + 10)},
        {"state": "c", "last_changed": iso(START + 20)},
    ]
    assert rows[1].compressed() == {"s": "b", "lu": START + 10}


async def test_minimal_rows_leave_repetitions_out(recorded: Recorded, write: Write) -> None:
    history = await recorded()
    for at, level in ((0, 1), (10, 2), (20, 3), (30, 4)):
        write(at, "light.x", "on" if at < 30 else "off", level=level)
    rows = await ask(history, "light.x", -5, 40, minimal=True, significant_only=False)
    assert brief(rows) == [("on", 0), ("off", 30)]


@pytest.mark.parametrize("domain", ["climate", "humidifier", "input_datetime", "water_heater"])
async def test_rows_of_domains_that_say_nothing_without_attributes_are_never_minimal(
    recorded: Recorded, write: Write, domain: str
) -> None:
    history = await recorded()
    write(0, f"{domain}.x", "a", level=1)
    write(10, f"{domain}.x", "b", level=2)
    rows = await ask(history, f"{domain}.x", 5, 30, minimal=True)
    assert rows[1].as_dict()["attributes"] == {"level": 2}


async def test_no_attributes_means_none(recorded: Recorded, write: Write) -> None:
    history = await recorded()
    write(0, "light.x", "a", level=1)
    write(10, "light.x", "b", level=2)
    rows = await ask(history, "light.x", 5, 30, no_attributes=True)
    assert [row.attributes for row in rows] == [{}, {}]
    assert rows[1].compressed() == {"s": "b", "a": {}, "lu": START + 10}


async def test_an_entity_that_was_removed_has_an_empty_state_and_none_afterwards(recorded: Recorded, hub: Hub) -> None:
    history = await recorded()
    before = hub.clock.time()
    hub.states.set("light.x", "on")
    hub.states.remove("light.x")
    after = hub.clock.time()
    assert [row.state for row in (await history.states(["light.x"], before, after + 1))["light.x"]] == ["on", ""]
    assert await history.states(["light.x"], after + 0.1, after + 1) == {}


async def test_entities_come_in_the_order_asked_for_and_unknown_ones_not_at_all(
    recorded: Recorded, write: Write
) -> None:
    history = await recorded()
    for entity_id in ("light.a", "light.b"):
        write(0, entity_id, "on")
    found = await history.states(["light.b", "light.none", "light.a"], START - 1, START + 1)
    assert list(found) == ["light.b", "light.a"]


async def test_what_was_there_before_the_recorder_is_recorded_once(
    recorded: Recorded, house: House, hands: Hands, write: Write
) -> None:
    write(0, "light.x", "on")
    history = await recorded()
    hands.time = START + 5
    assert brief(await ask(history, "light.x", -1, 20)) == [("on", 0)]
    await house.edits.wait(house.edits.request(restart=["recorder"]))
    again = house.hub.history
    assert again is not None
    assert again is not history
    assert brief(await ask(again, "light.x", -1, 20)) == [("on", 0)]


async def test_closing_the_house_removes_nothing(
    recorded: Recorded, write: Write, restart: Callable[[], Awaitable[House]]
) -> None:
    await recorded(more="input_boolean:\n  lamp:\n    initial: true\n")
    house = await restart()
    assert house.hub.history is not None
    rows = (await house.hub.history.states(["input_boolean.lamp"], 0, START * 2))["input_boolean.lamp"]
    assert {row.state for row in rows} == {"on"}


async def test_equal_attributes_are_kept_once(recorded: Recorded, house: House, write: Write) -> None:
    history = await recorded()
    for at in range(200):
        write(at, f"light.x{at % 20}", str(at), friendly_name="Lamp", effects=["a", "b"])
    assert len(await history.states([f"light.x{n}" for n in range(20)], START - 1, START + 500)) == 20
    from sqlalchemy import func, select

    from integrations.recorder.tables import attributes, states

    recorder = house.entry("recorder").data
    count = select(func.count(attributes.c.id)).where(attributes.c.json.contains("effects"))
    assert await recorder.reader.ask(lambda connection: connection.execute(count).scalar()) == 1
    lamps = select(func.count(states.c.id)).where(states.c.old.is_not(None) | states.c.attributes.is_not(None))
    assert await recorder.reader.ask(lambda connection: connection.execute(lamps).scalar()) >= 200


async def test_attributes_that_are_too_large_are_left_out_with_a_line_in_the_log(
    recorded: Recorded, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    history = await recorded()
    write(0, "camera.x", "idle", picture="x" * 20_000)
    write(1, "camera.x", "streaming", picture="y" * 20_000)
    rows = await ask(history, "camera.x", -1, 10)
    assert [(row.state, row.attributes) for row in rows] == [("idle", {}), ("streaming", {})]
    assert caplog.text.count("the attributes of camera.x are larger than 16384 bytes") == 1


@pytest.mark.parametrize(
    "value",
    [{"a": {1, 2}}, {"a": "\ud800"}, {"a": 2**70}, {"a": float("nan")}, {"a": object}, {"a": "\0"}, {5: "five"}],
    ids=["set", "half a character", "too long", "no number", "a class", "zero", "number as key"],
)
async def test_attributes_that_json_has_no_word_for_harm_nobody(
    recorded: Recorded, hub: Hub, hands: Hands, value: dict[Any, Any]
) -> None:
    history = await recorded()
    hub.states.set("light.x", "on", value)
    hub.states.set("light.y", "half \ud800 \0", {})
    found = await history.states(["light.x", "light.y"], START - 1, START + 1)
    assert [row.state for row in found["light.x"]] == ["on"]
    assert found["light.y"][0].state.startswith("half ")


async def test_too_much_at_once_is_refused_with_a_sentence(
    recorded: Recorded, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.recorder import past
    from nanobot.errors import StorageError

    history = await recorded()
    monkeypatch.setattr(past, "MAX_ROWS", 5)
    for at in range(10):
        write(at, "light.x", str(at))
    with pytest.raises(StorageError, match="more than 5 states in this period; ask for fewer entities"):
        await ask(history, "light.x", -1, 20)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("  exclude: {domains: light}", ["sensor.a"]),
        ("  include: {entities: light.b}", ["light.b"]),
        ("  include: {entity_globs: '*.a'}", ["light.a", "sensor.a"]),
        ("  include: {domains: light}\n  exclude: {entities: light.a}", ["light.b"]),
    ],
)
async def test_only_chosen_entities_are_recorded(
    recorded: Recorded, write: Write, options: str, kept: list[str]
) -> None:
    history = await recorded(options)
    everything = ["light.a", "light.b", "sensor.a"]
    for entity_id in everything:
        write(0, entity_id, "on")
    assert sorted(await history.states(everything, START - 1, START + 1)) == kept
    assert [entity_id for entity_id in everything if history.records(entity_id)] == kept


async def test_an_edit_of_the_choice_is_live_and_needs_no_restart(
    recorded: Recorded, house: House, write: Write
) -> None:
    history = await recorded("  exclude: {domains: light}")
    write(0, "light.a", "on")
    await house.apply("nanobot:\n  name: Home\nrecorder:\n  exclude: {domains: sensor}\n")
    assert house.hub.history is history
    write(5, "sensor.a", "1")
    assert list(await history.states(["light.a", "sensor.a"], START - 1, START + 10)) == ["light.a"]


async def test_history_shows_what_its_options_say_and_keeps_the_rest_for_those_who_may_see_all(
    recorded: Recorded, write: Write
) -> None:
    history = await recorded(more="history:\n  exclude:\n    entities: light.secret\n")
    for entity_id in ("light.secret", "light.a"):
        write(0, entity_id, "on")
    both = ["light.secret", "light.a"]
    assert list(await history.states(both, START - 1, START + 1)) == ["light.a"]
    assert list(await history.states(both, START - 1, START + 1, hidden=True)) == both
    assert not history.shows("light.secret", "history")
    assert history.shows("light.secret", "logbook")


async def test_disabled_it_records_nothing_until_enabled(recorded: Recorded, hub: Hub, write: Write) -> None:
    history = await recorded()
    await hub.services.call("recorder", "disable")
    assert not (await history.info()).recording
    write(0, "light.x", "on")
    write(5, "light.x", "off")
    await hub.services.call("recorder", "enable")
    write(10, "light.x", "on")
    assert brief(await ask(history, "light.x", -1, 20)) == [("off", 5), ("on", 10)]


async def test_the_past_is_told_while_the_writer_is_at_something_long(
    recorded: Recorded, house: House, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.recorder.reader.WAIT", 0.05)
    history = await recorded("  commit_interval: 0")
    hub.states.set("light.a", "on")
    assert len(await history.states(["light.a"], 0)) == 1
    repacked = threading.Event()
    repack = asyncio.ensure_future(house.entry("recorder").data.writer.outside(lambda: repacked.wait(20)))
    try:
        async with asyncio.timeout(5):
            assert len(await history.states(["light.a"], 0)) == 1
    finally:
        repacked.set()
        await repack
