"""A disk that fails: nothing is promised that is not kept, nothing is done twice, and it goes on when it is back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from sqlite3 import Connection

import pytest

from nanobot.conversations.conversations import FILE
from nanobot.errors import StorageError
from tests.conversations.talk import Parrot, Talk


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with Talk(tmp_path / "config") as talk:
        yield talk


def _room(pages: int) -> Callable[[Connection], None]:
    return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").close()


async def fill(talk: Talk) -> None:
    """From now on no page can be added to the file, as on a full disk, and none is free in it."""

    def work(connection: Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS ballast (data)")
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await talk.conversations.database.write(work)


async def test_a_full_disk_refuses_messages_and_takes_them_when_there_is_room(talk: Talk) -> None:
    parrot = Parrot()
    talk.add(parrot)
    await fill(talk)
    text = "x" * 100_000
    talk.chat.limits = type(talk.chat.limits)(characters=1_000_000)
    with pytest.raises(StorageError, match="the disk is full"):
        await talk.chat.says(text, message_id="1")
    assert talk.hub.issues.get("messages.storage") is not None
    assert parrot.turns == []
    await talk.conversations.database.write(_room(1_000_000))
    assert await talk.chat.types(text, message_id="1") == text
    await talk.until("message_sent")
    assert talk.hub.issues.get("messages.storage") is None
    assert talk.conversations.sessions.waiting == 0


async def test_an_answer_that_cannot_be_kept_is_kept_later_and_given_once(talk: Talk) -> None:
    parrot = Parrot()
    parrot.held = {text := "y" * 50_000}
    talk.add(parrot)
    talk.chat.limits = type(talk.chat.limits)(characters=1_000_000)
    failed = asyncio.Event()
    talk.hub.bus.listen("issue_created", lambda event: failed.set())
    await talk.chat.says(text)
    await parrot.until_turns(1)
    await fill(talk)
    parrot.go.set()
    async with asyncio.timeout(5):
        await failed.wait()
    assert talk.chat.sent == []
    await talk.conversations.database.write(_room(1_000_000))
    await talk.until("message_sent")
    assert talk.chat.received == [text]
    assert len(parrot.turns) == 1


async def test_what_was_sent_is_not_sent_again_because_it_could_not_be_noted(talk: Talk) -> None:
    other = asyncio.Event()
    talk.hub.bus.listen("issue_created", lambda event: other.set())
    await talk.conversations.send("chat", "1", "one")
    await talk.until("message_sent")

    broken = True
    submit = talk.conversations.database.submit

    def fails(work: Callable[[Connection], object]) -> asyncio.Future[object]:
        def full(connection: Connection) -> object:
            if broken:
                raise StorageError("the disk is full")
            return work(connection)

        return submit(full)

    sent = await talk.conversations.send("chat", "1", "two")
    talk.conversations.database.submit = fails  # type: ignore[assignment]
    await talk.chat.wait_for(2)
    async with asyncio.timeout(5):
        await other.wait()
    broken = False
    assert await talk.conversations.delivered(sent, 5)
    await talk.conversations.send("chat", "1", "three")
    await talk.chat.wait_for(3)
    assert talk.chat.received == ["one", "two", "three"]


async def test_a_stop_is_obeyed_although_nothing_can_be_kept(talk: Talk) -> None:
    parrot = Parrot()
    parrot.held = {"long"}
    talk.add(parrot)
    await talk.chat.says("long")
    await parrot.until_turns(1)
    await fill(talk)
    with pytest.raises(StorageError):
        await talk.chat.says("stop", extra={"ballast": "x" * 100_000})
    await talk.conversations.database.write(_room(1_000_000))
    await talk.until("turn_finished", outcome="stopped")


async def test_a_folder_that_cannot_be_written_does_not_keep_the_hub_from_starting(tmp_path: Path) -> None:
    (tmp_path / ".storage").touch()  # where a folder should be
    async with Talk(tmp_path) as talk:
        parrot = Parrot()
        talk.add(parrot)
        [issue] = talk.hub.issues
        assert issue.text().startswith("Messages cannot be kept: hub.db cannot be opened")
        with pytest.raises(StorageError):
            await talk.chat.says("hello")
        with pytest.raises(StorageError):
            await talk.conversations.send("chat", "test", "hello")
        solved = asyncio.Event()
        talk.hub.bus.listen("issue_resolved", lambda event: solved.set())
        (tmp_path / ".storage").unlink()
        async with asyncio.timeout(5):
            await solved.wait()
        assert await talk.chat.types("hello") == "hello"


async def test_what_waits_is_taken_up_when_the_disk_is_there_at_last(tmp_path: Path) -> None:
    async with Talk(tmp_path, chat=False) as talk:
        await talk.conversations.send("chat", "test", "for later")
    (tmp_path / ".storage").rename(tmp_path / "unmounted")
    (tmp_path / ".storage").touch()
    async with Talk(tmp_path) as talk:
        assert "messages.storage" in talk.hub.issues
        (tmp_path / ".storage").unlink()
        (tmp_path / "unmounted").rename(tmp_path / ".storage")
        async with asyncio.timeout(5):
            await talk.chat.wait_for(1)
        assert talk.chat.received == ["for later"]


async def test_a_damaged_file_is_an_issue_and_a_fresh_start(tmp_path: Path) -> None:
    storage = tmp_path / ".storage"
    storage.mkdir()
    (storage / FILE).write_bytes(os.urandom(10_000))
    async with Talk(tmp_path) as talk:
        talk.add(Parrot())
        assert await talk.chat.types("hello") == "hello"
        [issue] = talk.hub.issues
        [aside] = storage.glob(f"{FILE}.damaged-*")
        assert aside.name in issue.text()


async def test_damage_while_running_loses_nothing_that_waits(talk: Talk) -> None:
    path = talk.conversations.database.path
    parrot = Parrot()
    parrot.held = {"running"}
    for number in range(30):
        await talk.chat.says("x" * 1000, chat=f"filler {number}")
    talk.add(parrot)
    await talk.chat.wait_for(30)
    await talk.chat.says("running", message_id="a")
    await talk.chat.says("waiting", message_id="b")
    await parrot.until_turns(31)
    with path.open("r+b") as file, path.with_name(f"{FILE}-wal").open("r+b") as journal:
        for handle in (file, journal):
            handle.write(os.urandom(os.fstat(handle.fileno()).st_size))
    await talk.conversations.history("chat:test")
    assert list(path.parent.glob(f"{FILE}.damaged-*"))
    await talk.conversations.database.write(lambda connection: None)
    async with Talk(talk.image(), chat=True) as after:
        again = Parrot()
        after.add(again)
        await after.chat.wait_for(2)
        assert after.chat.received == ["running", "waiting"]
    parrot.go.set()
    await talk.chat.wait_for(32)
    assert talk.chat.received[-2:] == ["running", "waiting"]
