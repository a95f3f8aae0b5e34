"""The same in a database: a file of SQLite, and a real PostgreSQL, which also goes away and comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from integrations.transcripts import CONFIG_SCHEMA, audit
from integrations.transcripts.database import LOCK
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.servers.running import NotInstalled, Server, running

from .conftest import SESSION, Started, join, record, until

WHOLE = (
    "SELECT head FROM transcript_sessions WHERE session = 'chat:test'",
    "SELECT line FROM transcript_lines WHERE session = 'chat:test' ORDER BY n",
)
Restart = Callable[[], Awaitable[House]]


def rows(path: Path) -> list[dict[str, Any]]:
    """The head and the lines in a file of SQLite."""
    with sqlite3.connect(path) as connection:
        try:
            found = [line for query in WHOLE for (line,) in connection.execute(query)]
        except sqlite3.OperationalError:
            found = []
    connection.close()
    return [orjson.loads(line) for line in found]


async def test_what_is_said_stands_in_a_file_of_sqlite_once(started: Started, house: House, restart: Restart) -> None:
    path = house.config_dir / "own.db"
    chat = await started("  url: sqlite:///own.db")
    await chat.types("we need milk \0")
    await until(lambda: len(rows(path)) == 5)
    assert rows(path) == await record(house.hub)
    assert path.stat().st_mode & 0o077 == 0
    await house.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM transcript_meta")
    connection.close()
    again = await restart()
    chat = join(again)
    await chat.types("and eggs", message_id="new")
    await until(lambda: len(rows(path)) == 9)
    assert rows(path) == await record(again.hub)
    await again.hub.conversations.delete(SESSION)
    await until(lambda: not rows(path))


async def test_idle_sessions_expire_from_a_database_as_a_whole(started: Started, house: House, hub: Hub) -> None:
    path = house.config_dir / "own.db"
    chat = await started("  url: sqlite:///own.db")
    await chat.types("we need milk")
    await until(lambda: len(rows(path)) == 5)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE transcript_sessions SET last = 1")
    connection.close()
    await house.apply("nanobot:\n  name: Home\ntranscripts:\n  url: sqlite:///own.db\n  keep_days: 30\n")
    await until(lambda: not rows(path))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        with running("postgres") as server:
            yield server
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.mark.server
@pytest.mark.slow
async def test_a_server_that_goes_away_is_waited_for_and_caught_up_with(
    started: Started, house: House, hub: Hub, server: Server
) -> None:
    info = server.info
    admin = psycopg.connect(info["admin_dsn"], autocommit=True)
    admin.execute("CREATE DATABASE transcripts")
    url = f"postgresql://{info['user']}:pass_word_1@{info['host']}:{info['port']}/transcripts"

    def said() -> list[dict[str, Any]]:
        try:
            with psycopg.connect(url) as connection:
                return [orjson.loads(line) for query in WHOLE for (line,) in connection.execute(query).fetchall()]
        except psycopg.Error:
            return []

    with admin:
        chat = await started(f"  url: {url}")
        await chat.types("we need milk \0 and more")
        await until(lambda: len(said()) == 5)
        admin.execute("ALTER DATABASE transcripts ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'transcripts'")
        assert await chat.types("and eggs") == "On the list: and eggs", "the hub does not care"
        await until(lambda: "transcripts.stopped" in hub.issues)
        issue = hub.issues.get("transcripts.stopped")
        assert issue is not None
        assert "pass_word_1" not in issue.text()
        admin.execute("ALTER DATABASE transcripts ALLOW_CONNECTIONS true")
        await until(lambda: "transcripts.stopped" not in hub.issues)
        await until(lambda: len(said()) == 9)
        assert said() == await record(hub)
        issues: list[str] = []
        hub.bus.listen("issue_created", lambda event: issues.append(event.data["id"]))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'transcripts'")
        await hub.conversations.delete(SESSION)
        await until(lambda: not said())
        assert issues == [], "a connection that was dropped is no news"
        with psycopg.connect(url, autocommit=True) as other:
            await house.apply("nanobot:\n  name: Home\n")
            other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            await house.apply(f"nanobot:\n  name: Home\ntranscripts:\n  url: {url}\n")
            await until(lambda: "transcripts.stopped" in hub.issues)
            issue = hub.issues.get("transcripts.stopped")
            assert issue is not None
            assert "another nanobot writes transcripts into the same database" in issue.text()


def test_a_password_that_may_go_over_the_network_in_the_clear_is_a_finding() -> None:
    def found(url: str) -> list[str]:
        return [one.key for one in audit(CONFIG_SCHEMA({"url": url}))]

    assert found("postgresql://me:password@db.example/x") == ["plain_database"]
    assert found("postgresql://me:password@db.example/x?sslmode=verify-full") == []
    assert audit(CONFIG_SCHEMA({})) == []


async def test_a_file_that_others_could_read_is_closed_to_them(started: Started, house: House) -> None:
    path = house.config_dir / "own.db"
    path.touch(0o644)
    chat = await started("  url: sqlite:///own.db")
    await chat.types("we need milk")
    await until(lambda: len(rows(path)) == 5)
    assert path.stat().st_mode & 0o077 == 0
