"""A file for each session: all that was said, once, in order, whatever happens in between."""

from __future__ import annotations

import asyncio
import resource
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest

from integrations.transcripts.folder import POSITION, Folder, name_of
from nanobot.cli import session
from nanobot.conversations.conversations import FILE
from nanobot.conversations.deletions import digest
from nanobot.conversations.following import News, Position
from nanobot.errors import StorageError
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from nanobot.util.aio import in_thread

from .conftest import SESSION, Started, file, join, lines, record, until

Restart = Callable[[], Awaitable[House]]


async def test_what_is_said_stands_in_the_file_as_an_export_gives_it(started: Started, hub: Hub) -> None:
    chat = await started()
    kept = await hub.media.keep("chat", "hello.txt", b"hello")
    await chat.types("we need milk", attachments=(kept,))
    await until(lambda: len(lines(file(hub))) == 5)
    assert lines(file(hub)) == await record(hub)
    before = file(hub).read_bytes()
    await chat.types("and eggs")
    await chat.types("elsewhere", chat="other")
    await until(lambda: len(lines(file(hub))) == 9 and len(lines(file(hub, "chat:other"))) == 5)
    assert lines(file(hub)) == await record(hub)
    assert file(hub).read_bytes().startswith(before), "it was only appended to"
    assert stat.S_IMODE(file(hub).stat().st_mode) == 0o600
    assert stat.S_IMODE(file(hub).parent.stat().st_mode) == 0o700


async def test_what_was_said_before_it_was_configured_is_written_too(house: House, hub: Hub) -> None:
    await house.start("nanobot:\n")
    chat = join(house)
    for number in range(3):
        await chat.types(f"number {number}")
    await until_sent(hub, 3)
    await house.apply("nanobot:\ntranscripts:\n")
    await until(lambda: len(lines(file(hub))) == 13)
    assert lines(file(hub)) == await record(hub)


async def until_sent(hub: Hub, count: int) -> None:
    """Wait until the platform took that many answers."""

    async def sent() -> int:
        return await hub.conversations.database.read(
            lambda connection: connection.execute("SELECT COUNT(*) FROM outbox WHERE ended IS NOT NULL").fetchone()[0]
        )

    async with asyncio.timeout(10):
        while await sent() < count:
            await asyncio.sleep(0.01)


def seen(hub: Hub, answers: int) -> bool:
    """Whether so many answers were sent and considered."""
    position = Folder(file(hub).parent).position()
    return position.outbox == answers and not position.open_out


async def test_the_last_words_before_the_end_are_written(started: Started, house: House, hub: Hub) -> None:
    chat = await started()
    await chat.types("goodbye")
    await until_sent(hub, 1)
    whole = await record(hub)
    await house.close()
    assert lines(file(hub)) == whole


@pytest.mark.parametrize("damage", ["torn", "no end", "no position", "torn position", "both", "gone"])
async def test_what_a_crash_leaves_is_mended_and_nothing_is_missing_or_there_twice(
    started: Started, house: House, restart: Restart, damage: str
) -> None:
    chat = await started()
    await chat.types("we need milk")
    await chat.types("and eggs")
    await until(lambda: len(lines(file(house.hub))) == 9)
    whole = await record(house.hub)
    await house.close()
    path, position = file(house.hub), file(house.hub).parent / POSITION
    raw = path.read_bytes()
    if damage in ("torn", "both"):
        path.write_bytes(raw[:-30])
        position.unlink()
    if damage == "no end":
        path.write_bytes(raw[:-1])
    if damage == "no position":
        position.unlink()
    if damage == "torn position":
        position.write_bytes(position.read_bytes()[:20])
    if damage == "both":
        with path.open("ab") as opened:
            opened.write(b'{"type": "mess')
    if damage == "gone":
        path.unlink()
        position.unlink()
    again = await restart()
    chat = join(again)
    await chat.types("and bread", message_id="new")
    await until(lambda: len(lines_if_whole(path)) == 13)
    assert lines(path)[:9] == whole
    assert lines(path) == await record(again.hub)


def lines_if_whole(path: Path) -> list[dict[str, object]]:
    try:
        return lines(path)
    except orjson.JSONDecodeError:
        return []


