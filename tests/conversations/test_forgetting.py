"""Sessions in which nothing is said any more are forgotten, by a task that runs while the hub does."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from nanobot.conversations import disk
from nanobot.util.dt import Clock
from tests.conversations.talk import Noting, Talk

DAY = 86_400.0
TABLES = ("inbox", "outbox", "sessions", "traces")


def left(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """The sessions of which each table has something; of steps, the turns."""
    found = {table: {row[0] for row in connection.execute(f"SELECT session FROM {table}")} for table in TABLES}
    return {**found, "steps": {row[0] for row in connection.execute("SELECT turn FROM steps")}}


async def test_an_idle_session_goes_as_a_whole_while_the_hub_runs_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "CLEAN_EVERY", 0.02)
    now = 1_700_000_000.0
    async with Talk(tmp_path / "config", clock=Clock(lambda: now)) as talk:
        talk.hub.config = replace(talk.hub.config, keep_days=10)
        talk.add(Noting("noting"))
        await talk.chat.types("we need milk", chat="idle")
        await talk.chat.types("we need eggs", chat="busy")
        await talk.until("message_sent", 2)
        for name in ("idle", "busy"):
            await talk.conversations.notes.change(f"chat:{name}", model="big", summary="Groceries.")
        now += 9 * DAY
        await talk.chat.types("and bread", chat="busy")
        await talk.until("message_sent", 3)
        now += 2 * DAY
        async with asyncio.timeout(10):
            while "chat:idle" in (found := await talk.conversations.database.read(left))["sessions"]:
                await asyncio.sleep(0.01)
        assert found == {
            "inbox": {"chat:busy"},
            "outbox": {"chat:busy"},
            "sessions": {"chat:busy"},
            "traces": set(),
            "steps": {(await talk.conversations.transcript("chat:busy"))[-1].id},
        }
        assert [one.text for one in await talk.conversations.transcript("chat:busy")] == ["and bread"]
