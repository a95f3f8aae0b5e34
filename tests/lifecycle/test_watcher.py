"""The watcher sees any save, whoever makes it and however, and reports it once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.errors import NanobotError
from nanobot.lifecycle import bell, watcher
from nanobot.lifecycle.tree import Tree, look
from nanobot.lifecycle.watcher import Watcher
from tests.machine import need, need_own_limits

SETTLE = 0.3


class Watch:
    """A watcher at work and what it reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports: list[set[str]] = []
        self.times: list[float] = []
        self.extra: list[Path] = []
        self.slow: asyncio.Event | None = None
        self._more = asyncio.Event()
        self.watcher = Watcher(folder, self._changed, settle=SETTLE, extra=lambda: self.extra)

    async def _changed(self, paths: frozenset[Path]) -> None:
        self.times.append(asyncio.get_running_loop().time())
        self.reports.append({path.name for path in paths})
        self._more.set()
        if self.slow is not None:
            await self.slow.wait()

    async def report(self, number: int, timeout: float = 8.0) -> set[str]:
        async with asyncio.timeout(timeout):
            while len(self.reports) < number:
                self._more.clear()
                await self._more.wait()
        return self.reports[number - 1]

    async def quiet(self, seconds: float = 3 * SETTLE) -> None:
        before = len(self.reports)
        await asyncio.sleep(seconds)
        assert len(self.reports) == before, self.reports[before:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "configuration.yaml").write_text("a: 1\n")
    (folder / "packages").mkdir()
    return folder


@contextlib.asynccontextmanager
async def running(watch: Watch) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(watch.watcher.run())
    async with asyncio.timeout(10):
        await watch.watcher.ready.wait()
    yield task
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
async def watch(folder: Path) -> AsyncIterator[Watch]:
    watch = Watch(folder)
    async with running(watch):
        yield watch


def in_place(file: Path) -> None:
    file.write_text("a: 2\n")


def renamed_over(file: Path) -> None:
    new = file.with_name(file.name + ".new")
    new.write_text("a: 2\n")
    new.replace(file)


def like_vim(file: Path) -> None:
    probe = file.with_name("4913")
    probe.write_text("")
    probe.unlink()
    backup = file.with_name(file.name + "~")
    file.replace(backup)
    file.write_text("a: 2\n")
    backup.unlink()
    file.with_name(f".{file.name}.swp").write_text("swap")


def like_nano_with_backup(file: Path) -> None:
    shutil.copy2(file, file.with_name(file.name + "~"))
    file.write_text("a: 2\n")


def like_vs_code(file: Path) -> None:
    with file.open("r+") as opened:
        opened.truncate(0)
        opened.flush()
        opened.write("a: 2\n")
        opened.flush()
        os.fsync(opened.fileno())


def like_gedit(file: Path) -> None:
    new = file.with_name(".goutputstream-X2Q4Z1")
    new.write_text("a: 2\n")
    os.link(file, file.with_name(file.name + "~"))
    new.replace(file)
    file.with_name(file.name + "~").unlink()


SAVES = [in_place, renamed_over, like_vim, like_nano_with_backup, like_vs_code, like_gedit]


@pytest.mark.parametrize("save", SAVES, ids=lambda f: f.__name__)
async def test_a_save_is_reported_once_and_the_next_one_too(watch: Watch, save: Callable[[Path], None]) -> None:
    for number in (1, 2, 3):
        save(watch.folder / "configuration.yaml")
        assert await watch.report(number) == {"configuration.yaml"}
    await watch.quiet()


@pytest.mark.parametrize(
    "name",
    [
        "secrets.yaml",
        "packages/kitchen.yaml",
        "blueprints/automation/me/light.yaml",
        "integrations/mine/__init__.py",
        "integrations/media/channel.py",
        "translations/de.json",
        "deep/er/and/deeper/still.yaml",
    ],
)
async def test_a_file_anywhere_in_the_folder_counts(watch: Watch, name: str) -> None:
    path = watch.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x: 1\n")
    assert path.name in await watch.report(1)
    in_place(path)
    assert await watch.report(2) == {path.name}
    path.unlink()
    assert await watch.report(3) == {path.name}


async def test_a_checkout_of_many_files_is_one_change(watch: Watch) -> None:
    for n in range(100):
        (watch.folder / "packages" / f"p{n}.yaml").write_text("x: 1\n")
    assert await watch.report(1) == {f"p{n}.yaml" for n in range(100)}
    await watch.quiet()


