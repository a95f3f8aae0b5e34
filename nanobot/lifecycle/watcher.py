"""Sees any save in the configuration folder, however an editor or git makes it, and says so once it has settled.

The kernel only wakes it; what has changed is found by comparing two looks at the folder. So nothing depends on the
kernel telling all, or at all: now and then it looks unasked, which also finds edits that another machine made on a
shared folder, and where the system has no watches left, it looks often.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from nanobot.errors import NanobotError
from nanobot.lifecycle.bell import STEP, Bell, NoWatches
from nanobot.lifecycle.tree import MAX_FILES, Tree, look
from nanobot.util.aio import in_thread

SETTLE = 0.4  # s without a change before it is reported
MAX_WAIT = 3.0  # s after the first change, however many follow
LOOK_EVERY = 15.0  # s between two looks unasked
POLL_EVERY = 0.5  # s between two looks where the kernel cannot tell
SHARE = (
    0.002  # of the time that looking unasked may take, in a folder that is slow to look at; ten times that in polling
)
TRY_AGAIN = 60.0  # s after which kernel watches are asked for again

_log = logging.getLogger(__name__)

Changed = Callable[[frozenset[Path]], Awaitable[None]]


class Watcher:
    """Calls ``changed(paths)`` after each settled change; one that comes during the call leads to another call.

    ``extra`` names files that count although they lie elsewhere. ``mode`` is ``inotify``, or ``polling`` where the
    system has no watches left.
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
        self._tree: Tree | None = None
        self._looked = Tree()
        self._bell: Bell | None = None
        self._hung: dict[str, tuple[int, int]] = {}
        self._rung = asyncio.Event()
        self._rung_at = 0.0
        self._took = 0.0
        self._try_at = 0.0

    async def mark(self) -> None:
        """Remember how the folder looks. Called before it is read, so that an edit made after that is seen."""
        self._tree = await self._look()

    def wake(self) -> None:
        """Look now: what ``extra`` names is not the same any more."""
        self._rung.set()

    async def run(self) -> None:
        """Until cancelled. Raises when watching ends although it should not."""
        if self._tree is None:
            await self.mark()
        try:
            while True:
                tree = await self._look()
                if await self._hang_in(tree):
                    continue  # something may have changed while nobody listened
                if self._tree is not None and not tree.changed_since(self._tree):
                    self._tree = tree
                    self.ready.set()
                    await self._wait()
                    continue
                tree = await self._settled(tree)
                await self._report(tree)
        finally:
            self.ready.clear()
            await self._take_down()

    # -- inside ---------------------------------------------------------------------------------

    async def _look(self) -> Tree:
        self._rung.clear()
        began = time.perf_counter()
        tree = self._looked = await in_thread(look, self.folder, tuple(self._extra()))
        self._took = time.perf_counter() - began
        if tree.is_cut and not (self._tree and self._tree.is_cut):
            _log.warning(
                "%s holds more than %d files; edits of some will not be seen. Keep what is no configuration elsewhere",
                self.folder,
                MAX_FILES,
            )
        return tree

    async def _report(self, tree: Tree) -> None:
        assert self._tree is not None
        changed = tree.changed_since(self._tree)
        self._tree = tree
        if changed:
            await self._changed(frozenset(changed))

    async def _settled(self, tree: Tree) -> Tree:
        """Look until nothing is new for a while, and give back what it looks like then."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + MAX_WAIT
        while True:
            now = time.time()
            # The file system knows best when the last change was; its clock may be another machine's, though.
            last = min(max(tree.latest, self._rung_at - 2 * STEP / 1000), now)
            wait = min(last + self.settle - now, limit - loop.time())
            await asyncio.sleep(max(wait, 0))
            again = await self._look()
            if again.same(tree) or loop.time() >= limit:
                return again
            tree = again

    async def _hang_in(self, tree: Tree) -> bool:
        """Have exactly the folders of this tree watched. True: from now on; before, it was others."""
        if self._bell is not None and self._bell.error is not None:
            raise NanobotError(f"the configuration folder is not watched any more: {self._bell.error}")
        if self._hung == tree.folders or (self.mode == "polling" and time.monotonic() < self._try_at):
            return False
        await self._take_down()
        self._try_at = time.monotonic() + TRY_AGAIN
        bell = Bell(lambda path: self._looked.concerns(path), self._ring)
        try:
            await bell.hang(tree.folders)
        except FileNotFoundError:  # one of them went away in this moment
            await asyncio.sleep(STEP / 1000)
            return True
        except NoWatches as error:
            if self.mode != "polling":
                _log.warning("the system cannot watch the configuration folder (%s); looking now and then", error)
            self.mode = "polling"
            return False
        self.mode, self._bell, self._hung = "inotify", bell, tree.folders
        return True

    async def _take_down(self) -> None:
        bell, self._bell, self._hung = self._bell, None, {}
        if bell is not None:
            await bell.take_down()

    def _ring(self) -> None:
        self._rung_at = time.time()
        self._rung.set()

    async def _wait(self) -> None:
        """Until something stirs, or it is time to look unasked."""
        polling = self.mode == "polling"
        pause = max(POLL_EVERY, self._took / SHARE / 10) if polling else max(LOOK_EVERY, self._took / SHARE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._rung.wait()
        if polling:
            self._rung_at = time.time()
