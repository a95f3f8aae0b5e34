"""Nothing outside of the workspace can be read, written or found, whatever a path looks like or becomes meanwhile."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nanobot.errors import ToolError
from nanobot.testing.tools import Hands

from .conftest import SECRET

WAYS_OUT = {
    "above": "../secrets.yaml",
    "above and back": "a/../../secrets.yaml",
    "deep above": "a/b/../../../secrets.yaml",
    "above at the end": "a/..",
    "many above": "../" * 40 + "etc/passwd",
    "absolute": "/etc/passwd",
    "absolute and above": "/../etc/passwd",
    "two slashes": "//etc/passwd",
    "address": "file:///etc/passwd",
    "home": "~/.ssh/id_ed25519",
    "home alone": "~",
    "backslashes": "..\\secrets.yaml",
    "drive": "C:\\Windows\\win.ini",
    "percent": "..%2fsecrets.yaml",
    "percent twice": "..%252fsecrets.yaml",
    "percent dots": "%2e%2e/secrets.yaml",
    "overlong": "..%c0%afsecrets.yaml",
    "full width dots": "．．/secrets.yaml",
    "full width slash": "..／secrets.yaml",
    "leader": "‥/secrets.yaml",
    "dots and a joiner": ".\u200d./secrets.yaml",
    "invisible": "\u200b/secrets.yaml",
    "of an account": "℀/x",
    "nul": "notes.md\0.png",
    "nul alone": "\0",
    "line end": "a\nb",
    "carriage return": "a\rb",
    "escape": "\x1b[2Ja",
    "delete": "a\x7f",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "turned around": "\u202egnp.exe",
    "half a character": "\ud800",
    "half a character of a byte": "\udcff",
    "very long name": "x" * 256,
    "very long in bytes": "ä" * 128,
    "very long path": "x" * 100_000,
    "very deep": "a/" * 5000 + "x",
    "self": "/proc/self/environ",
    "the configuration": "../configuration.yaml",
    "storage": "../.storage/hub.db",
    "media and above": "media/../secrets.yaml",
    "media far above": "media/../../secrets.yaml",
    "media absolute": "media//etc/../../secrets.yaml",
    "media percent": "media/..%2f..%2fsecrets.yaml",
    "template": "{{ secrets }}",
    "variable": "$HOME/.bashrc",
    "in the making": ".nanobot-0123456789abcdef.tmp",
}


def call_of(tool: str, path: str) -> dict[str, object]:
    more: dict[str, dict[str, object]] = {
        "write_file": {"content": "taken"},
        "edit_file": {"old": SECRET, "new": "taken"},
        "list_dir": {"recursive": True},
        "glob": {"pattern": "*"},
        "grep": {"pattern": "."},
    }
    return {"path": path, **more.get(tool, {})}


@pytest.fixture
def outside(config_dir: Path, tmp_path: Path, workspace: Path) -> Callable[[], dict[str, bytes]]:
    """All files that are not in the workspace; those of the hub itself, which it may change, left out."""
    workspace.mkdir()
    elsewhere = config_dir / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.txt").write_text(SECRET)
    (tmp_path / "secret.txt").write_text(SECRET)

    def look() -> dict[str, bytes]:
        found = {}
        for path in tmp_path.rglob("*"):
            if ".storage" in path.parts or path.is_relative_to(workspace) or not path.is_file():
                continue
            found[str(path)] = path.read_bytes()
        return found

    return look


@pytest.mark.parametrize("path", WAYS_OUT.values(), ids=WAYS_OUT.keys())
async def test_no_path_leads_out(files: Hands, outside: Callable[[], dict[str, bytes]], path: str) -> None:
    before = outside()
    for tool in ("read_file", "list_dir", "glob", "grep", "edit_file"):
        told = await refused(files, tool, path)
        assert told is not None
        assert SECRET not in told
        assert "root:" not in told
        assert len(told) < 500
        assert told.isprintable()
    if await refused(files, "write_file", path) is None:  # a strange name, and no more than that
        assert (files.hub.config_dir / "workspace" / path).is_file()
    assert outside() == before


async def refused(files: Hands, tool: str, path: str) -> str | None:
    """What a model hears; None when it worked. Not by way of JSON, which lacks some of these characters."""
    found = files.hub.tools.get(tool)
    assert found is not None
    try:
        await found.call(call_of(tool, path), files.turn)
    except ToolError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "path",
    ["…", "a b/c d.txt", "-rf", ".hidden", "ünï/cödé.md", "家/笔记.md", "👩‍👩‍👧/x", "..%2f", "a..b", "...", "x" * 255],
)
async def test_an_unusual_name_is_a_name(files: Hands, workspace: Path, path: str) -> None:
    await files("write_file", path=path, content="here")
    assert (workspace / path).read_text() == "here"
    assert await files("read_file", path=path) == "here"
    assert path.rpartition("/")[2] in await files("list_dir", recursive=True)


# -- what lies in the workspace and is not what it seems ------------------------------------------


def link_to_file(workspace: Path) -> str:
    (workspace / "link").symlink_to(workspace.parent / "secrets.yaml")
    return "link"


def link_to_folder(workspace: Path) -> str:
    (workspace / "link").symlink_to(workspace.parent)
    return "link/secrets.yaml"


def link_to_a_link(workspace: Path) -> str:
    (workspace / "a").symlink_to("b")
    (workspace / "b").symlink_to("../secrets.yaml")
    return "a"


def link_deep_inside(workspace: Path) -> str:
    (workspace / "a/b").mkdir(parents=True)
    (workspace / "a/b/c").symlink_to("../../../elsewhere")
    return "a/b/c/secret.txt"


def link_to_nothing(workspace: Path) -> str:
    (workspace / "link").symlink_to(workspace.parent / "new.txt")
    return "link"


def link_to_the_environment(workspace: Path) -> str:
    (workspace / "environ").symlink_to("/proc/self/environ")
    return "environ"


def link_to_an_open_file(workspace: Path) -> str:
    (workspace / "fd").symlink_to("/proc/self/fd")
    return "fd/0"


def link_to_itself(workspace: Path) -> str:
    (workspace / "loop").symlink_to("loop")
    return "loop/loop"


def link_inside(workspace: Path) -> str:
    (workspace / "real").write_text(SECRET)
    (workspace / "link").symlink_to("real")
    return "link"


def hard_link(workspace: Path) -> str:
    os.link(workspace.parent / "secrets.yaml", workspace / "innocent.txt")
    return "innocent.txt"


def pipe(workspace: Path) -> str:
    os.mkfifo(workspace / "pipe")
    return "pipe"


def unix_socket(workspace: Path) -> str:
    here = Path.cwd()
    os.chdir(workspace)  # a long path does not fit into an address
    try:
        socket.socket(socket.AF_UNIX).bind("socket")
    finally:
        os.chdir(here)
    return "socket"


def device(workspace: Path) -> str:
    try:
        os.mknod(workspace / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        (workspace / "zero").symlink_to("/dev/zero")
    return "zero"


TRAPS = (
    link_to_file,
    link_to_folder,
    link_to_a_link,
    link_deep_inside,
    link_to_nothing,
    link_to_the_environment,
    link_to_an_open_file,
    link_to_itself,
    link_inside,
    hard_link,
    pipe,
    unix_socket,
    device,
)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
async def test_what_is_no_plain_file_is_left_alone(
    files: Hands, workspace: Path, outside: Callable[[], dict[str, bytes]], trap: Callable[[Path], str]
) -> None:
    path = trap(workspace)
    before, kind = outside(), (workspace / path.split("/")[0]).lstat()
    for tool in ("read_file", "write_file", "edit_file"):
        async with asyncio.timeout(5):  # a pipe without a writer must not be waited for
            told = await files.fails(tool, **call_of(tool, path))
        assert any(why in told for why in ("link", "plain file", "not a folder")), told
        assert SECRET not in told
    listed = await files("list_dir", recursive=True)
    assert "secrets.yaml" not in listed
    assert "secret.txt" not in listed
    if "/" in path:
        await files.fails("list_dir", path=path.rpartition("/")[0])
    assert outside() == before
    now = (workspace / path.split("/")[0]).lstat()
    assert (now.st_ino, now.st_mode) == (kind.st_ino, kind.st_mode)


async def test_links_among_received_files_are_not_followed(files: Hands, config_dir: Path) -> None:
    (config_dir / "media/chat").mkdir(parents=True)
    (config_dir / "media/chat/photo.jpg").symlink_to(config_dir / "secrets.yaml")
    (config_dir / "media/all").symlink_to(config_dir)
    for path in ("media/chat/photo.jpg", "media/all/secrets.yaml"):
        assert "links are not followed" in await files.fails("read_file", path=path)
        (workspace,) = files.hub.workspaces
        with pytest.raises(Exception, match="links are not followed"):
            await workspace.attachment(path, files.turn)
    assert "secrets.yaml" not in await files("list_dir", path="media", recursive=True)


# -- what changes while it is looked at -----------------------------------------------------------


@contextmanager
def swapping(name: Path, target: Path) -> Iterator[Callable[[], int]]:
    """Make a name now the real thing, now a link to ``target``, as fast as can be; gives how often that was."""
    other, ends, times = name.with_name(f"{name.name}.other"), threading.Event(), 0
    other.symlink_to(target)
    if sys.platform != "linux":
        pytest.skip("only Linux exchanges two names in one step")
    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2

    def swap() -> None:
        nonlocal times
        while not ends.is_set():
            assert renameat2(-100, os.fsencode(name), -100, os.fsencode(other), 2) == 0
            times += 1
            time.sleep(0)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield lambda: times
    finally:
        ends.set()
        thread.join()


async def race(files: Hands, tool: str, arguments: dict[str, object], times: Callable[[], int]) -> tuple[set[str], int]:
    """Call for two seconds, and until it has worked ten times; gives what was read and how often it worked."""
    texts, worked = set(), 0
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while worked < 10 or loop.time() < begun + 2:
        outcome = await files.call(tool, **arguments)
        worked += not outcome.failed
        texts.add(outcome.text)
        assert loop.time() < begun + 30, texts
    assert times() > 100
    return texts, worked


@pytest.mark.slow
async def test_a_folder_that_becomes_a_link_while_it_is_read(
    files: Hands, workspace: Path, outside: Callable[[], dict[str, bytes]]
) -> None:
    (workspace / "d").mkdir()
    (workspace / "d/secret.txt").write_text("harmless")
    with swapping(workspace / "d", workspace.parent / "elsewhere") as times:
        texts, _ = await race(files, "read_file", {"path": "d/secret.txt"}, times)
    assert "harmless" in texts
    assert not any(SECRET in text for text in texts)


@pytest.mark.slow
async def test_a_file_that_becomes_a_link_while_it_is_read(
    files: Hands, workspace: Path, outside: Callable[[], dict[str, bytes]]
) -> None:
    (workspace / "f").write_text("harmless")
    with swapping(workspace / "f", workspace.parent / "secrets.yaml") as times:
        texts, _ = await race(files, "read_file", {"path": "f"}, times)
    assert "harmless" in texts
    assert not any(SECRET in text for text in texts)


@pytest.mark.slow
async def test_a_folder_that_becomes_a_link_while_it_is_written_to(
    files: Hands, workspace: Path, outside: Callable[[], dict[str, bytes]]
) -> None:
    (workspace / "d").mkdir()
    before = outside()
    with swapping(workspace / "d", workspace.parent / "elsewhere") as times:
        await race(files, "write_file", {"path": "d/secret.txt", "content": "taken"}, times)
    assert outside() == before
    assert [path.name for path in (workspace.parent / "elsewhere").iterdir()] == ["secret.txt"]


@pytest.mark.slow
async def test_a_folder_that_becomes_a_link_while_it_is_listed(
    files: Hands, workspace: Path, outside: Callable[[], dict[str, bytes]]
) -> None:
    (workspace / "d").mkdir()
    (workspace / "d/mine.txt").touch()
    with swapping(workspace / "d", workspace.parent / "elsewhere") as times:
        texts, _ = await race(files, "list_dir", {"recursive": True}, times)
    assert any("mine.txt" in text for text in texts)
    assert not any("secret.txt" in text for text in texts)