async def test_files_that_are_taken_away_while_it_runs_are_written_again(started: Started, hub: Hub) -> None:
    chat = await started()
    await chat.types("we need milk")
    await until(lambda: len(lines(file(hub))) == 5)
    await until(lambda: seen(hub, 1))
    for path in (file(hub), file(hub).parent / POSITION):
        path.unlink()
    await chat.types("and eggs")
    await until(lambda: len(lines(file(hub))) == 9)
    assert lines(file(hub)) == await record(hub)


async def test_a_place_that_cannot_be_written_to_is_an_issue_and_is_caught_up_with(started: Started, hub: Hub) -> None:
    (hub.config_dir / "sessions").write_text("in the way")
    chat = await started()
    assert await chat.types("we need milk") == "On the list: we need milk", "the hub does not care"
    await until(lambda: "transcripts.stopped" in hub.issues)
    issue = hub.issues.get("transcripts.stopped")
    assert issue is not None
    assert "sessions/ cannot be written: " in issue.text()
    (hub.config_dir / "sessions").unlink()
    await until(lambda: "transcripts.stopped" not in hub.issues)
    await until(lambda: len(lines(file(hub))) == 5)
    assert lines(file(hub)) == await record(hub)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of files are told by a signal elsewhere")
def test_a_full_disk_leaves_whole_lines_and_the_next_try_completes_them(tmp_path: Path) -> None:
    store = Folder(tmp_path / "sessions")
    line = {"time": "2025-03-01T10:00:00+00:00", "type": "message", "role": "user", "text": "x" * 3000}

    def news(count: int) -> News:
        said = [(str(number), {**line, "id": str(number)}) for number in range(count)]
        head = {"type": "session", "session": "chat:test"}
        return News(Position(inbox=count, deletions=0), lines={"chat:test": said}, heads={"chat:test": head})

    store.write(news(1))
    path = tmp_path / "sessions" / "chat=test.jsonl"
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))
        with pytest.raises(StorageError, match="sessions/ cannot be written: File too large"):
            store.write(news(5))
        assert [one.get("id") for one in lines(path)] == [None, "0"]
        assert store.position().inbox == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    store.write(news(5))
    assert [one.get("id") for one in lines(path)] == [None, "0", "1", "2", "3", "4"]


async def test_a_session_that_is_deleted_is_deleted_there_too_and_what_follows_is_written(
    started: Started, hub: Hub
) -> None:
    chat = await started()
    await chat.types("elsewhere", chat="other")
    await chat.types("we need milk")
    await until(lambda: len(lines(file(hub))) == 5)
    await until_sent(hub, 2)
    await hub.conversations.delete(SESSION)
    await until(lambda: not file(hub).exists())
    await chat.types("and eggs")
    await until(lambda: len(lines(file(hub))) == 5)
    assert lines(file(hub)) == await record(hub)
    assert len(lines(file(hub, "chat:other"))) == 5


async def test_a_session_that_was_deleted_while_no_hub_ran_is_deleted_at_the_next_start(
    started: Started, house: House, restart: Restart
) -> None:
    chat = await started()
    await chat.types("elsewhere", chat="other")
    await chat.types("we need milk")
    await until(lambda: len(lines(file(house.hub))) == 5)
    await house.close()
    await in_thread(lambda: session.delete(house.config_dir, SESSION, yes=True))
    assert file(house.hub).exists()
    await restart()
    await until(lambda: not file(house.hub).exists())
    assert len(lines(file(house.hub, "chat:other"))) == 5


async def test_a_lost_record_is_restored_from_the_files_and_they_go_on_as_they_were(
    started: Started, house: House, restart: Restart
) -> None:
    chat = await started()
    await chat.types("we need milk")
    await until(lambda: len(lines(file(house.hub))) == 5)
    whole = await record(house.hub)
    await house.close()
    for path in (house.config_dir / ".storage").glob(f"{FILE}*"):
        path.unlink()
    again = await restart()
    assert len(lines(file(house.hub))) == 5, "what the hub forgot is kept"
    await in_thread(session.restore, house.config_dir, file(house.hub), None)
    assert await record(again.hub) == whole
    chat = join(again)
    assert await chat.types("and eggs", message_id="new") == "On the list: and eggs"
    await until(lambda: len(lines(file(house.hub))) == 9)
    assert lines(file(house.hub)) == await record(again.hub)


