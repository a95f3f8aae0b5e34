"""The commands that run: started, watched, ended."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from functools import partial
from itertools import count

from nanobot.errors import ToolError
from nanobot.hub.entry import Entry
from nanobot.util.aio import in_thread

from . import tree
from .output import Output
from .sandbox import Sandbox

LOOKED_AT_EVERY = 0.1  # s between two looks at how many processes a command has
PIECE = 64 * 1024
ENDED_KEPT = 20  # commands in the background whose end can still be asked for


class Process:
    """One command. ``reason``: why it was ended, where it did not end by itself."""

    def __init__(self, name: str, command: str, child: asyncio.subprocess.Process, max_output: int) -> None:
        self.name = name
        self.command = command
        self.child = child
        self.output = Output(max_output)
        self.began = time.monotonic()
        self.seconds = 0.0
        self.reason = ""
        self.ended = asyncio.Event()

    @property
    def code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self.child.returncode if self.ended.is_set() else None

    def outcome(self) -> str:
        """Where it stands, as a line for the model."""
        if not self.ended.is_set():
            return f"[{self.name} runs for {time.monotonic() - self.began:.0f} s]"
        if self.reason:
            return f"[{self.reason}]"
        code = self.child.returncode or 0
        return f"[exit code {code}, {self.seconds:.1f} s]"


class Processes:
    """All commands of one entry."""

    def __init__(self, entry: Entry, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._entry = entry
        self._running: dict[str, Process] = {}
        self._ended: dict[str, Process] = {}
        self._numbers = count(1)
        self._closed = False

    def names(self) -> list[str]:
        """Of those in the background, also of those that ended."""
        return [*self._ended, *self._running]

    def get(self, name: str) -> Process | None:
        """One in the background."""
        return self._running.get(name) or self._ended.get(name)

    @property
    def running(self) -> int:
        """Commands in the background that have not ended."""
        return len(self._running)

    async def run(self, command: str, *, timeout: float, max_output: int) -> Process:
        """Run a command to its end, or to the end of its time. A cancellation ends it."""
        process = await self._start("", command, max_output)
        await self._follow(process, timeout)
        return process

    async def begin(self, command: str, *, timeout: float, max_output: int) -> Process:
        """Run a command in the background."""
        process = await self._start(f"p{next(self._numbers)}", command, max_output)
        self._running[process.name] = process
        self._entry.spawn(self._in_background(process, timeout), f"command {process.name}")
        return process

    async def end(self, process: Process, reason: str, *, gently: float = 0.0) -> None:
        """End a command and all that came from it."""
        if process.child.returncode is None:
            process.reason = process.reason or reason
            await in_thread(partial(tree.end, process.child.pid, gently=gently))
            await process.child.wait()

    async def end_all(self) -> None:
        """Nothing runs any longer, and nothing begins."""
        self._closed = True
        running = list(self._running.values())
        await asyncio.gather(*(self.end(process, "ended") for process in running))
        for process in running:
            await process.ended.wait()

    async def _in_background(self, process: Process, timeout: float) -> None:
        try:
            await self._follow(process, timeout)
        finally:
            self._running.pop(process.name, None)
            self._ended[process.name] = process
            while len(self._ended) > ENDED_KEPT:
                del self._ended[next(iter(self._ended))]

    async def _start(self, name: str, command: str, max_output: int) -> Process:
        if self._closed:
            raise ToolError("Commands are being switched off.")
        try:
            child = await asyncio.create_subprocess_exec(
                *self.sandbox.argv(command),
                env=self.sandbox.env(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                limit=PIECE,
            )
        except (OSError, ValueError) as error:
            raise ToolError(f"The command could not be started: {error}") from error
        return Process(name, command, child, max_output)

    async def _follow(self, process: Process, timeout: float) -> None:
        """Read what it prints until it ended; end it when it is too long, too large or too many."""
        reading = asyncio.create_task(self._read(process))
        watching = asyncio.create_task(self._watch(process))
        try:
            await asyncio.wait({reading}, timeout=timeout)
            if not reading.done():
                await self.end(process, f"ended after {timeout:g} s, its limit of time")
                await reading
        except BaseException:
            await asyncio.shield(self.end(process, "cut off"))
            raise
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            if not reading.done():
                reading.cancel()
            process.seconds = time.monotonic() - process.began
            process.ended.set()

    async def _read(self, process: Process) -> None:
        stream = process.child.stdout
        assert stream is not None
        while data := await stream.read(PIECE):
            process.output.add(data)
        await process.child.wait()

    async def _watch(self, process: Process) -> None:
        rules = self.sandbox.rules
        while process.child.returncode is None:
            await asyncio.sleep(LOOKED_AT_EVERY)
            now = await in_thread(tree.size, process.child.pid)
            if now.processes > rules.max_processes:
                await self.end(process, f"ended: it had {now.processes} processes, {rules.max_processes} are allowed")
            elif now.memory > rules.max_memory:
                most = rules.max_memory // (1 << 20)
                await self.end(process, f"ended: it took {now.memory // (1 << 20)} MiB of memory, {most} are allowed")
