"""A disk that is really full, or read-only: the platform keeps what it was not told to forget, and nothing is answered
twice later."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nanobot.contracts.channel import Incoming, Receive
from nanobot.conversations.conversations import FILE
from nanobot.errors import StorageError
from nanobot.testing.chat import Chat
from tests.conversations.talk import Parrot, Talk

ROOT = Path(__file__).parents[2]
OWN_MOUNTS = ("unshare", "--map-root-user", "--mount")
MOUNTED = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


WAYS = {"limit": ("limit", "lift")}
"""How a disk becomes full, and how it gets room again. A process may always limit its own files; where the system lets
it mount something, a small file system is filled as well."""
if may_mount():
    WAYS["file system"] = ("fill", "free")


class Platform:
    """Keeps each update until it is acknowledged, and sends again what was refused."""

    def __init__(self) -> None:
        self.updates: dict[int, dict[str, Any]] = {}
        self.refused: dict[int, list[str]] = defaultdict(list)
        self.sent: list[tuple[str, bool]] = []
        self.issues: list[str] = []
        self.done: list[str] = []
        self.changed = asyncio.Condition()
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        for update in self.updates.values():
            self.push(update)
        async with self.changed:
            self.changed.notify_all()
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                await self.hear(json.loads(line))
        writer.close()

    async def hear(self, data: dict[str, Any]) -> None:
        match data:
            case {"acknowledged": number}:
                self.updates.pop(number, None)
            case {"refused": number, "error": error}:
                self.refused[number].append(error)
                asyncio.get_running_loop().call_later(0.02, self.push, self.updates[number])
            case {"send": number}:
                self.sent.append((data["text"], data["repeated"]))
                self.push({"confirmed": number})
            case {"done": what, "issues": issues}:
                self.done.append(what)
                self.issues = issues
        async with self.changed:
            self.changed.notify_all()

    def push(self, data: dict[str, Any]) -> None:
        assert self._writer is not None
        self._writer.write(json.dumps(data).encode() + b"\n")

    def type(self, number: int, text: str) -> None:
        """Each chat has one message, so that all are on their way at the same time."""
        self.updates[number] = {"update": number, "chat": str(number), "text": text}
        self.push(self.updates[number])

    async def tell(self, what: str) -> None:
        count = len(self.done)
        self.push({"update": 0, "do": what})
        await self.until(lambda: len(self.done) > count)

    async def until(self, happened: Any) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(happened)


@pytest.fixture
async def platform() -> Platform:
    return Platform()


@contextlib.asynccontextmanager
async def running(platform: Platform, folder: Path, way: str) -> AsyncIterator[asyncio.subprocess.Process]:
    server = await asyncio.start_server(platform.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.conversations.full_child", str(folder), str(port)]
    if way == "file system":
        command = [*OWN_MOUNTS, "sh", "-c", MOUNTED, str(folder), *command]
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    try:
        await platform.until(lambda: platform._writer is not None)
        yield child
    finally:
        child.kill()
        _, said = await child.communicate()
        server.close()
        assert b"Traceback" not in said, said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
async def test_a_full_disk_loses_nothing_and_answers_nothing_twice(
    platform: Platform, tmp_path: Path, way: str
) -> None:
    fill, free = WAYS[way]
    folder = tmp_path / "config"
    big = "x" * 20_000
    async with running(platform, folder, way):
        platform.type(1, "before")
        platform.type(2, f"held {big}")
        await platform.until(lambda: not platform.updates and platform.sent == [("before", False)])

        await platform.tell(fill)
        for number in range(10, 30):
            platform.type(number, f"{number} {big}")
        await platform.tell("go")  # the answer to what was taken before cannot be kept now either
        await platform.until(lambda: all(len(platform.refused[number]) > 1 for number in range(10, 30)))
        await platform.tell("look")
        assert set(platform.updates) == set(range(10, 30)), "nothing may be acknowledged that is not on disk"
        assert platform.sent == [("before", False)], "nothing may be sent that is not on disk"
        [issue] = platform.issues
        assert issue.startswith("Messages cannot be kept: hub.db cannot be written: ")
        assert issue.endswith("New ones are refused until they can.")

        await platform.tell(free)
        await platform.until(lambda: len(platform.sent) == 22)
        platform.type(50, "after")
        await platform.until(lambda: len(platform.sent) == 23 and not platform.updates)
        await platform.tell("look")
        assert platform.issues == []
    texts = ["before", f"held {big}", *(f"{number} {big}" for number in range(10, 30)), "after"]
    assert sorted(platform.sent) == sorted((text, False) for text in texts)

    if way == "limit":  # the other file system went with its process
        async with running(platform, folder, way):
            platform.type(51, "after the restart")
            await platform.until(lambda: ("after the restart", False) in platform.sent)
        first = [text for text, repeated in platform.sent if not repeated]  # the kill may have made one of unclear fate
        assert sorted(first) == sorted([*texts, "after the restart"])
        with contextlib.closing(sqlite3.connect(folder / ".storage" / FILE)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("SELECT COUNT(*) FROM inbox WHERE done IS NOT NULL").fetchone() == (24,)


# -- read-only --------------------------------------------------------------------------------------


class Post(Chat):
    """A platform that hands out its updates in order, again and again, until they are acknowledged."""

    def __init__(self) -> None:
        super().__init__("post", allow=frozenset({"*"}))
        self.updates: dict[int, str] = {}
        self.refused = 0
        self.changed = asyncio.Condition()

    async def run(self, receive: Receive) -> None:
        while True:
            for number, text in list(self.updates.items()):
                try:
                    await receive(Incoming(chat="1", sender="somebody", text=text, message_id=str(number)))
                except StorageError:
                    self.refused += 1
                    break
                del self.updates[number]
            async with self.changed:
                self.changed.notify_all()
            await asyncio.sleep(0.005)

    async def until_refused(self, count: int) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: self.refused >= count)


@pytest.mark.bound
async def test_a_start_on_a_read_only_disk_takes_nothing_and_everything_later(tmp_path: Path) -> None:
    async with Talk(tmp_path, chat=False) as talk:
        await talk.conversations.send("post", "1", "from before")
    storage = tmp_path / ".storage"
    modes = {path: path.stat().st_mode for path in [*storage.iterdir(), storage]}
    for path in modes:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        async with Talk(tmp_path, chat=False) as talk:
            post, parrot = Post(), Parrot()
            post.updates = {number: f"{number}" for number in range(10)}
            talk.add(parrot)
            talk.add(post)
            await post.until_refused(3)
            assert len(post.updates) == 10
            assert (post.sent, parrot.turns) == ([], [])
            [issue] = talk.hub.issues
            assert issue.text().startswith("Messages cannot be kept: ")
            for path, mode in reversed(modes.items()):
                path.chmod(mode)
            async with asyncio.timeout(10):
                await post.wait_for(11)
            assert post.received == ["from before", *(f"{number}" for number in range(10))]
            assert not post.updates
            assert len(talk.hub.issues) == 0
    finally:
        for path, mode in reversed(modes.items()):
            path.chmod(mode)


async def test_a_disk_that_becomes_read_only_takes_nothing_until_it_is_not(tmp_path: Path) -> None:
    async with Talk(tmp_path, chat=False) as talk:
        post, parrot = Post(), Parrot()
        parrot.held = {"held"}
        talk.add(parrot)
        talk.add(post)
        post.updates = {0: "held"}
        await parrot.until_turns(1)
        writer = await talk.conversations.database.write(lambda connection: connection)
        writer.execute("PRAGMA query_only = ON")
        post.updates |= {number: f"{number}" for number in range(1, 10)}
        parrot.go.set()
        await post.until_refused(3)
        assert (len(post.updates), post.sent, len(parrot.turns)) == (9, [], 1)
        [issue] = talk.hub.issues
        assert "read-only" in issue.text()
        writer.execute("PRAGMA query_only = OFF")
        async with asyncio.timeout(10):
            await post.wait_for(10)
        assert post.received == ["held", *(f"{number}" for number in range(1, 10))]
        assert [turn.attempt for turn in parrot.turns] == [1] * 10
        await talk.until("message_sent", count=10)
        assert len(talk.hub.issues) == 0
    async with Talk(tmp_path, chat=False) as talk:
        talk.add(again := Post())
        again.updates = dict.fromkeys(range(10), "sent again by the platform")
        talk.add(parrot := Parrot())
        async with asyncio.timeout(10):
            while again.updates:
                await asyncio.sleep(0.01)
    assert (again.sent, parrot.turns) == ([], [])
