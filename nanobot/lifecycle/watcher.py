"""Sees any save in the configuration folder, however an editor or git makes it, and says so once it has settled.

The *folder* is watched, never single files: a watched file goes deaf when an editor renames a new one over it.
What symbolic links point to, and files that are included from elsewhere, are watched where they really are.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanobot.errors import NanobotError
from nanobot.util.aio import in_thread

SETTLE = 0.4  # s without a change before it is reported
MAX_WAIT = 3.0  # s after the first change, however many follow
STEP = 20  # ms; the kernel's events are gathered for that long
LOOK_AROUND = 1000  # ms; how often a folder that vanished is noticed when nothing else happens
POLL_EVERY = 300  # ms between two looks where the kernel cannot tell
END_LIMIT = 3.0  # s that a watching thread may take to end
MAX_HOPS = 40  # links that lead to links; the kernel's own limit

# Folders of the machine's own data, which nobody edits to configure nanobot.
_FOLDERS = frozenset({".storage", ".git", "__pycache__", "node_modules", ".venv", "workspace", "media", "backups"})
_NOISE = re.compile(
    r"nanobot\.log.*|.*\.sw[a-z]|.*\.db(-\w+)?|.*\.pyc|.*~|4913|\.#.*|#.*#|\..*\.tmp|.*\.kate-swp|\.goutputstream-.*"
)
_log = logging.getLogger(__name__)

Changed = Callable[[frozenset[Path]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Places:
    """What has to be watched: whole trees, and folders of which only the direct content counts."""

    deep: frozenset[Path]
    flat: frozenset[Path]
    inodes: frozenset[tuple[str, int, int]]

    def intact(self) -> bool:
        """Whether each of them is still the folder that it was."""
        return self.inodes == _inodes(self.deep | self.flat)


class Watcher:
    """Calls ``changed(paths)`` after each settled change; one that comes during the call leads to another call.

    ``extra`` names files elsewhere that count as well. ``mode`` is ``inotify``, or ``polling`` where the system has
    no watches left.
    """

    def __init__(
        self,
        folder: Path,
        changed: Changed,
        *,
        settle: float = SETTLE,
        extra: Callable[[], Iterable[Path]] = tuple,
    ) -> None:
        self.folder = folder
        self.settle = settle
        self.mode = "inotify"
        self.ready = asyncio.Event()
        """Set while changes are seen."""
        self._changed = changed
        self._extra = extra
        self._added: set[Path] = set()
        self._paths: set[Path] = set()
        self._last = 0.0
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. Raises when watching is not possible at all."""
        library = await in_thread(importlib.import_module, "watchfiles._rust_notify")
        first = True
        while True:
            places = await in_thread(self._places)
            async with self._watching(library, places):
                self.ready.set()
                if not first:  # something may have changed while nobody looked
                    await self._report()
                first = False
                while await in_thread(self._places) == places:
                    await self._settled()
                    if await in_thread(self._places) != places:
                        break
                    await self._report()
            self.ready.clear()

    # -- inside ---------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _watching(self, library: Any, places: Places) -> Any:
        loop, stop = asyncio.get_running_loop(), threading.Event()
        threads = []
        for paths, recursive in ((places.deep, True), (places.flat, False)):
            if paths:
                up: asyncio.Future[None] = loop.create_future()
                thread = threading.Thread(
                    target=self._watch, args=(library, paths, recursive, loop, stop, up), name="watcher", daemon=True
                )
                thread.start()
                threads.append(thread)
                await up
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                await in_thread(thread.join, END_LIMIT)

    def _watch(
        self,
        library: Any,
        paths: frozenset[Path],
        recursive: bool,
        loop: asyncio.AbstractEventLoop,
        stop: threading.Event,
        up: asyncio.Future[None],
    ) -> None:
        """In a thread: hand each batch of changes to the loop."""
        polling = self.mode == "polling"
        try:
            while not stop.is_set():
                try:
                    # used directly, as its documentation offers: only so is it known when watching has begun
                    notify = library.RustNotify(
                        [str(path) for path in paths], False, polling, POLL_EVERY, recursive, True
                    )
                except FileNotFoundError:
                    _call(loop, self._seen, set())  # a folder is gone; the loop looks for it
                    stop.wait(LOOK_AROUND / 1000)
                    continue
                except OSError as error:
                    if polling:
                        raise
                    _log.warning("the system has no file watches left (%s); looking every %d ms", error, POLL_EVERY)
                    self.mode, polling = "polling", True
                    continue
                _call(loop, _set, up)
                with notify:
                    while not stop.is_set():
                        batch = notify.watch(10 * STEP, STEP, LOOK_AROUND, stop)
                        _call(loop, self._seen, set() if isinstance(batch, str) else batch)
        except Exception as error:  # must reach whoever runs the watcher, who starts it again
            _call(loop, self._failed, up, error)

    def _seen(self, batch: Iterable[tuple[Any, str]]) -> None:
        for change, text in batch:
            path = Path(text)
            if self._counts(path):
                self._paths.add(path)
                if change == 1:
                    self._added.add(path)
                self._last = asyncio.get_running_loop().time()
        self._news.set()

    def _failed(self, up: asyncio.Future[None], error: Exception) -> None:
        if not up.done():
            up.set_exception(NanobotError(f"the configuration folder cannot be watched: {error}"))
        else:
            _log.error("watching the configuration folder failed: %s", error)
            self._news.set()

    async def _settled(self) -> None:
        """Return when something has changed and then nothing for a while, or when the folders are others."""
        while not self._paths:
            self._news.clear()
            await self._news.wait()
            if not self._paths and not await in_thread(self._there):
                return
        loop = asyncio.get_running_loop()
        limit = loop.time() + MAX_WAIT
        while (wait := min(self._last + self.settle, limit) - loop.time()) > 0:  # noqa: ASYNC110 - nobody can tell
            await asyncio.sleep(wait)

    async def _report(self) -> None:
        paths, added = frozenset(self._paths), frozenset(self._added)
        self._paths.clear()
        self._added.clear()
        vanished = await in_thread(_vanished, added)
        if not paths or paths - vanished:
            await self._changed(paths - vanished)

    def _there(self) -> bool:
        return self.folder.is_dir()

    def _counts(self, path: Path) -> bool:
        for root in (self.folder, self.folder.resolve()):
            if path.is_relative_to(root):
                parts = path.relative_to(root).parts
                return not _FOLDERS.intersection(parts) and not (parts and _NOISE.fullmatch(parts[-1]))
        return _NOISE.fullmatch(path.name) is None and not _FOLDERS.intersection(path.parts[-2:])

    def _places(self) -> Places:
        """Find out what to watch. Blocks."""
        while not self.folder.is_dir():
            parent = next(p for p in self.folder.parents if p.is_dir())
            return Places(frozenset(), frozenset({parent}), _inodes([parent]))
        deep, flat = {self.folder.resolve()}, set()
        for link in _links(self.folder):
            for hop in _hops(link):
                flat.add(hop.parent)
            target = link.resolve()
            if target.is_dir():
                deep.add(target)
        for file in self._extra():
            flat.add(Path(file).resolve().parent)
        flat = {f for f in flat if f.is_dir() and not any(f.is_relative_to(root) for root in deep)}
        deep = {d for d in deep if not any(d != root and d.is_relative_to(root) for root in deep)}
        return Places(frozenset(deep), frozenset(flat), _inodes(deep | flat))


def _vanished(paths: Iterable[Path]) -> set[Path]:
    """Those that are there no more: temporary files of somebody's."""
    return {path for path in paths if not os.path.lexists(path)}


def _links(folder: Path) -> Iterator[Path]:
    """All symbolic links below a folder, except in folders that do not count."""
    try:
        found = list(os.scandir(folder))
    except OSError:
        return
    for item in found:
        if item.name in _FOLDERS:
            continue
        if item.is_symlink():
            yield Path(item.path)
        elif item.is_dir(follow_symlinks=False):
            yield from _links(Path(item.path))


def _hops(link: Path) -> Iterator[Path]:
    """Where a link leads to, step by step."""
    for _ in range(MAX_HOPS):
        if not link.is_symlink():
            return
        link = Path(os.path.normpath(link.parent / link.readlink()))
        yield link


def _inodes(folders: Iterable[Path]) -> frozenset[tuple[str, int, int]]:
    found = set()
    for folder in folders:
        with contextlib.suppress(OSError):
            stat = folder.stat()
            found.add((str(folder), stat.st_dev, stat.st_ino))
    return frozenset(found)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., Any], *args: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is interested any more
        loop.call_soon_threadsafe(callback, *args)
