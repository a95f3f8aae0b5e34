"""The other end of the control socket: how a command talks to the running hub."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from nanobot.cli import NOT_RUNNING
from nanobot.cli.words import say, start_command
from nanobot.errors import NanobotError
from nanobot.lifecycle.instance import holder, read_info

MAX_LINE = 64 * 1024 * 1024


class NotRunning(NanobotError):
    """There is no hub to talk to."""

    exit_code = NOT_RUNNING


class Gone(NotRunning):
    """The hub hung up."""


class UnknownCommand(NanobotError):
    """The hub does not offer that: the integration that does is not configured, or the hub is another version."""


class Client:
    """``async with Client(folder) as client: await client.call("status")``."""

    def __init__(self, config_dir: Path) -> None:
        self.config_dir = config_dir
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[Mapping[str, Any] | None]] = {}
        self._told: dict[int, Callable[[Mapping[str, Any]], None]] = {}
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Client:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Raises ``NotRunning`` with a sentence that says what to do."""
        info = read_info(self.config_dir)
        if info is None or not info.get("socket"):
            pid = holder(self.config_dir)
            if pid is not None:
                raise NotRunning(say("client.starting", pid=pid or "?", folder=self.config_dir))
            raise self._not_running()
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(info["socket"], limit=MAX_LINE)
        except OSError as error:
            raise self._not_running() from error
        self._reading = asyncio.create_task(self._read(), name="control client")

    async def close(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def call(
        self,
        command: str,
        data: Mapping[str, Any] | None = None,
        *,
        told: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> Any:
        """The result of a command; ``told`` is called with each event that it sends before that.

        Raises ``NanobotError`` with the hub's sentence, ``Gone`` when it hangs up.
        """
        number = next(self._ids)
        if told is not None:
            self._told[number] = told
        try:
            return await self._send(number, command, data)
        finally:
            self._told.pop(number, None)

    async def subscribe(self, command: str, data: Mapping[str, Any] | None = None) -> tuple[Any, Events]:
        """The result of a command, and the events it sends from then on."""
        number = next(self._ids)
        queue = self._events[number] = asyncio.Queue()
        result = await self._send(number, command, data)
        return result, Events(queue)

    async def _send(self, number: int, command: str, data: Mapping[str, Any] | None) -> Any:
        if self._writer is None or self._reading is None or self._reading.done():
            raise Gone(say("client.gone"))
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "command": command, "data": dict(data or {})}
        try:
            self._writer.write(orjson.dumps(request) + b"\n")
            await self._writer.drain()
            return await future
        except OSError as error:
            raise Gone(say("client.gone")) from error
        finally:
            self._answers.pop(number, None)

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(orjson.loads(line))
        except (OSError, ValueError):  # cut off in the middle of a line
            pass
        finally:
            for future in self._answers.values():
                if not future.done():
                    future.set_exception(Gone(say("client.gone")))
            for queue in self._events.values():
                queue.put_nowait(None)

    def _take(self, message: Mapping[str, Any]) -> None:
        number = message.get("id")
        if "event" in message:
            if number in self._told:
                self._told[number](message["event"])
            queue = self._events.get(number)  # type: ignore[arg-type]
            if queue is not None:
                queue.put_nowait(message["event"])
            return
        future = self._answers.get(number)  # type: ignore[arg-type]
        if future is None or future.done():
            return
        if message.get("unknown"):
            future.set_exception(UnknownCommand(str(message["error"])))
        elif "error" in message:
            future.set_exception(NanobotError(str(message["error"])))
        else:
            future.set_result(message.get("result"))

    def _not_running(self) -> NotRunning:
        return NotRunning(say("client.not_running", folder=self.config_dir, command=start_command(self.config_dir)))


class Events:
    """What a subscription sends. ``next()`` raises ``Gone`` when the hub has hung up."""

    def __init__(self, queue: asyncio.Queue[Mapping[str, Any] | None]) -> None:
        self._queue = queue

    async def next(self) -> Mapping[str, Any]:
        """Wait for the next one."""
        event = await self._queue.get()
        if event is None:
            self._queue.put_nowait(None)
            raise Gone(say("client.gone"))
        return event


def ask(config_dir: Path, command: str, data: Mapping[str, Any] | None = None) -> Any:
    """One command to the hub on a folder, for those who have no event loop."""

    async def once() -> Any:
        async with Client(config_dir) as client:
            return await client.call(command, data)

    return asyncio.run(once())
