"""A session that is given back: what it wrote out, in order, once, and nothing of it is done again."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest

from nanobot.cli import session
from nanobot.conversations.archive import said
from nanobot.conversations.conversations import FILE
from nanobot.conversations.restore import restored
from nanobot.errors import NanobotError
from nanobot.util.aio import in_thread
from tests.conversations.talk import Noting, Parrot, Talk

T0 = "2025-03-01T10:00:0{}.000000+00:00"


def asked(number: int, text: str = "milk", **more: Any) -> dict[str, Any]:
    """A line of what somebody wrote."""
    line = {"time": T0.format(number), "type": "message", "role": "user", "id": f"in{number}", "sender": "anna"}
    return {**line, "text": text, "outcome": "answered", **more}


def answer(number: int, turn: str | None, text: str = "noted", **more: Any) -> dict[str, Any]:
    """A line of what was answered."""
    line = {"time": T0.format(number), "type": "message", "role": "assistant", "id": f"out{number}", "turn": turn}
    return {**line, "text": text, "state": "sent", **more}


def give(folder: Path, lines: list[Any], name: str = "chat:test") -> int:
    """As another program does while a hub may run."""
    connection = sqlite3.connect(folder / ".storage" / FILE, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        added = restored(connection, name, lines)
        connection.execute("COMMIT")
        return added
    finally:
        connection.close()


async def told(talk: Talk, name: str = "chat:test") -> list[dict[str, Any]]:
    """What an export of it holds."""
    return await talk.conversations.database.read(lambda connection: list(said(connection, name)))


async def test_what_is_exported_deleted_and_given_back_is_exported_the_same_while_a_hub_runs(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        talk.add(Noting("noting"))
        kept = await talk.hub.media.keep("chat", "hello.txt", b"hello")
        await talk.chat.types("milk", attachments=(kept,))
        await talk.chat.types("eggs", chat="other")
        await talk.chat.types("bread")
        await talk.hub.conversations.send("chat", "test", "Which?", buttons=["one", "two"])
        await talk.until("message_sent", 4)
        last = (await talk.conversations.transcript("chat:test"))[1]
        await talk.conversations.notes.change("chat:test", model="big", summary="Milk.", until=last.seq, private=False)
        whole = await told(talk)
        assert [line["type"] for line in whole] == ["session", *["message", "step", "step", "message"] * 2, "message"]
        assert whole[0]["summary_until"] == last.id
        before = await talk.conversations.transcript("chat:test")
        assert await talk.conversations.delete("chat:test")
        assert give(talk.folder, whole) == 9
        assert await told(talk) == whole
        assert give(talk.folder, whole) == 0, "it is all there already"
        assert await told(talk) == whole
        after = await talk.conversations.transcript("chat:test")
        assert [(one.id, one.text, one.steps, one.answer, one.attachments) for one in after] == [
            (one.id, one.text, one.steps, one.answer, one.attachments) for one in before
        ]
        note = await talk.conversations.notes.of("chat:test")
        assert (note.summary, note.private, note.until) == ("Milk.", False, after[1].seq)
        assert await talk.chat.types("butter") == "On the list: butter", "and it goes on"


async def test_nothing_that_is_given_back_is_answered_or_sent(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        pass
    assert give(talk.folder, [asked(1, outcome="waiting"), answer(2, None, state="waiting")]) == 2
    async with Talk(tmp_path / "config") as talk:
        parrot = Parrot()
        talk.add(parrot)
        assert await talk.chat.types("and now?", chat="other")
        assert [turn.text for turn in parrot.turns] == ["and now?"]
        assert len(talk.chat.received) == 1
        _, first, second = await told(talk)
        assert (first["outcome"], second["state"]) == ("stopped", "failed")


async def test_what_is_given_back_is_kept_as_long_as_if_it_had_ended_now_with_its_steps(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        step = {"time": T0.format(2), "type": "step", "turn": "in1", "role": "tool", "text": "x", "tool_call_id": "1"}
        give(talk.folder, [asked(1), step, answer(3, "in1")])
        for days, left in ((1, 4), (-1, 1)):
            before = talk.hub.clock.time() - days * 86_400
            for table in (talk.conversations.inbox, talk.conversations.outbox, talk.conversations.steps):
                await table.purge(before, 500)
            assert len(await told(talk)) == left
        rest = "SELECT COUNT(*) FROM steps"
        assert await talk.conversations.database.read(lambda c: c.execute(rest).fetchone()[0]) == 0


async def test_a_file_that_was_cut_off_is_completed_by_the_whole_one(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        step = {"time": T0.format(2), "type": "step", "turn": "in1", "role": "tool", "text": "x", "tool_call_id": "1"}
        whole = [asked(1), step, step, answer(3, "in1"), asked(4), answer(5, "in4")]
        assert give(talk.folder, whole[:2]) == 2
        assert give(talk.folder, whole) == 4
        assert [line.get("id") for line in (await told(talk))[1:]] == ["in1", None, None, "out3", "in4", "out5"]


async def test_a_copy_under_another_name_stands_beside_the_first(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        head = {"type": "session", "session": "chat:test"}
        lines = [head, asked(1), answer(2, "in1")]
        assert give(talk.folder, lines) == 2
        assert give(talk.folder, lines, "chat:copy") == 2
        assert give(talk.folder, lines, "chat:copy") == 0
        (one,) = await talk.conversations.transcript("chat:copy")
        assert (one.text, one.answer) == ("milk", "noted")
        assert one.id != "in1"
        with pytest.raises(NanobotError, match="line 1: the message in1 is in the session 'chat:test' already"):
            give(talk.folder, lines[1:], "chat:third")


async def test_what_was_undone_stays_undone_and_whose_steps_they_are_is_known(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        give(talk.folder, [asked(1, owner=True), answer(2, "in1"), asked(3), {"type": "undone", "id": "in3"}])
        (one,) = await talk.conversations.transcript("chat:test")
        assert one.owner


async def test_what_is_older_is_not_put_behind_what_was_said_since(tmp_path: Path) -> None:
    async with Talk(tmp_path / "config") as talk:
        give(talk.folder, [asked(5)])
        with pytest.raises(NanobotError, match="goes on until .*; give what the file holds another name"):
            give(talk.folder, [asked(1), asked(5)])
        assert len(await told(talk)) == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("text", "line 2: is no line of a session; its type is one of: session, message, step, undone"),
        ({"type": "note"}, "line 2: is no line of a session"),
        (asked(2) | {"time": "noon"}, "line 2: 'noon' is no time; write it like 1970-01-01T00:00:00.000000+00:00"),
        (asked(2) | {"id": None}, "line 2: 'id' is missing, or is no text"),
        (asked(2) | {"text": 7}, "line 2: 'text' is missing, or is no text"),
        (asked(2) | {"role": "king"}, "line 2: the role 'king' is none of: user, assistant"),
        (asked(2, attachments=[{"path": 1}]), "line 2: an attachment has a path"),
        (asked(2, buttons="one"), "line 2: 'buttons' is no list"),
        (
            {"type": "step", "time": T0.format(2), "turn": "in9", "role": "tool", "text": ""},
            "line 2: is a step of the turn 'in9', whose message is missing",
        ),
        (
            {"type": "step", "time": T0.format(2), "turn": "in1", "role": "tool", "text": "", "tool_calls": [1]},
            "line 2: a tool call has an id, a name and arguments",
        ),
        (
            {"type": "step", "time": T0.format(2), "turn": "in1", "role": "king", "text": ""},
            "line 2: the role 'king' is none of: system, user, assistant, tool",
        ),
        ({"type": "session", "session": "chat:b"}, "line 2: another session begins here, 'chat:b'"),
    ],
)
async def test_a_wrong_line_is_named_and_nothing_is_kept(tmp_path: Path, wrong: Any, sentence: str) -> None:
    async with Talk(tmp_path / "config", chat=False) as talk:
        head = (
            [{"type": "session", "session": "chat:test"}] if wrong == {"type": "session", "session": "chat:b"} else []
        )
        with pytest.raises(NanobotError) as raised:
            give(talk.folder, [*head, asked(1), wrong])
        assert sentence.replace("line 2", f"line {2 + len(head)}") in str(raised.value)
        assert len(await told(talk)) == 1


async def test_the_command_brings_back_into_a_folder_without_messages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Talk(tmp_path / "config") as talk:
        talk.add(Noting("noting"))
        await talk.chat.types("milk")
        await talk.until("message_sent")
    session.export(talk.folder, "chat:test", "jsonl", tmp_path / "out.jsonl")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    await in_thread(session.restore, fresh, tmp_path / "out.jsonl", None)
    assert "chat:test is back: 4 messages and steps are new." in capsys.readouterr().out
    session.export(fresh, "chat:test", "jsonl", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    async with Talk(fresh) as talk:
        assert [one.text for one in await talk.conversations.transcript("chat:test")] == ["milk"]


async def test_the_command_leaves_a_torn_last_line_out_and_refuses_a_torn_one_in_between(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [orjson.dumps({"type": "session", "session": "chat:test"}), orjson.dumps(asked(1)), orjson.dumps(asked(2))]
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"\n".join(lines)[:-20])
    await in_thread(session.restore, tmp_path, file, None)
    streams = capsys.readouterr()
    assert "line 3 of" in streams.err
    assert "1 messages and steps are new" in streams.out
    file.write_bytes(b"\n".join([lines[0], lines[1][:-20], lines[2]]))
    with pytest.raises(NanobotError, match="line 2: is no JSON"):
        await in_thread(session.restore, tmp_path, file, None)
    file.write_bytes(lines[1])
    with pytest.raises(NanobotError, match="does not say which session"):
        await in_thread(session.restore, tmp_path, file, None)
