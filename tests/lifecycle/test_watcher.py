"""The watcher sees any save, whoever makes it and however, and reports it once."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nanobot.lifecycle.watcher import Watcher

SETTLE = 0.15


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
async def watch(tmp_path: Path) -> AsyncIterator[Watch]:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "configuration.yaml").write_text("a: 1\n")
    (folder / "packages").mkdir()
    watch = Watch(folder)
    task = asyncio.create_task(watch.watcher.run())
    async with asyncio.timeout(10):
        await watch.watcher.ready.wait()
    yield watch
    task.cancel()
    await asyncio.wait([task])


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


def touched_twice(file: Path) -> None:
    file.write_text("")
    file.write_text("a: 2\n")


@pytest.mark.parametrize("save", [in_place, renamed_over, like_vim, touched_twice], ids=lambda f: f.__name__)
async def test_a_save_is_reported_once_and_the_next_one_too(watch: Watch, save: Callable[[Path], None]) -> None:
    for number in (1, 2, 3):
        save(watch.folder / "configuration.yaml")
        assert "configuration.yaml" in await watch.report(number)
    await watch.quiet()


async def test_a_checkout_of_many_files_is_one_change(watch: Watch) -> None:
    for n in range(100):
        (watch.folder / "packages" / f"p{n}.yaml").write_text("x: 1\n")
    assert len(await watch.report(1)) == 100
    await watch.quiet()


async def test_a_git_checkout_is_one_change_and_its_own_files_do_not_count(watch: Watch) -> None:
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
    assert {"configuration.yaml", "other.yaml"} <= await watch.report(1)
    (watch.folder / "packages").rename(watch.folder / "parts")
    assert "parts" in await watch.report(2)
    (watch.folder / "parts" / "new.yaml").write_text("x: 1\n")
    assert "new.yaml" in await watch.report(3)


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
    [".storage/hub.db", ".git/index", "nanobot.log", "nanobot.log.1", "hub.db-wal", "a.yaml~", ".a.yaml.swp", "4913"],
)
async def test_the_machines_own_files_do_not_count(watch: Watch, name: str) -> None:
    path = watch.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
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
    await asyncio.sleep(1.5)
    shutil.copytree(aside, watch.folder)
    async with asyncio.timeout(10):
        while not watch.watcher.ready.is_set() or not watch.reports:
            await asyncio.sleep(0.05)
    await asyncio.sleep(2.5)
    before = len(watch.reports)
    in_place(watch.folder / "configuration.yaml")
    await watch.report(before + 1)


async def test_it_is_quick_once_a_save_has_settled(watch: Watch) -> None:
    loop = asyncio.get_running_loop()
    late = []
    for number in range(1, 6):
        in_place(watch.folder / "configuration.yaml")
        saved = loop.time()
        await watch.report(number)
        late.append(watch.times[-1] - saved - SETTLE)
        await asyncio.sleep(0.05)
    assert sorted(late)[2] < 0.15


async def test_without_kernel_watches_it_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from watchfiles import _rust_notify

    real = _rust_notify.RustNotify
    refused = []

    def no_watches_left(paths: list[str], debug: bool, force_polling: bool, *rest: Any) -> Any:
        if not force_polling:
            refused.append(paths)
            raise OSError(28, "No space left on device")
        return real(paths, debug, force_polling, *rest)

    monkeypatch.setattr(_rust_notify, "RustNotify", no_watches_left)
    (tmp_path / "configuration.yaml").write_text("a: 1\n")
    watch = Watch(tmp_path)
    task = asyncio.create_task(watch.watcher.run())
    try:
        async with asyncio.timeout(10):
            await watch.watcher.ready.wait()
        await asyncio.sleep(1)
        os.utime(tmp_path / "configuration.yaml", (1, 1))
        renamed_over(tmp_path / "configuration.yaml")
        await watch.report(1)
        assert watch.watcher.mode == "polling"
        assert refused
    finally:
        task.cancel()
        await asyncio.wait([task])
