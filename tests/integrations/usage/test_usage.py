"""What was asked of models is remembered, and told by model, agent, person, channel, origin and day."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nanobot.contracts.command import Connection
from nanobot.contracts.meter import Spender, Spent
from nanobot.contracts.model import Delta, Price
from nanobot.errors import NanobotError, StorageError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.storage.sql import Database
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp
from tests.agent.conftest import Scripted

ME = Spender("agent", "chat:me", "chat", "chat:test", "t1")
REPORT = Spender("agent", origin="schedule.report", turn="t2")
NOW = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC).timestamp()
DAY = 86_400.0


def spend(hub: Hub, who: Spender = ME, model: str = "main", *, ago: float = 0.0, **more: Any) -> None:
    for meter in hub.meters:
        meter.spent(Spent(who, model, at=hub.clock.time() - ago, **more))


async def told(hub: Hub, **asked: Any) -> Any:
    command = hub.commands.get("usage")
    assert command is not None
    assert command.schema is not None
    connection: Connection = None  # type: ignore[assignment]
    return await command.handler(connection, command.schema(asked))


@pytest.fixture
async def usage(hub: Hub, set_up: SetUp) -> Hub:
    hub.clock.time = lambda: NOW
    await set_up("usage")
    return hub


async def test_it_is_told_by_model_the_dearest_first(usage: Hub) -> None:
    for seconds in range(1, 21):
        spend(usage, prompt=100, completion=10, cached=50, cost=0.01, seconds=float(seconds))
    spend(usage, model="cheap", prompt=9000, cost=0.001, seconds=0.5)
    spend(usage, model="cheap", failed=True, error="down", cost=0.0, seconds=99.0)
    found = await told(usage)
    assert [row["name"] for row in found["rows"]] == ["main", "cheap"]
    main, cheap = found["rows"]
    assert main == {
        "name": "main", "calls": 20, "failed": 0, "input": 2000, "cached": 1000, "output": 200, "cost": 0.2,
        "unpriced": 0, "estimated": 0, "p50": 11.0, "p95": 20.0,
    }  # fmt: skip
    assert (cheap["calls"], cheap["failed"], cheap["p95"]) == (2, 1, 0.5)
    assert found["total"]["calls"] == 22
    assert found["total"]["cost"] == pytest.approx(0.201)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("agent", ["agent"]),
        ("person", ["chat:me", ""]),
        ("channel", ["chat", ""]),
        ("origin", ["", "schedule.report"]),
        ("day", ["2026-06-09", "2026-06-10"]),
    ],
)
async def test_by_whom_and_when(usage: Hub, by: str, names: list[str]) -> None:
    spend(usage, cost=2.0)
    spend(usage, REPORT, ago=DAY, cost=1.0)
    assert [row["name"] for row in (await told(usage, by=by))["rows"]] == names


async def test_a_day_is_one_of_the_configured_zone(usage: Hub) -> None:
    usage.clock.zone = ZoneInfo("Asia/Tokyo")
    spend(usage, ago=-4 * 3600)  # 16:00 in UTC
    assert [row["name"] for row in (await told(usage, by="day"))["rows"]] == ["2026-06-11"]


@pytest.mark.parametrize(
    ("since", "calls"), [("1h", 1), ("24h", 2), ("7d", 3), ("2w", 4), ("2026-06-09T00:00", 2), ("2026-05-01", 4)]
)
async def test_since_when(usage: Hub, since: str, calls: int) -> None:
    for ago in (0, 0.5, 5, 10):
        spend(usage, ago=ago * DAY)
    assert (await told(usage, since=since))["total"]["calls"] == calls


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"since": "soon"}, "'soon' is no time. Write it like 24h, 7d, 2w or 2026-06-01."),
        ({"since": "999999w"}, "'999999w' is no time"),
        ({"by": "modle"}, "Did you mean 'model'?"),
        ({"by": "x"}, "not by 'x'"),
    ],
)
async def test_what_cannot_be_told_is_said(usage: Hub, asked: dict[str, str], why: str) -> None:
    with pytest.raises(NanobotError) as caught:
        await told(usage, **asked)
    assert why in str(caught.value)


async def test_the_table_marks_what_is_not_known_for_certain(usage: Hub) -> None:
    assert (await told(usage))["text"] == "No model was asked since 2026-06-03 12:00."
    spend(usage, prompt=1234, completion=5, cost=0.5, seconds=1.25, estimated=True)
    spend(usage, cost=None, seconds=1.25)
    spend(usage, model="mystery", cost=None, seconds=2.0)
    assert (await told(usage))["text"].splitlines() == [
        "model    calls  failed   input  cached  output      cost  p50  p95",
        "main         2       0  ~1,234       0      ~5  $0.5000+  1.2  1.2",
        "mystery      1       0       0       0       0         ?  2.0  2.0",
        "total        3       0  ~1,234       0      ~5  $0.5000+  1.2  2.0",
    ]


async def test_the_calls_of_a_turn_are_there_at_once_and_in_order(usage: Hub) -> None:
    spend(usage, prompt=1, failed=True, error="down")
    spend(usage, REPORT, prompt=2)
    spend(usage, prompt=3, cost=0.1, seconds=2.0, first=0.5, cached=1)
    meter = usage.meters.get("usage")
    assert meter is not None
    found = await meter.calls_of("t1")
    assert [(spent.prompt, spent.failed, spent.error) for spent in found] == [(1, True, "down"), (3, False, "")]
    assert found[1] == Spent(ME, "main", at=NOW, prompt=3, cost=0.1, seconds=2.0, first=0.5, cached=1)
    assert await meter.calls_of("t3") == []


async def test_it_is_kept_over_a_restart_and_forgotten_after_its_time(
    house: House, set_up: SetUp, restart: Callable[[], Awaitable[House]]
) -> None:
    await set_up("usage", {"keep_days": 20})
    spend(house.hub)
    spend(house.hub, ago=10 * DAY)
    again = await restart()
    assert (await told(again.hub, since="4w"))["total"]["calls"] == 2
    again.write(json.dumps({"usage": {"keep_days": 5}}))
    last = await restart()
    assert (await told(last.hub, since="4w"))["total"]["calls"] == 1


async def test_what_was_asked_is_on_disk_a_moment_later(usage: Hub, house: House) -> None:
    spend(usage)
    async with asyncio.timeout(5):
        while True:
            with sqlite3.connect(house.config_dir / ".storage" / "usage.db") as db:
                if db.execute("SELECT count(*) FROM calls").fetchone()[0]:
                    break
            await asyncio.sleep(0.05)


async def test_what_cannot_be_written_waits_until_it_can(
    usage: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Database.write

    async def full(*_: Any) -> None:
        raise StorageError("usage.db cannot be written: the disk is full")

    monkeypatch.setattr(Database, "write", full)
    for _ in range(2):
        spend(usage)
        await told(usage)
    assert caplog.text.count("the disk is full") == 1
    monkeypatch.setattr(Database, "write", whole)
    assert (await told(usage))["total"]["calls"] == 2


async def test_a_file_that_cannot_be_opened_is_tried_again_later(house: House) -> None:
    (house.config_dir / ".storage" / "usage.db").mkdir(parents=True)
    await house.start("usage:\n")
    entry = house.entry("usage")
    assert entry.state.value == "retrying"
    assert "usage.db cannot be opened" in str(entry.error)


async def test_an_owner_asks_in_a_chat_and_a_turn_is_counted(hub: Hub, entry: Entry, chat: Chat, set_up: SetUp) -> None:
    model = Scripted("main", [Delta("hello", finish="stop", usage={"prompt_tokens": 900, "completion_tokens": 100})])
    model.price = Price(1.0, 2.0)
    entry.add(model)
    await set_up("agent", {"model": "main"})
    await set_up("usage")
    await chat.types("hi")
    answer = await chat.types("/usage 24h person")
    assert answer is not None
    assert answer.startswith("```\nperson")
    assert "chat:tester" in answer
    assert "$0.0011" in answer
    assert (await told(hub))["total"]["calls"] == 1
