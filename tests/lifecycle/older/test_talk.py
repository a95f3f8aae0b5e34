"""Sessions of the older nanobot as lines of an export."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nanobot.conversations.archive import said
from nanobot.conversations.conversations import MIGRATIONS
from nanobot.conversations.restore import restored
from nanobot.lifecycle.older.home import Home
from nanobot.lifecycle.older.note import Notes
from nanobot.lifecycle.older.talk import Talk, key_of, read, session_named
from tests.lifecycle.older.home import TALK, Older


def line(role: str, content: Any, second: int, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "timestamp": f"2026-01-01T10:00:{second:02}", **more}


def call(id_: str, name: str = "list_dir", arguments: Any = "{}") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def talk(*rows: dict[str, Any], key: str = "telegram:42", owners: tuple[str, ...] = ("42",), **head: Any) -> Talk:
    first = {"_type": "metadata", "key": key, "metadata": {}, **head}
    return read(enumerate([first, *rows], 1), "x", owners)


def shape(found: Talk) -> list[tuple[str, str]]:
    return [(one.get("role", "head"), one.get("text", "")) for one in found.lines]


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS:
        connection.executescript(script)
    yield connection
    connection.close()


def test_a_turn_keeps_its_steps_and_its_answer(database: sqlite3.Connection) -> None:
    found = talk(
        line("user", "what is there?", 1),
        line("assistant", "Let me look.", 2, tool_calls=[call("c1"), call("lost")]),
        line("tool", [{"type": "text", "text": "a b"}], 3, tool_call_id="c1", name="list_dir"),
        line("assistant", "a and b", 4),
    )
    assert restored(database, found.session, found.lines) == 4
    head, asked, looked, result, answer = said(database, "telegram:42")
    assert head["session"] == "telegram:42"
    assert (asked["text"], asked["sender"], asked["owner"], asked["outcome"]) == (
        "what is there?", "42", True, "answered",
    )  # fmt: skip
    assert (looked["text"], [one["id"] for one in looked["tool_calls"]]) == ("Let me look.", ["c1"])
    assert (result["role"], result["text"], result["tool_call_id"]) == ("tool", "a b", "c1")
    assert (answer["text"], answer["turn"]) == ("a and b", asked["id"])


def test_what_was_not_said_by_anybody_is_left_out() -> None:
    found = talk(
        {"_type": "provider_state", "state": "opaque"},
        line("user", "/status", 1, _command=True),
        line("assistant", "fine", 2, _command=True),
        line("user", "secretly", 3, _hidden_history=True),
        line("user", "[Runtime Context - metadata only]\nCurrent Time: now", 3),
        line("user", "the subagent is done", 4, injected_event="subagent"),
        line("assistant", "It is done.", 5),
        line("assistant", "", 6, tool_calls=[call("never")]),
        line("tool", "of nobody", 7, tool_call_id="other"),
        line("user", "[Runtime Context - metadata only]\nChannel: telegram\n\nthanks", 8),
    )
    assert shape(found) == [("head", ""), ("assistant", "It is done."), ("user", "thanks")]
    assert found.lines[1]["turn"] is None
    assert found.lines[2]["outcome"] == "empty"


def test_an_answer_that_came_by_itself_belongs_to_no_turn() -> None:
    found = talk(
        line("user", "hello", 1), line("assistant", "hi", 2), line("assistant", "tea!", 9, _channel_delivery=True)
    )
    assert [one.get("turn") for one in found.lines[2:]] == [found.lines[1]["id"], None]


def test_the_summary_stands_for_what_was_archived() -> None:
    rows = [line("user", "one", 1), line("assistant", "1", 2), line("user", "two", 3), line("assistant", "2", 4)]
    found = talk(*rows, metadata={"_last_summary": {"text": "They counted."}}, last_archived=2)
    assert found.lines[0]["summary"] == "They counted."
    assert found.lines[0]["summary_until"] == found.lines[1]["id"]
    old = talk(*rows, metadata={"_last_summary": {"text": "They counted."}}, last_consolidated=3)
    assert old.lines[0]["summary_until"] == found.lines[3]["id"]


def test_a_second_time_adds_only_what_was_said_since(database: sqlite3.Connection) -> None:
    rows = [line("user", "hello", 1), line("assistant", "hi", 1)]
    first = talk(*rows)
    assert restored(database, first.session, first.lines) == 2
    assert restored(database, first.session, talk(*rows).lines) == 0
    grown = talk(*rows, line("user", "hello", 1), line("assistant", "hi", 1))
    assert restored(database, grown.session, grown.lines) == 2
    assert [one["text"] for one in list(said(database, "telegram:42"))[1:]] == ["hello", "hi", "hello", "hi"]


def test_times_grow_even_where_the_file_has_none() -> None:
    found = talk({"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "timestamp": "yesterday"})
    times = [one["time"] for one in found.lines[1:]]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("key", "session"),
    [
        ("telegram:42", "telegram:42"),
        ("telegram:-100:topic:7", "telegram:-100:7"),
        ("cli:direct", "console:terminal"),
        ("cli:boat", "console:boat"),
        ("websocket:0f-1", "websocket:0f-1"),
        ("unified:default", "unified:default"),
        ("discord:../../x\n\x1b[2J", "discord:../../x [2J"),
    ],
)
def test_a_session_goes_on_where_the_same_chat_is(key: str, session: str) -> None:
    assert session_named(key) == session


@pytest.mark.parametrize(
    ("stem", "key"),
    [("telegram_42", "telegram:42"), ("dGVsZWdyYW06NDI", "telegram:42"), ("cli_a_b", "cli:a_b"), ("plain", "plain")],
)
def test_where_the_file_does_not_say_whose_it_is_its_name_does(stem: str, key: str) -> None:
    assert key_of(stem) == key
    assert read(enumerate(TALK, 1), stem, ()).key == key


def test_broken_lines_are_named_and_the_rest_is_there(tmp_path: Path) -> None:
    older, notes = Older(tmp_path / "old"), Notes()
    path = older.session("telegram:42", end='{"role": "user", "cont')
    path.write_text(path.read_text().replace('{"role": "assistant"', '[1]\nnonsense\n{"role": "assistant"'))
    found = read(Home(older.path, notes).lines(path.parent, path.name), "x", ())
    assert [text for _, text in shape(found)[1:]] == ["my boat is called Otter", "A fine name."]
    assert [(note.key, dict(note.told)["line"]) for note in notes] == [
        ("bad_line", "3"), ("bad_line", "4"), ("torn_line", "6"),
    ]  # fmt: skip
    assert f"{path.name}:6" in list(notes)[-1].sentence("en")
