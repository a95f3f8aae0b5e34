"""`nanobot session`: with a hub that runs and without one, on the file that both of them use."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from nanobot.cli import session
from nanobot.contracts.agent import Agent, Part, Record, Text, Turn
from nanobot.contracts.model import Message, ToolCall
from nanobot.conversations.conversations import FILE
from nanobot.errors import NanobotError
from nanobot.lifecycle.control import Control
from nanobot.lifecycle.instance import Instance
from nanobot.testing.plugin import House
from nanobot.util.aio import in_thread
from tests.conversations.talk import Talk

STEPS = (
    Message("assistant", "", (ToolCall("1", "note", '{"what": "milk"}'),)),
    Message("tool", "noted", tool_call_id="1"),
)


class Noting(Agent):
    """Keeps two steps of each turn."""

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        for step in STEPS:
            yield Record(step)
        yield Text("Milk is on the list.")


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Of a hub that has ended, with two sessions; in one of them a file."""
    folder = tmp_path / "ended"
    async with Talk(folder) as talk:
        talk.add(Noting("noting"))
        await talk.hub.conversations.notes.change("chat:test", model="big")
        kept = await talk.hub.media.keep("chat", "hello.txt", b"hello")
        await talk.chat.types("we need milk", attachments=(kept,))
        await talk.chat.types("we need eggs", chat="other")
        await talk.until("message_sent")
    return folder


def rows(folder: Path) -> list[str]:
    """The sessions of which anything is left in any table."""
    connection = sqlite3.connect(folder / ".storage" / FILE)
    try:
        tables = " UNION ".join(f"SELECT session FROM {table}" for table in ("inbox", "outbox", "sessions", "traces"))
        found = {name for (name,) in connection.execute(tables)}
        assert not connection.execute("SELECT 1 FROM steps WHERE turn NOT IN (SELECT id FROM inbox)").fetchall()
        return sorted(found)
    finally:
        connection.close()


def test_the_sessions_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session.show_list(folder, as_json=True)
    found = orjson.loads(capsys.readouterr().out)
    assert [(one["session"], one["channel"], one["messages"]) for one in found] == [
        ("chat:other", "chat", 2),
        ("chat:test", "chat", 2),
    ]
    session.show_list(folder, as_json=False)
    assert "chat:other" in capsys.readouterr().out


def test_a_session_is_exported_whole_as_lines_of_json(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    session.export(folder, "chat:test", "jsonl", output)
    head, asked, call, result, answer = map(orjson.loads, output.read_bytes().splitlines())
    assert head == {"type": "session", "session": "chat:test", "model": "big"}
    assert (asked["role"], asked["text"], asked["sender"], asked["outcome"]) == (
        "user",
        "we need milk",
        "tester",
        "answered",
    )
    assert [file["name"] for file in asked["attachments"]] == ["hello.txt"]
    assert call["tool_calls"] == [{"id": "1", "name": "note", "arguments": '{"what": "milk"}'}]
    assert (result["role"], result["tool_call_id"], result["text"]) == ("tool", "1", "noted")
    assert (answer["role"], answer["text"], answer["turn"]) == ("assistant", "Milk is on the list.", asked["id"])


def test_a_session_is_exported_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session.export(folder, "chat:test", "markdown", None)
    told = capsys.readouterr().out
    assert told.startswith("# chat:test\n")
    assert "**tester** · " in told
    assert '`note {"what": "milk"}`' in told
    assert told.rstrip().endswith("Milk is on the list.")


def test_a_deleted_session_is_gone_with_its_files_and_the_others_stay(folder: Path) -> None:
    assert list((folder / "media").rglob("*hello*"))
    session.delete(folder, "chat:test", yes=True)
    assert rows(folder) == ["chat:other"]
    assert not list((folder / "media").rglob("*hello*"))
    assert b"we need milk" not in (folder / ".storage" / FILE).read_bytes()


def test_a_wrong_name_is_not_guessed(folder: Path) -> None:
    with pytest.raises(NanobotError, match=r"did you mean 'chat:test'\?"):
        session.delete(folder, "chat:tesst", yes=True)


async def test_a_hub_that_runs_deletes_what_runs_and_waits_there_too(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        await talk.chat.says("nobody answers this")
        assert await talk.hub.conversations.delete("chat:test")
        assert not await talk.hub.conversations.delete("chat:test")
        talk.add(Noting("noting"))
        assert await talk.chat.types("and this?", chat="other") == "Milk is on the list."
        assert talk.chat.received == ["Milk is on the list."]
    assert rows(tmp_path / "config") == ["chat:other"]


async def test_a_hub_that_runs_is_told_of_what_was_brought_back(folder: Path, tmp_path: Path, house: House) -> None:
    file = tmp_path / "out.jsonl"
    session.export(folder, "chat:test", "jsonl", file)
    file.write_bytes(file.read_bytes().replace(b'"model":"big"', b'"agent":"cook"', 1))
    told: list[str] = []
    house.hub.bus.listen("session_restored", lambda event: told.append(event.data["session"]))
    with Instance(house.config_dir) as instance:
        house.hub.run_info = instance.info({"pid": 1})
        await Control(house.hub, house.edits, house.stopped.set).open(house.core)
        await in_thread(session.restore, house.config_dir, file, "chat:back")
        assert told == ["chat:back"]
        assert house.hub.conversations.notes.agent("chat:back") == "cook"
        await in_thread(lambda: session.delete(house.config_dir, "chat:back", yes=True))
        assert not await house.hub.conversations.history("chat:back")
