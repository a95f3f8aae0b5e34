"""A database that fails: full, read-only, gone, damaged, too new. The hub goes on, and so does the recording later."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.recorder import tables, writer
from integrations.recorder.database import Database
from nanobot.contracts.history import History
from nanobot.errors import StorageError
from nanobot.hub.entry import EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.util.backoff import Backoff

from .conftest import Recorded

FULL = 4096  # bytes that a file may have: no page of a database fits into its journal
EVERY = resource.RLIM_INFINITY


def file(hub: Hub) -> Path:
    return hub.config_dir / ".storage" / "history.db"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are tried again soon."""
    monkeypatch.setattr(writer, "RETRY", Backoff(first=0.05, limit=0.1))


@pytest.fixture
def full() -> Iterator[None]:
    """No file of this process can grow; lifted afterwards."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (EVERY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


async def until_issue(hub: Hub, issue: str, there: bool = True) -> None:
    async with asyncio.timeout(20):
        while (issue in hub.issues) is not there:
            await asyncio.sleep(0.01)


async def values(history: History, entity_id: str) -> list[str]:
    return [row.state for row in (await history.states([entity_id], 0)).get(entity_id, [])]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of files are told by a signal elsewhere")
async def test_a_full_disk_stops_recording_with_an_issue_and_nothing_is_lost_when_there_is_room_again(
    recorded: Recorded, hub: Hub, full: None, request: pytest.FixtureRequest
) -> None:
    room()
    history = await recorded("  commit_interval: 0")
    hub.states.set("light.a", "before")
    assert await values(history, "light.a") == ["before"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    hub.states.set("light.a", "during 1")
    await until_issue(hub, "recorder.stopped")
    hub.states.set("light.a", "during 2")
    issue = hub.issues.get("recorder.stopped")
    assert issue is not None
    assert "Nothing is recorded at the moment: history.db cannot be written: " in issue.text()
    assert await values(history, "light.a") == ["before"], "what was written can be read"
    assert not (await history.info()).recording
    assert (await history.info()).backlog >= 2
    room()
    await until_issue(hub, "recorder.stopped", there=False)
    assert await values(history, "light.a") == ["before", "during 1", "during 2"]
    assert (await history.info()).recording


async def test_more_than_may_wait_is_dropped_with_an_issue_that_goes(
    recorded: Recorded, house: House, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_BACKLOG", 50)
    history = await recorded("  commit_interval: 3600")
    await history.events(0)
    for number in range(80):
        hub.states.set("light.a", str(number))
    assert "recorder.backlog" in hub.issues
    kept = await values(history, "light.a")
    assert 40 <= len(kept) <= 50
    await until_issue(hub, "recorder.backlog", there=False)


@pytest.mark.bound
async def test_a_folder_that_is_read_only_is_no_reason_not_to_start(recorded: Recorded, house: House, hub: Hub) -> None:
    folder = hub.config_dir / "records"
    folder.mkdir()
    folder.chmod(0o500)
    history = await recorded("  db_url: sqlite:///records/x.db\n  commit_interval: 0")
    assert house.entry("recorder").state is EntryState.LOADED
    await until_issue(hub, "recorder.stopped")
    hub.states.set("light.a", "on")
    with pytest.raises(StorageError, match="cannot be read"):
        await history.states(["light.a"], 0)
    folder.chmod(0o700)
    await until_issue(hub, "recorder.stopped", there=False)
    assert await values(history, "light.a") == ["on"]


async def test_a_file_that_is_taken_away_is_made_anew(recorded: Recorded, house: House, hub: Hub) -> None:
    history = await recorded("  commit_interval: 0")
    hub.states.set("light.a", "1")
    assert await values(history, "light.a") == ["1"]
    for path in file(hub).parent.glob("history.db*"):
        path.unlink()
    hub.states.set("light.a", "2")
    await house.entry("recorder").data.writer.do(lambda connection: None)
    assert file(hub).exists()
    assert await values(history, "light.a") == ["2"]
    hub.states.set("light.a", "3")
    assert await values(history, "light.a") == ["2", "3"]


@pytest.mark.parametrize("damage", ["no database", "torn"])
async def test_a_damaged_file_is_set_aside_with_the_date_at_start(recorded: Recorded, hub: Hub, damage: str) -> None:
    path = file(hub)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if damage == "no database":
        path.write_bytes(b"this is no database" * 500)
    else:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [(str(n), "x" * 300) for n in range(500)])
        connection.commit()
        connection.close()
        data = bytearray(path.read_bytes())
        data[4096:12288] = os.urandom(8192)
        path.write_bytes(data)
    broken = path.read_bytes()
    history = await recorded()
    hub.states.set("light.a", "on")
    assert await values(history, "light.a") == ["on"]
    (aside,) = path.parent.glob("history.db.damaged-*")
    assert aside.read_bytes()[100:] == broken[100:]
    issue = hub.issues.get("recorder.damaged")
    assert issue is not None
    assert aside.name in issue.text()


async def test_a_file_that_is_damaged_while_it_is_used_is_set_aside_and_what_comes_is_recorded(
    recorded: Recorded, house: House, hub: Hub
) -> None:
    history = await recorded("  commit_interval: 0")
    for number in range(2000):
        hub.states.set("light.a", str(number), {"n": "x" * 4000 + str(number)})  # more than is kept in memory
    await values(history, "light.a")
    recorder = house.entry("recorder").data
    await recorder.writer.outside(lambda: recorder.database.run("PRAGMA wal_checkpoint(TRUNCATE)"))
    with file(hub).open("r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(file(hub).stat().st_size - 4096))
    async with asyncio.timeout(30):
        number = 2000
        while "recorder.damaged" not in hub.issues:
            number += 1
            hub.states.set("light.a", str(number))
            with contextlib.suppress(StorageError):
                await values(history, "light.a")
            await asyncio.sleep(0.01)
    hub.states.set("light.a", "last")
    assert (await values(history, "light.a"))[-1] == "last"
    assert list(file(hub).parent.glob("history.db.damaged-*"))


async def test_a_file_that_another_one_was_copied_over_is_set_aside_by_whoever_reads_it(
    recorded: Recorded, house: House, hub: Hub
) -> None:
    history = await recorded("  commit_interval: 0")
    for number in range(200):
        hub.states.set("light.a", str(number), {"n": str(number) * 50})  # the writer remembers all of it
    await values(history, "light.a")
    recorder, path = house.entry("recorder").data, file(hub)
    await recorder.writer.outside(lambda: recorder.database.run("PRAGMA wal_checkpoint(TRUNCATE)"))
    with path.open("r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(path.stat().st_size - 4096))
    recorder.database.close_readers()
    with pytest.raises(StorageError, match="damaged"):
        await values(history, "light.a")
    await until_issue(hub, "recorder.damaged")
    hub.states.set("light.a", "last")
    assert await values(history, "light.a") == ["last"]


async def test_records_of_a_newer_nanobot_are_left_alone(recorded: Recorded, hub: Hub) -> None:
    path = file(hub)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        connection.execute("INSERT INTO meta VALUES ('version', '99')")
    connection.close()
    before = path.read_bytes()
    await recorded()
    await until_issue(hub, "recorder.stopped")
    issue = hub.issues.get("recorder.stopped")
    assert issue is not None
    assert "written by a newer nanobot (format 99, this one knows 2); update nanobot" in issue.text()
    assert path.read_bytes()[:18] == before[:18]
    assert not list(path.parent.glob("*damaged*"))


async def test_older_records_are_brought_up_to_date_or_left_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import Connection, text

    def add(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE events ADD COLUMN note TEXT"))

    def fail(connection: Connection) -> None:
        raise ValueError("no")

    def opened() -> object:
        records = Database(f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "x.db")
        records.open()
        with records.write() as connection:
            found = connection.execute(text("SELECT value FROM meta WHERE key = 'version'")).scalar()
        records.close_writer()
        return found

    assert opened() == "2"
    with sqlite3.connect(tmp_path / "x.db") as connection:  # as the first version wrote it
        connection.executescript("ALTER TABLE messages DROP COLUMN details; UPDATE meta SET value = '1'")
    connection.close()
    ours = tables.MIGRATIONS
    monkeypatch.setattr(tables, "MIGRATIONS", [*ours, add, fail])
    with pytest.raises(StorageError, match="x.db cannot be opened: no"):
        opened()
    monkeypatch.setattr(tables, "MIGRATIONS", [*ours, add])
    assert opened() == "3", "what failed half way was undone"
    assert opened() == "3"
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("SELECT note FROM events").fetchall() == []
        assert connection.execute("SELECT details FROM messages").fetchall() == []
    connection.close()


async def test_an_answer_that_takes_too_long_is_broken_off(
    recorded: Recorded, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import Connection, text

    from integrations.recorder import database

    await recorded()
    monkeypatch.setattr(database, "READ_LIMIT", 0.05)
    reader = house.entry("recorder").data.reader

    def forever(connection: Connection) -> object:
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
        return connection.execute(text(endless)).scalar()

    with pytest.raises(StorageError, match="took more than"):
        await reader.ask(forever)
    assert await reader.ask(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1


async def test_a_reader_cannot_write(recorded: Recorded, house: House) -> None:
    from sqlalchemy import text

    await recorded()
    with pytest.raises(StorageError, match="read-only|read"):
        await house.entry("recorder").data.reader.ask(lambda connection: connection.execute(text("DELETE FROM states")))
