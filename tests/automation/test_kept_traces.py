"""Traces over a restart: the newest of each item, bounded, and without secrets."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nanobot.automation import kept_traces
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

ONE = """{alias: %s, id: %s, triggers: {trigger: event, event_type: go},
    variables: {much: '{{ "x" * 2000 }}'}, actions: []}"""
HOME = f"automation: [{ONE % ('A', 'a')}, {ONE % ('B', 'b')}]"


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def go(hub: Hub, times: int) -> None:
    for _ in range(times):
        hub.bus.fire("go")
        await settle()


async def begin(house: House) -> Hub:
    """As the process does: what waits for the start is waited for."""
    await house.hub.bus.fire_and_wait("homeassistant_started", limit=10)
    return house.hub


def runs(hub: Hub, item_id: str) -> list[str]:
    item = hub.runnable("automation", item_id)
    assert item is not None
    return [trace.run_id for trace in item.traces]


async def test_they_are_as_they_were_and_new_ones_come_behind_them(house: House, restart: Any) -> None:
    await house.start(HOME)
    await go(house.hub, 3)
    before = runs(house.hub, "a")
    item = house.hub.runnable("automation", "a")
    assert item is not None
    full = [trace.full() for trace in item.traces]
    hub = await begin(await restart())
    item = hub.runnable("automation", "a")
    assert item is not None
    assert [trace.full() for trace in item.traces] == full
    await go(hub, 19)
    assert len(runs(hub, "a")) == 20
    assert runs(hub, "a")[0] == before[-1]
    hub = await begin(await restart())
    assert runs(hub, "a")[0] == before[-1], "those of two processes ago, too"


async def test_the_newest_of_each_item_are_kept_when_there_are_too_many(
    house: House, restart: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.start(HOME)
    await go(house.hub, 10)
    wanted = {item_id: runs(house.hub, item_id) for item_id in "ab"}
    monkeypatch.setattr(kept_traces, "MOST_BYTES", 20_000)
    hub = await begin(await restart())
    for item_id in "ab":
        found = runs(hub, item_id)
        assert 1 <= len(found) < 10
        assert found == wanted[item_id][-len(found) :]


async def test_one_that_is_too_large_is_kept_without_its_variables(
    house: House, restart: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.start(HOME)
    await go(house.hub, 1)
    monkeypatch.setattr(kept_traces, "MOST_OF_ONE", 1_000)
    hub = await begin(await restart())
    item = hub.runnable("automation", "a")
    assert item is not None
    (trace,) = item.traces
    assert trace.short()["script_execution"] == "finished"
    assert all("changed_variables" not in step for steps in trace.full()["trace"].values() for step in steps)


async def test_a_run_that_was_under_way_is_not_shown_as_running(house: House, restart: Any) -> None:
    await house.start(
        "automation: {id: w, alias: W, triggers: {trigger: event, event_type: go}, actions: [{delay: 100}]}"
    )
    await go(house.hub, 1)
    run_id = runs(house.hub, "w")[0]
    hub = await begin(await restart())
    item = hub.runnable("automation", "w")
    assert item is not None
    told = {trace.run_id: (trace.short()["state"], trace.short()["script_execution"]) for trace in item.traces}
    assert told[run_id] == ("stopped", "interrupted")
    assert ("running", None) in told.values(), "it goes on as a run of its own"


async def test_no_secret_is_on_disk(house: House, restart: Any) -> None:
    house.write("code: opensesame\n", "secrets.yaml")
    await house.start("""
automation:
  - id: s
    alias: S
    variables: {code: !secret code}
    triggers: {trigger: event, event_type: go}
    actions: {event: told, event_data: {code: "{{ code }}"}}
""")
    await go(house.hub, 1)
    await restart()
    written = (house.config_dir / ".storage" / "nanobot.traces.json").read_text()
    assert "S" in written
    assert "opensesame" not in written


class Crashing:
    """``async with crashing.after(house) as hub``: a process on what was on disk when another one was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    @asynccontextmanager
    async def after(self, house: House) -> AsyncIterator[Hub]:
        self._count += 1
        folder = self._folder / str(self._count)
        shutil.copytree(house.config_dir, folder)
        other = House(folder)
        await other.open()
        await other.start()
        await begin(other)
        yield other.hub
        await other.close()


@pytest.fixture
def crashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crashing:
    monkeypatch.setattr(kept_traces, "DELAY", 0.01)
    return Crashing(tmp_path)


def journal(house: House) -> Path:
    return house.config_dir / ".storage" / kept_traces.JOURNAL


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


def lines(house: House) -> int:
    path = journal(house)
    return len(path.read_bytes().splitlines()) if path.exists() else 0


async def test_new_ones_are_there_after_a_crash(house: House, crashing: Crashing) -> None:
    await house.start(HOME)
    await begin(house)
    await go(house.hub, 3)
    await until(lambda: lines(house) == 6)
    await go(house.hub, 1)
    await until(lambda: lines(house) == 8)
    assert journal(house).stat().st_mode & 0o077 == 0
    with journal(house).open("ab") as file:
        file.write(b'["automation.a", {"run_id": "half')
    async with crashing.after(house) as hub:
        for item_id in "ab":
            assert runs(hub, item_id) == runs(house.hub, item_id)
        await until(lambda: not (hub.config_dir / ".storage" / kept_traces.JOURNAL).exists())
        assert "nanobot.traces.json" in {path.name for path in (hub.config_dir / ".storage").iterdir()}


async def test_a_run_that_was_written_down_under_way_is_written_again_when_it_is_over(
    house: House, crashing: Crashing
) -> None:
    wait = "{wait_for_trigger: {trigger: event, event_type: enough}}"
    await house.start(
        f"automation: {{id: w, alias: W, triggers: {{trigger: event, event_type: go}}, actions: [{wait}]}}"
    )
    await begin(house)
    await go(house.hub, 1)
    await until(lambda: lines(house) == 1)
    house.hub.bus.fire("enough")
    await until(lambda: lines(house) == 2)
    async with crashing.after(house) as hub:
        item = hub.runnable("automation", "w")
        assert item is not None
        (trace,) = item.traces
        assert trace.short()["script_execution"] == "finished"


async def test_the_journal_is_taken_in_when_it_has_grown(
    house: House, crashing: Crashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.start(HOME)
    await begin(house)
    await go(house.hub, 1)
    await until(lambda: lines(house) == 2)
    monkeypatch.setattr(kept_traces, "MOST_BYTES", 6_000)
    await go(house.hub, 4)
    await until((house.config_dir / ".storage" / "nanobot.traces.json").exists)
    await until(lambda: lines(house) < 10)
    async with crashing.after(house) as hub:
        assert 1 <= len(runs(hub, "a")) <= 5
        assert runs(hub, "a")[-1] == runs(house.hub, "a")[-1]


async def test_many_at_once_cost_no_more_than_the_newest_of_each(
    house: House, crashing: Crashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_traces, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(kept_traces, "DELAY", 0.5)
    await house.start(HOME)
    await begin(house)
    await go(house.hub, 10)
    await until(lambda: lines(house) > 0)
    assert lines(house) == 4
    async with crashing.after(house) as hub:
        assert [runs(hub, item_id) for item_id in "ab"] == [runs(house.hub, item_id)[-2:] for item_id in "ab"]
