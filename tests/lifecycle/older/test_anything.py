"""Whatever stands in the older files, an import is a plan or a sentence."""

from __future__ import annotations

import copy
import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nanobot.conversations.conversations import MIGRATIONS
from nanobot.conversations.restore import restored
from nanobot.errors import NanobotError
from nanobot.lifecycle.older.move import plan
from tests.lifecycle.older.home import CONFIG, TALK, Older, job

ANYTHING: list[Any] = [
    None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**30, "", "x", "${A}", "\x00", "\ud800", "a\nb: c", [], [1],
    ["a", None, {}], {}, {"a": {"b": []}}, "!secret x", "é" * 300, "../..", "http://[", "9999-99-99",
]  # fmt: skip
CALL = {"id": "c1", "type": "function", "function": {"name": "list_dir", "arguments": "{}"}}
ROWS: list[Any] = [
    {"_type": "metadata", "key": "telegram:42", "metadata": {"_last_summary": {"text": "Boats."}}, "last_archived": 1},
    *TALK,
    {"role": "assistant", "content": "", "tool_calls": [CALL], "timestamp": "2026-01-01T10:00:02"},
    {"role": "tool", "content": "a", "tool_call_id": "c1", "timestamp": "2026-01-01T10:00:03"},
    {"role": "user", "content": [{"type": "text", "text": "b"}], "media": ["media/a.png"], "sender_id": 42},
]
WHOLE: dict[str, Any] = {
    "config": {
        **CONFIG,
        "modelPresets": {"fast": {"model": "qwen3:8b", "provider": "ollama"}},
        "gateway": {"port": 1, "heartbeat": {"enabled": True, "intervalS": 60}},
        "tools": {
            "exec": {"timeout": 5, "denyPatterns": ["x"]},
            "web": {"search": {"provider": "brave", "apiKey": "k"}, "proxy": "http://p"},
            "mcpServers": {"a": {"command": "sh", "args": ["-c"], "env": {"A": "b"}}, "b": {"url": "http://x/mcp"}},
        },
    },
    "jobs": {
        "jobs": [job("a1", {"kind": "cron", "expr": "0 7 * * *"}), job("a2", {"kind": "every", "everyMs": 60000})]
    },
    "rows": ROWS,
}


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*above, key))


def put(whole: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    changed = copy.copy(whole)
    changed[place[0]] = put(whole[place[0]], place[1:], value)
    return changed


@pytest.mark.parametrize("seed", range(12))
def test_whatever_stands_in_the_files(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    whole = WHOLE
    for part in ("config", "jobs", "rows", "config", "rows"):
        place = chance.choice([one for one in places(whole) if one[:1] == (part,) and (part != "rows" or one[1:])])
        whole = put(whole, place, chance.choice(ANYTHING))
    older = Older(tmp_path / "old")
    older.write("config.json", json.dumps(whole["config"]))
    older.write("workspace/cron/jobs.json", json.dumps(whole["jobs"]))
    older.write("sessions/a.jsonl", "\n".join(map(json.dumps, whole["rows"])))
    try:
        move = plan(older.path, tmp_path / "ours", "en")
    except NanobotError as error:
        assert "Nothing was written" in str(error)  # noqa: PT017
        return
    for text in move.texts:
        assert text.after.encode()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS:
        connection.executescript(script)
    for talk in move.talks:
        assert restored(connection, talk.session, talk.lines) > 0
    connection.close()
    assert not (tmp_path / "ours").exists()
