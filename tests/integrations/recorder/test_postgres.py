"""The same on PostgreSQL: a real server, which also goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from integrations.recorder import writer
from integrations.recorder.database import LOCK
from nanobot.errors import StorageError
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.util.backoff import Backoff
from tests.servers.running import NotInstalled, Server, running

from .conftest import START, Hands, Recorded
from .test_disk import until_issue

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        with running("postgres") as server:
            yield server
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture
def url(server: Server) -> str:
    """A database of one's own, and how it is reached."""
    info = server.info
    with psycopg.connect(info["admin_dsn"], autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS records WITH (FORCE)")
        connection.execute("CREATE DATABASE records")
    return f"postgresql://{info['user']}:pass_word_1@{info['host']}:{info['port']}/records"


async def test_what_is_recorded_is_answered(recorded: Recorded, house: House, hub: Hub, url: str) -> None:
    history = await recorded(f"  db_url: {url}\n  commit_interval: 0")
    context = Context(user_id="anna", actor="user")
    for number in range(500):
        hub.states.set("light.a", str(number), {"level": number % 3, "odd": "\0\ud800"}, context)
    hub.bus.fire("mine", {"text": "hello"}, context.child("automation"))
    hub.bus.fire("message_received", {"session": "s", "text": "hi \0 there"}, context)
    hub.bus.fire("script_started", {"name": "A", "entity_id": "script.a"}, context)
    rows = (await history.states(["light.a"], 0))["light.a"]
    assert [row.state for row in rows] == [str(number) for number in range(500)]
    chain = await history.chain(context.id)
    assert {one.kind for one in chain.happenings} == {"state", "event", "message", "run"}
    assert [row["state"] for row in await history.logbook(0, entities=["light.a"])] == [str(n) for n in range(1, 500)]
    await house.entry("recorder").data.compile()
    await hub.services.call("recorder", "purge", {"keep_days": 0, "repack": True})
    assert [row.state for row in (await history.states(["light.a"], 0))["light.a"]] == ["499"]
    assert not list((hub.config_dir / ".storage").glob("history*"))


async def test_a_server_that_goes_away_is_waited_for(
    recorded: Recorded, hub: Hub, server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY", Backoff(first=0.1, limit=0.3))
    history = await recorded(f"  db_url: {url}\n  commit_interval: 0")
    hub.states.set("light.a", "1")
    assert len((await history.states(["light.a"], 0))["light.a"]) == 1
    with psycopg.connect(server.info["admin_dsn"], autocommit=True) as connection:
        connection.execute("ALTER DATABASE records ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'records'")
        hub.states.set("light.a", "2")
        await until_issue(hub, "recorder.stopped")
        issue = hub.issues.get("recorder.stopped")
        assert issue is not None
        assert "pass_word_1" not in issue.text()
        hub.states.set("light.a", "3")
        connection.execute("ALTER DATABASE records ALLOW_CONNECTIONS true")
    await until_issue(hub, "recorder.stopped", there=False)
    async with asyncio.timeout(10):
        while [row.state for row in (await history.states(["light.a"], 0))["light.a"]] != ["1", "2", "3"]:
            await asyncio.sleep(0.05)
    with psycopg.connect(url) as connection:
        held = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted").fetchone()
    assert held == (1,), "it is the only one that writes, as before"


async def test_a_server_that_is_not_there_at_the_start_is_waited_for(
    recorded: Recorded, hub: Hub, server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY", Backoff(first=0.1, limit=0.3))
    with psycopg.connect(server.info["admin_dsn"], autocommit=True) as connection:
        connection.execute("DROP DATABASE records")
        history = await recorded(f"  db_url: {url}\n  commit_interval: 0")
        hub.states.set("light.a", "1")
        await until_issue(hub, "recorder.stopped")
        with pytest.raises(StorageError, match="cannot be read"):
            await history.states(["light.a"], 0)
        connection.execute("CREATE DATABASE records")
    await until_issue(hub, "recorder.stopped", there=False)
    assert [row.state for row in (await history.states(["light.a"], 0))["light.a"]] == ["1"]


async def test_two_hubs_do_not_write_into_one_database(recorded: Recorded, hub: Hub, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        await recorded(f"  db_url: {url}\n  commit_interval: 0")
        await until_issue(hub, "recorder.stopped")
        issue = hub.issues.get("recorder.stopped")
        assert issue is not None
        assert "another nanobot records into the same database" in issue.text()


async def test_numbers_are_summed_up_and_what_is_not_wanted_goes_as_on_sqlite(
    recorded: Recorded, house: House, hub: Hub, hands: Hands, url: str
) -> None:
    options = f"  db_url: {url}\n  commit_interval: 0"
    start = START - START % 300 + 300
    history = await recorded(options)
    about = {"state_class": "total", "unit_of_measurement": "kWh"}
    for at, value, reset in ((-10, 10, "1"), (20, 12, "1"), (40, 3, "2")):
        hands.time = start + at
        hub.states.set("sensor.energy", str(value), {**about, "last_reset": reset})
        await house.entry("recorder").data.compile()
    hub.bus.fire("heartbeat", {})
    hands.time = start + 300
    await house.entry("recorder").data.compile()
    found = await history.statistics(["sensor.energy"], start, period="5minute", units={"energy": "Wh"})
    assert [row["change"] for row in found["sensor.energy"]] == [pytest.approx(5000)]
    assert await history.statistic("sensor.energy", start) == pytest.approx({"change": 5})
    assert [one["unit_class"] for one in await history.statistic_ids()] == ["energy"]
    await house.apply(f"nanobot:\n  name: Home\nrecorder:\n{options}\n  exclude: {{event_types: heartbeat}}\n")
    await hub.services.call("recorder", "purge", {"apply_filter": True, "repack": True})
    assert await history.events(0, types=["heartbeat"]) == []
