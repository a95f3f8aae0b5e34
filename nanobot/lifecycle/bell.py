"""Rings when something stirs in some folders. Says neither what nor whether it matters: whoever hears it looks."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from nanobot.errors import NanobotError
from nanobot.util.aio import in_thread

STEP = 100  # ms; how long the kernel's events are gathered
MAX_STEPS = 3  # steps after which they are handed over although more come
NO_TIMEOUT = 0
END_LIMIT = 3.0  # s that the thread may take to end


class NoWatches(NanobotError):
    """The system has none left, or cannot watch at all."""


class Bell:
    """``rings`` is called in the loop for each batch with something that ``concerns`` anybody."""

    def __init__(self, concerns: Callable[[str], bool], rings: Callable[[], None]) -> None:
        self.error: Exception | None = None
        """Why it will not ring any more."""
        self._concerns = concerns
        self._rings = rings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def hang(self, folders: Iterable[str]) -> None:
        """From the return on each change is heard. Raises ``NoWatches``, or ``FileNotFoundError``."""
        notify = await in_thread(self._make, [*folders])
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._listen, args=(notify, loop), name="watcher", daemon=True)
        self._thread.start()

    async def take_down(self) -> None:
        """Ring no more."""
        self._stop.set()
        if self._thread is not None:
            await in_thread(self._thread.join, END_LIMIT)

    def _make(self, folders: list[str]) -> Any:
        # Used directly, as its documentation offers: only so is it known when watching has begun.
        # Never recursive: what lies below .storage and .git changes all the time and concerns nobody.
        library = _library()
        try:
            # the last one is ignore_permission_denied, which would also hide that there are no watches left (1.3.0)
            return library.RustNotify(folders, False, False, 0, False, False)
        except FileNotFoundError:
            raise
        except (OSError, library.WatchfilesRustInternalError) as error:
            raise NoWatches(str(error)) from error

    def _listen(self, notify: Any, loop: asyncio.AbstractEventLoop) -> None:
        try:
            with notify:
                while not self._stop.is_set():
                    batch = notify.watch(MAX_STEPS * STEP, STEP, NO_TIMEOUT, self._stop)
                    if not isinstance(batch, str) and any(self._concerns(path) for _, path in batch):
                        loop.call_soon_threadsafe(self._rings)
        except Exception as error:  # must reach whoever hears the bell: it will be silent from now on
            self.error = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is interested any more
                loop.call_soon_threadsafe(self._rings)


def _library() -> Any:
    """The part of watchfiles that watches. The package itself also brings what runs programs anew when files change,
    and with that an MiB of other libraries."""
    name = "watchfiles._rust_notify"
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec("watchfiles")
    folders = package.submodule_search_locations if package else None
    spec = importlib.machinery.PathFinder.find_spec(name, folders) if folders else None
    if spec is None or spec.loader is None:
        return importlib.import_module(name)
    library = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return library
