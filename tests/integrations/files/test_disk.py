"""Writing when the disk, other programs or the clock of a kill stand in the way: the old file or the new one, whole."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nanobot.errors import ToolError
from nanobot.storage.folder import Folder
from nanobot.testing.tools import Hands

ROOT = Path(__file__).parents[3]

FULL = """
import resource, sys
from pathlib import Path
from nanobot.errors import ToolError
from nanobot.storage.folder import Folder
folder = Folder(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for path in ("old.txt", "new.txt"):
    try:
        folder.write(path, b"x" * 5000)
    except ToolError as error:
        print(error)
"""

WRITER = """
import sys
from pathlib import Path
from nanobot.storage.folder import Folder
folder = Folder(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for letter in (b"a", b"b"):
        folder.write("file", letter * 2_000_000)
"""


def run(program: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_full_disk_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    """A limit on the size of files is met in the middle of writing, as the end of a disk is."""
    (tmp_path / "old.txt").write_text("as it was")
    process = run(FULL, tmp_path)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told.splitlines() == [
        "The disk takes no file of this size: 'old.txt'.",
        "The disk takes no file of this size: 'new.txt'.",
    ]
    assert (tmp_path / "old.txt").read_text() == "as it was"
    assert names(tmp_path) == ["old.txt"]


@pytest.mark.parametrize(("number", "why"), [("ENOSPC", "The disk is full"), ("EROFS", "The disk is read-only")])
async def test_the_model_hears_what_the_disk_says(
    files: Hands, workspace: Path, monkeypatch: pytest.MonkeyPatch, number: str, why: str
) -> None:
    await files("write_file", path="a.txt", content="as it was")

    def fsync(handle: int) -> None:
        raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))

    monkeypatch.setattr(os, "fsync", fsync)
    for tool, more in (("write_file", {"content": "new"}), ("edit_file", {"old": "was", "new": "is"})):
        assert await files.fails(tool, path="a.txt", **more) == f"{why}: 'a.txt'."
    monkeypatch.undo()
    assert (workspace / "a.txt").read_text() == "as it was"
    assert names(workspace) == ["a.txt"]
    await files("write_file", path="a.txt", content="there is room again")


@pytest.mark.bound
async def test_what_the_account_may_not_do_is_said(files: Hands, workspace: Path) -> None:
    await files("write_file", path="locked/a.txt", content="x")
    (workspace / "locked/a.txt").chmod(0)
    (workspace / "locked").chmod(0o500)
    try:
        told = await files.fails("read_file", path="locked/a.txt")
        assert told == "nanobot lacks the permission: 'locked/a.txt'."
        told = await files.fails("write_file", path="locked/b.txt", content="")
        assert told == "nanobot lacks the permission: 'locked/b.txt'."
    finally:
        (workspace / "locked").chmod(0o700)


async def test_an_edit_on_an_outdated_file_is_refused(tmp_path: Path) -> None:
    """Somebody saved the file in an editor between the reading and the writing."""
    folder = Folder(tmp_path)
    folder.write("a", b"one")
    read = folder.read("a", 100)
    (tmp_path / "a").write_bytes(b"by hand")
    with pytest.raises(ToolError, match="was changed by somebody else just now. Read it again."):
        folder.write("a", b"two", replaces=read.version)
    (tmp_path / "a").unlink()
    with pytest.raises(ToolError, match="was changed by somebody else"):
        folder.write("a", b"two", replaces=read.version)
    assert names(tmp_path) == []


async def test_a_call_that_is_cut_off_leaves_a_whole_file_and_the_next_one_works(files: Hands, workspace: Path) -> None:
    letters = "ab"
    for number in range(20):
        old, new = letters[number % 2], letters[1 - number % 2]
        await files("write_file", path="f", content=old * 900_000)
        call = asyncio.create_task(files.call("write_file", path="f", content=new * 900_000))
        await asyncio.sleep(number / 2000)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert (workspace / "f").read_text() in (old * 900_000, new * 900_000)


@pytest.mark.slow
def test_a_kill_leaves_a_whole_file_and_what_is_left_over_is_swept_up(tmp_path: Path) -> None:
    for round_ in range(8):
        process = run(WRITER, tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.02 + round_ / 100)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        if (tmp_path / "file").exists():
            data = (tmp_path / "file").read_bytes()
            assert data in (b"a" * 2_000_000, b"b" * 2_000_000)
    (tmp_path / ".nanobot-0123456789abcdef.tmp").write_text("half")
    assert [found.path for found in Folder(tmp_path).walk()] == ["file"]
    Folder(tmp_path).total(10**9)
    left = [name for name in names(tmp_path) if name != "file"]
    assert left, "what is being made this hour stays"
    for name in left:
        os.utime(tmp_path / name, (0, 0))
    assert Folder(tmp_path).total(10**9) > 2_000_000
    assert names(tmp_path) == ["file"]