async def test_a_git_checkout_is_one_change_and_its_own_files_do_not_count(watch: Watch) -> None:
    need("git")

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=watch.folder, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    await watch.quiet()
    assert watch.reports == []
    git("checkout", "-q", "-b", "other")
    for n in range(20):
        (watch.folder / "packages" / f"p{n}.yaml").write_text("x: 1\n")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    await watch.report(1)
    await asyncio.sleep(2 * SETTLE)
    before = len(watch.reports)
    git("checkout", "-q", "main")
    assert {f"p{n}.yaml" for n in range(20)} <= await watch.report(before + 1)
    await watch.quiet()


async def test_renamed_files_and_folders_are_changes(watch: Watch) -> None:
    (watch.folder / "configuration.yaml").rename(watch.folder / "other.yaml")
    assert await watch.report(1) == {"configuration.yaml", "other.yaml"}
    (watch.folder / "packages" / "old.yaml").write_text("x: 1\n")
    assert await watch.report(2) == {"old.yaml"}
    (watch.folder / "packages").rename(watch.folder / "parts")
    assert await watch.report(3) == {"packages", "parts", "old.yaml"}
    (watch.folder / "parts" / "new.yaml").write_text("x: 1\n")
    assert await watch.report(4) == {"new.yaml"}


async def test_what_links_point_to_is_watched_and_links_may_be_pointed_elsewhere(watch: Watch, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for home in (one, two):
        home.mkdir()
        (home / "real.yaml").write_text("x: 1\n")
    (watch.folder / "linked.yaml").symlink_to(one / "real.yaml")
    (watch.folder / "folder").symlink_to(two, target_is_directory=True)
    await watch.report(1)
    renamed_over(one / "real.yaml")
    await watch.report(2)
    (two / "fresh.yaml").write_text("x: 1\n")
    await watch.report(3)
    new = watch.folder / ".link"
    new.symlink_to(two / "real.yaml")
    new.replace(watch.folder / "linked.yaml")
    await watch.report(4)
    await asyncio.sleep(2 * SETTLE)
    before = len(watch.reports)
    renamed_over(two / "real.yaml")
    await watch.report(before + 1)


async def test_a_swap_of_the_folder_behind_all_links_is_seen(watch: Watch) -> None:
    for version in ("v1", "v2"):
        (watch.folder / version).mkdir()
        (watch.folder / version / "mounted.yaml").write_text(f"v: {version}\n")
    (watch.folder / "..data").symlink_to("v1")
    (watch.folder / "mounted.yaml").symlink_to("..data/mounted.yaml")
    await watch.report(1)
    await asyncio.sleep(2 * SETTLE)
    before = len(watch.reports)
    (watch.folder / "..new").symlink_to("v2")
    (watch.folder / "..new").replace(watch.folder / "..data")
    await watch.report(before + 1)


async def test_files_that_were_included_from_elsewhere_count(watch: Watch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shared.yaml").write_text("x: 1\n")
    watch.extra.append(elsewhere / "shared.yaml")
    in_place(watch.folder / "configuration.yaml")
    await watch.report(1)
    await asyncio.sleep(2 * SETTLE)
    before = len(watch.reports)
    renamed_over(elsewhere / "shared.yaml")
    assert "shared.yaml" in await watch.report(before + 1)


@pytest.mark.parametrize(
    "name",
    [
        ".storage/hub.db",
        ".git/index",
        "workspace/notes.md",
        "packages/__pycache__/a.py",
        "nanobot.log",
        "nanobot.log.1",
        "hub.db-wal",
        "a.yaml~",
        ".a.yaml.swp",
        "4913",
    ],
)
async def test_the_machines_own_files_do_not_count(watch: Watch, name: str) -> None:
    path = watch.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    path.write_text("y")
    await watch.quiet()
    assert watch.reports == []


async def test_a_file_that_came_and_went_is_no_change(watch: Watch) -> None:
    path = watch.folder / "passing"
    path.write_text("x")
    path.unlink()
    await watch.quiet()


async def test_a_change_during_the_call_leads_to_another_call(watch: Watch) -> None:
    watch.slow = asyncio.Event()
    in_place(watch.folder / "configuration.yaml")
    await watch.report(1)
    in_place(watch.folder / "configuration.yaml")
    await asyncio.sleep(2 * SETTLE)
    watch.slow.set()
    await watch.report(2)
    await watch.quiet()


async def test_constant_change_is_reported_every_few_seconds(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nanobot.lifecycle.watcher.MAX_WAIT", 0.5)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not watch.reports and loop.time() - began < 5:
        in_place(watch.folder / "configuration.yaml")
        await asyncio.sleep(0.02)
    assert loop.time() - began < 2


async def test_a_folder_that_is_removed_and_made_again_is_watched_again(watch: Watch) -> None:
    aside = watch.folder.with_name("aside")
    watch.folder.rename(aside)
    assert "configuration.yaml" in await watch.report(1)
    shutil.copytree(aside, watch.folder)
    assert "configuration.yaml" in await watch.report(2)
    in_place(watch.folder / "configuration.yaml")
    assert await watch.report(3) == {"configuration.yaml"}
    shutil.rmtree(watch.folder)
    await watch.report(4)


async def test_a_folder_that_is_a_link_may_be_pointed_elsewhere(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("other"))
    link = folder.with_name("link")
    link.symlink_to("config")
    watch = Watch(link)
    async with running(watch):
        in_place(folder / "configuration.yaml")
        assert await watch.report(1) == {"configuration.yaml"}
        link.with_name("new").symlink_to("other")
        link.with_name("new").replace(link)
        assert "configuration.yaml" in await watch.report(2)
        in_place(folder.with_name("other") / "configuration.yaml")
        assert await watch.report(3) == {"configuration.yaml"}


async def test_a_link_in_a_linked_folder_counts_and_circles_do_no_harm(folder: Path) -> None:
    far, farther = folder.with_name("far"), folder.with_name("farther")
    far.mkdir()
    farther.mkdir()
    (farther / "real.yaml").write_text("x: 1\n")
    (far / "linked.yaml").symlink_to(farther / "real.yaml")
    (far / "back").symlink_to(folder)
    (far / "self").symlink_to("self")
    (folder / "folder").symlink_to(far)
    watch = Watch(folder)
    async with running(watch):
        renamed_over(farther / "real.yaml")
        assert await watch.report(1) == {"linked.yaml"}
        await watch.quiet()


async def test_a_link_to_nothing_counts_when_it_leads_somewhere(watch: Watch, tmp_path: Path) -> None:
    (watch.folder / "linked.yaml").symlink_to(tmp_path / "later" / "real.yaml")
    await watch.report(1)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "real.yaml").write_text("x: 1\n")
    assert await watch.report(2) == {"linked.yaml"}
    in_place(tmp_path / "later" / "real.yaml")
    assert await watch.report(3) == {"linked.yaml"}


async def test_a_hidden_file_counts_once_it_is_included(watch: Watch) -> None:
    hidden = watch.folder / ".private" / "part.yaml"
    hidden.parent.mkdir()
    hidden.write_text("x: 1\n")
    await watch.quiet()
    watch.extra.append(hidden)
    in_place(watch.folder / "configuration.yaml")
    assert await watch.report(1) == {"configuration.yaml"}
    await watch.quiet()
    renamed_over(hidden)
    assert await watch.report(2) == {"part.yaml"}


async def test_a_file_that_is_included_later_counts_from_then_on(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("x: 1\n")
    in_place(watch.folder / "configuration.yaml")
    await watch.report(1)
    watch.extra.append(tmp_path / "shared.yaml")
    watch.watcher.wake()
    await watch.quiet()
    renamed_over(tmp_path / "shared.yaml")
    assert await watch.report(2) == {"shared.yaml"}


async def test_an_included_file_elsewhere_may_vanish_and_come_back(watch: Watch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shared.yaml").write_text("x: 1\n")
    watch.extra.append(elsewhere / "shared.yaml")
    in_place(watch.folder / "configuration.yaml")
    await watch.report(1)
    await watch.quiet()
    shutil.rmtree(elsewhere)
    assert await watch.report(2) == {"shared.yaml"}
    elsewhere.mkdir()
    (elsewhere / "shared.yaml").write_text("x: 1\n")
    assert await watch.report(3) == {"shared.yaml"}


async def test_an_edit_between_reading_the_folder_and_watching_it_is_seen(folder: Path) -> None:
    watch = Watch(folder)
    await watch.watcher.mark()
    in_place(folder / "configuration.yaml")
    async with running(watch):
        assert await watch.report(1) == {"configuration.yaml"}


async def test_an_edit_while_the_watcher_is_started_anew_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(folder)
    async with running(watch) as task:
        broken = threading.Event()

        def fail(self: Tree, path: str) -> bool:
            broken.set()
            raise RuntimeError("out of order")

        monkeypatch.setattr(Tree, "concerns", fail)
        in_place(folder / "configuration.yaml")
        with pytest.raises(NanobotError, match="not watched any more: out of order"):
            await task
        assert broken.is_set()
    monkeypatch.undo()
    async with running(watch):
        assert await watch.report(1) == {"configuration.yaml"}


async def test_what_the_kernel_does_not_tell_is_seen_now_and_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(bell.Bell, "_listen", lambda self, notify, loop: self._stop.wait())
    watch = Watch(folder)
    async with running(watch):
        renamed_over(folder / "configuration.yaml")
        assert await watch.report(1) == {"configuration.yaml"}
        assert watch.watcher.mode == "inotify"


@pytest.mark.bound
async def test_what_must_not_be_read_does_no_harm_and_counts_when_it_may_be(watch: Watch) -> None:
    (watch.folder / "packages").chmod(0)
    assert await watch.report(1) == {"packages"}
    in_place(watch.folder / "configuration.yaml")
    assert await watch.report(2) == {"configuration.yaml"}
    (watch.folder / "packages").chmod(0o700)
    assert await watch.report(3) == {"packages"}
    (watch.folder / "packages" / "new.yaml").write_text("x: 1\n")
    assert await watch.report(4) == {"new.yaml"}
    assert watch.watcher.mode == "inotify"


async def test_looking_does_not_wake_it(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def counted(*arguments: Any) -> Tree:
        looks.append(arguments)
        return look(*arguments)

    monkeypatch.setattr(watcher, "look", counted)
    in_place(watch.folder / "configuration.yaml")
    await watch.report(1)
    (watch.folder / ".storage").mkdir()
    await watch.quiet()
    looks.clear()
    for n in range(20):
        (watch.folder / ".storage" / "hub.db-wal").write_text(str(n))
        (watch.folder / "nanobot.log").write_text(str(n))
        await asyncio.sleep(0.03)
    await watch.quiet()
    assert looks == []


async def test_it_is_quick_once_a_save_has_settled(watch: Watch) -> None:
    loop = asyncio.get_running_loop()
    late = []
    for number in range(1, 8):
        in_place(watch.folder / "configuration.yaml")
        saved = loop.time()
        await watch.report(number)
        late.append(watch.times[-1] - saved - SETTLE)
        await asyncio.sleep(0.05)
    assert min(late) > -0.05
    assert sorted(late)[3] < 0.05


async def test_without_kernel_watches_it_looks_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from watchfiles import _rust_notify

    real, refuse = _rust_notify.RustNotify, True

    def no_watches_left(*arguments: Any) -> Any:
        if refuse:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(_rust_notify, "RustNotify", no_watches_left)
    monkeypatch.setattr(watcher, "TRY_AGAIN", 0.5)
    watch = Watch(folder)
    async with running(watch):
        assert watch.watcher.mode == "polling"
        renamed_over(folder / "configuration.yaml")
        assert await watch.report(1) == {"configuration.yaml"}
        refuse = False
        async with asyncio.timeout(5):
            while watch.watcher.mode == "polling":
                await asyncio.sleep(0.05)
        in_place(folder / "configuration.yaml")
        assert await watch.report(2) == {"configuration.yaml"}


LIMITED = """
import asyncio, pathlib, sys
from nanobot.lifecycle.tree import Tree, look
from nanobot.lifecycle.watcher import Watcher

async def main(folder):
    seen = asyncio.Event()
    async def changed(paths):
        seen.set()
    watcher = Watcher(folder, changed, settle=0.1)
    task = asyncio.create_task(watcher.run())
    await asyncio.wait_for(watcher.ready.wait(), 10)
    (folder / "new.yaml").write_text("x: 1")
    await asyncio.wait_for(seen.wait(), 10)
    print(watcher.mode)

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize("limit", ["max_inotify_instances", "max_inotify_watches"])
def test_where_the_system_allows_no_watches_it_looks_by_itself(folder: Path, limit: str) -> None:
    need_own_limits(limit)
    own = ["unshare", "--user", "--map-root-user"]
    script = f'echo 0 > /proc/sys/user/{limit} && exec "$@"'
    command = [*own, "sh", "-c", script, "sh", sys.executable, "-c", LIMITED, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60)
    assert done.stdout == "polling\n", done.stderr