async def test_what_is_taken_back_is_noted_and_stays_so_when_it_is_restored(
    started: Started, hub: Hub, tmp_path: Path
) -> None:
    chat = await started()
    await chat.types("we need milk")
    await until(lambda: len(lines(file(hub))) == 5)
    await chat.types("/undo")
    await until(lambda: len(lines(file(hub))) == 8)
    said = lines(file(hub))
    assert [line["type"] for line in said[5:]] == ["message", "undone", "message"]
    assert said[6]["id"] == said[1]["id"]
    await chat.types("and eggs")
    await chat.types("/undo")
    await until(lambda: len(lines(file(hub))) == 15)
    assert len([line for line in lines(file(hub)) if line["type"] == "undone"]) == 2
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    await in_thread(session.restore, fresh, file(hub), None)
    await in_thread(session.export, fresh, SESSION, "jsonl", tmp_path / "out.jsonl")
    assert lines(tmp_path / "out.jsonl") == await record(hub)


async def test_a_summary_is_a_new_head(started: Started, hub: Hub) -> None:
    chat = await started()
    await chat.types("we need milk")
    await hub.conversations.notes.change(SESSION, model="big", summary="Milk.", until=1)
    await chat.types("and eggs")
    await until(lambda: len(lines(file(hub))) >= 9)
    heads = [line for line in lines(file(hub)) if line["type"] == "session"]
    assert heads[-1] == (await record(hub))[0]
    assert heads[-1]["summary"] == "Milk."


async def test_only_the_chosen_channels_are_written(started: Started, house: House, hub: Hub) -> None:
    chat = await started("  exclude: chat")
    await chat.types("between us")
    await until(lambda: seen(hub, 1))
    await house.apply("nanobot:\n  name: Home\ntranscripts:\n  include: [chat]\n")
    await chat.types("for all")
    await until(lambda: len(lines(file(hub))) == 5)
    assert "between us" not in file(hub).read_text()


async def test_another_folder_gets_all_of_it(started: Started, house: House, hub: Hub) -> None:
    chat = await started()
    await chat.types("we need milk")
    await until(lambda: seen(hub, 1))
    await house.apply("nanobot:\n  name: Home\ntranscripts:\n  folder: logs/said\n")
    other = hub.config_dir / "logs" / "said" / file(hub).name
    await until(lambda: other.exists() and other.read_bytes() == file(hub).read_bytes())


async def test_idle_sessions_expire_as_a_whole(started: Started, house: House, hub: Hub) -> None:
    chat = await started()
    await chat.types("we need milk")
    await chat.types("elsewhere", chat="other")
    await until(lambda: len(lines(file(hub))) == 5 and len(lines(file(hub, "chat:other"))) == 5)
    old = file(hub, "chat:other")
    old.write_bytes(old.read_bytes().replace(str(hub.clock.utc().year).encode(), b"2020"))
    await house.apply("nanobot:\n  name: Home\ntranscripts:\n  keep_days: 30\n")
    await until(lambda: not old.exists())
    assert len(lines(file(hub))) == 5


async def test_secrets_are_not_in_it(started: Started, hub: Hub) -> None:
    hub.scrubber.add("open_sesame_42")
    chat = await started()
    await chat.types("the word is open_sesame_42")
    await until(lambda: len(lines(file(hub))) == 5)
    assert "open_sesame_42" not in file(hub).read_text()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("  folder: ../out", "is no folder within the configuration folder; write it like 'sessions'"),
        ("  folder: /tmp", "is no folder within the configuration folder"),
        ("  url: mysql://me:top_secret@host/db", "write postgresql://user:password@host/name or sqlite:///path"),
        ("  folder: a\n  url: sqlite:///b.db", "'folder' and 'url' exclude one another"),
        ("  keep_day: 5", "did you mean 'keep_days'"),
    ],
)
async def test_a_wrong_option_is_told_with_its_place(house: House, options: str, text: str) -> None:
    await house.start("nanobot:\n")
    applied = await house.apply(f"nanobot:\ntranscripts:\n{options}\n")
    (problem,) = map(str, applied.problems)
    assert text in problem
    assert problem.startswith("configuration.yaml:")
    assert "top_secret" not in problem


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        ("telegram:12345", "telegram=12345"),
        ("telegram:-100:7", "telegram=-100=7"),
        ("a=b:c", "a%3Db=c"),
        ("../etc/passwd", "%2E.%2Fetc%2Fpasswd"),
        ("", ""),
        ("x" * 400, f"{'x' * 150}={digest('x' * 400)[:20]}"),
    ],
)
def test_each_session_has_a_name_of_its_own_that_every_file_system_takes(named: str, wanted: str) -> None:
    assert name_of(named) == wanted
