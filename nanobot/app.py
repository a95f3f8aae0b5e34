"""Start, signals, stop: the one place that knows every floor of the house."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nanobot import __version__
from nanobot.conversations.conversations import Conversations
from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub, Phase
from nanobot.lifecycle import core
from nanobot.lifecycle.config_items import ItemFiles
from nanobot.lifecycle.control import Control
from nanobot.lifecycle.edits import CONFIG_APPLIED, Edits
from nanobot.lifecycle.entries import Entries
from nanobot.lifecycle.instance import Instance
from nanobot.lifecycle.loader import Loader
from nanobot.lifecycle.watcher import Watcher
from nanobot.util import collector, heaps

if TYPE_CHECKING:
    from nanobot.lifecycle.logs import Logs

STOP_LIMIT = 60.0  # s for the whole shutdown
RESTART = 100
"""The exit code that asks for a new start, as in Home Assistant; `docs/cli.md` tells service managers of it."""
START_LIMIT = 10.0  # s that clients may have to wait for what begins with the start, such as triggers
SWITCH_EVERY = 0.001  # s; a thread that parses a file lets the loop run so often, instead of every 5 ms
FREEZE_AFTER = 10.0  # s after the start; what is there by then mostly stays

_log = logging.getLogger(__name__)


class App:
    """One hub with everything around it. ``run`` returns when it has stopped."""

    def __init__(
        self,
        config_dir: Path,
        *,
        port: int | None = None,
        logs: Logs | None = None,
        ready: Callable[[Hub], None] = lambda hub: None,
    ) -> None:
        self.config_dir = config_dir
        self.logs = logs
        self.ready = ready
        self.hub = Hub(config_dir)
        self.hub.port_override = port
        self.loader = Loader(config_dir)
        self.entries = Entries(self.hub, self.loader)
        self.edits = Edits(self.hub, self.loader, self.entries)
        self.hub.config_items = ItemFiles(self.hub, self.loader, self.edits)
        self.core = Entry(self.hub, "nanobot", "nanobot", {})
        self._stop = asyncio.Event()
        self.exit_code = 0
        self.started = asyncio.Event()

    def stop(self) -> None:
        """Begin the shutdown."""
        self._stop.set()

    def restart(self) -> None:
        """Begin the shutdown, and ask whoever started the process for another one."""
        self.exit_code = RESTART
        self.stop()

    async def run(self) -> None:
        """Start, run until told to stop, stop in order."""
        self.loader.mount()
        if self.logs is not None:
            self.hub.scrubber = self.logs.scrubber
        self.hub.conversations = Conversations(self.hub)
        self._handle_signals()
        try:
            await self.hub.conversations.open()
            await self._start()
            await self._stop.wait()
        finally:
            await self._shut_down()

    async def _start(self) -> None:
        hub = self.hub
        hub.phase = Phase.STARTING
        hub.run_info.update(pid=os.getpid(), version=__version__, started=hub.clock.time())
        core.offer(self.core, self.edits, self.stop, self.restart)
        hub.entries["nanobot"] = self.core
        control = Control(hub, self.edits, self.stop)
        await control.open(self.core)
        watcher = Watcher(self.config_dir, self._saved, extra=lambda: self.edits.files)
        await watcher.mark()  # an edit made from now on is seen
        self.core.listen(CONFIG_APPLIED, lambda event: watcher.wake())  # other files may be included now
        await self.edits.start()
        hub.bus.fire("homeassistant_start")
        hub.phase, hub.settled = Phase.RUNNING, False
        self.core.turn(EntryState.LOADED)
        await hub.bus.fire_and_wait("homeassistant_started", limit=START_LIMIT)
        hub.settled = True
        hub.conversations.started()
        self.ready(hub)
        self.core.run(watcher.run, name="watcher")
        self.started.set()
        self.core.call_later(FREEZE_AFTER, collector.spare)

    async def _saved(self, paths: frozenset[Path]) -> None:
        self.edits.request()  # not waited for: a save while this one is applied is to be seen at once

    async def _shut_down(self) -> None:
        hub = self.hub
        began = time.monotonic()
        await hub.farewells.say()
        hub.phase = Phase.STOPPING
        try:
            async with asyncio.timeout(STOP_LIMIT):
                hub.bus.fire("homeassistant_stop")
                await self.edits.close()
                await self.core.release()
                await hub.conversations.settle()
                await self.entries.close()
                hub.bus.fire("homeassistant_final_write")
                await hub.conversations.close()
                for tasks in (hub.tasks, hub.services.tasks, hub.bus.tasks):
                    await tasks.cancel(5.0)
        except TimeoutError:
            _log.error("stopping took more than %g s; what is left is cut off", STOP_LIMIT)
        hub.phase = Phase.STOPPED
        hub.bus.fire("homeassistant_close")
        _log.info("stopped in %.1f s", time.monotonic() - began)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            loop.add_signal_handler(signal.SIGTERM, self.stop)
            loop.add_signal_handler(signal.SIGINT, self._interrupted)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
                loop.add_signal_handler(signal.SIGHUP, self._hung_up, _has_terminal())

    def _hung_up(self, had_terminal: bool) -> None:
        """The terminal was closed; where there never was one, a service manager wants an edit to be applied."""
        if had_terminal:
            self.stop()
        else:
            self.edits.request()

    def _interrupted(self) -> None:
        if self._stop.is_set():
            _log.warning("interrupted again: leaving at once")
            os._exit(130)
        self.stop()


def _has_terminal() -> bool:
    try:
        return os.isatty(0)
    except OSError:  # closed
        return False


def run(
    config_dir: Path,
    *,
    port: int | None = None,
    logs: Logs | None = None,
    announce: Callable[[str], None] | None = None,
    ready: Callable[[Hub], None] = lambda hub: None,
) -> int:
    """Run a hub on a folder until it is told to stop; gives the exit code, ``RESTART`` when another start is wanted.

    Raises ``NanobotError`` when another one runs on it.

    ``announce`` shows a text to whoever sits at the terminal; ``ready`` is called once, when all is set up.
    """
    sys.setswitchinterval(SWITCH_EVERY)
    heaps.share()
    with Instance(config_dir) as instance:

        async def main() -> int:
            app = App(config_dir, port=port, logs=logs, ready=ready)
            if announce is not None:
                app.hub.announce = announce
            app.hub.run_info = instance.info(app.hub.run_info)
            await app.run()
            return app.exit_code

        return asyncio.run(main())
