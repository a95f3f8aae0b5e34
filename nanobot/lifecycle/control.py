"""The local door to a running hub: a unix socket for the command line, one JSON object per line.

    {"id": 1, "command": "status", "data": {}}     from the client; ids are its own
    {"id": 1, "result": …}                         the end of a command
    {"id": 1, "error": "a sentence"}               or its failure; "unknown": true when there is no such command
    {"id": 1, "event": {…}}                        what a command sends of its own accord, also after its result

Whoever may open the socket is the owner: it is readable by one user alone, and the peer's user id is checked as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import voluptuous as vol

from nanobot.contracts.command import Command, Connection
from nanobot.errors import NanobotError, StorageError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.lifecycle.edits import Edits
from nanobot.lifecycle.pairing import pairing_commands
from nanobot.lifecycle.report import core_commands
from nanobot.storage.files import make_private
from nanobot.util.aio import Tasks, settle
from nanobot.util.text import nearest

MAX_LINE = 1024 * 1024  # bytes of one request
MAX_UNSENT = 4 * 1024 * 1024  # bytes a client may be behind before it is dropped
MAX_AT_ONCE = 64  # commands of one client in progress
SLOW = 10.0  # s a client may take to read an answer
MAX_PATH = 100 if sys.platform == "darwin" else 104  # bytes that fit into sun_path, and one to spare

_log = logging.getLogger(__name__)


class UnknownCommand(NanobotError):
    """Nobody offers it: perhaps the integration that does is not configured."""


class Control:
    """The socket and who is connected to it."""

    def __init__(self, hub: Hub, edits: Edits, stop: Callable[[], None]) -> None:
        self.hub = hub
        self.path: Path | None = None
        self._edits = edits
        self._stop = stop
        self._clients: set[Client] = set()
        self._tasks = Tasks("control")

    async def open(self, entry: Entry) -> None:
        """Listen until ``entry`` is released. A folder in which no socket can be made is logged; the hub runs on."""
        for command in (*core_commands(self.hub, self._edits, self._stop), *pairing_commands(self.hub)):
            entry.add(command)
        if not hasattr(socket, "AF_UNIX"):
            _log.warning("this system has no unix sockets: `nanobot status`, `chat` and `reload` cannot reach the hub")
            return
        try:
            path = socket_path(self.hub.config_dir)
            server = await self._listen(path)
        except (OSError, StorageError) as error:
            _log.error("the control socket cannot be opened (%s): `nanobot status` and `chat` will not work", error)
            return
        self.path = path

        async def close() -> None:
            server.close()
            for client in list(self._clients):
                client.close()
            await self._tasks.cancel(2.0)
            with contextlib.suppress(OSError):
                path.unlink()

        entry.on_unload(close)
        self.hub.run_info["socket"] = str(path)

    async def _listen(self, path: Path) -> asyncio.Server:
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - of a hub that was killed: we hold the folder's lock
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mask = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(mask)
            listener.setblocking(False)
            return await asyncio.start_unix_server(self._connected, sock=listener, limit=MAX_LINE)
        except BaseException:
            listener.close()
            raise

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = peer_uid(writer.get_extra_info("socket"))
        if uid not in (None, 0, os.getuid()):
            _log.warning("a process of another user (%s) was turned away from the control socket", uid)
            writer.close()
            return
        client = Client(self.hub, reader, writer)
        self._clients.add(client)
        task = self._tasks.spawn(client.serve(), "control client")
        task.add_done_callback(lambda _: self._clients.discard(client))


class Client:
    """One connected process."""

    def __init__(self, hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hub = hub
        self._reader = reader
        self._writer = writer
        self._tasks = Tasks("control command")
        self._undo: list[Callable[[], Any]] = []
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._closed = False

    async def serve(self) -> None:
        """Take commands until the client is gone."""
        try:
            while line := await self._reader.readline():
                if not line.strip():
                    continue
                await self._slots.acquire()
                task = self._tasks.spawn(self._answer(line), "control command")
                task.add_done_callback(lambda _: self._slots.release())
        except ValueError:  # readline: the line is longer than the limit
            await self.write({"id": None, "error": f"a line may have {MAX_LINE} bytes at most"})
        except ConnectionError:
            pass
        finally:
            self.close()
            await self._tasks.cancel(5.0)
            for undo in reversed(self._undo):
                try:
                    await settle(undo())
                except Exception:  # one subscriber's mistake must not keep the others from being undone
                    _log.exception("a command could not be undone")

    def close(self) -> None:
        """Hang up, after what was written is sent."""
        self._closed = True
        self._writer.close()

    def on_close(self, undo: Callable[[], Any]) -> None:
        """See ``Connection.on_close``."""
        self._undo.append(undo)

    async def write(self, message: Mapping[str, Any]) -> None:
        """Send one line. A client that does not read is dropped."""
        if self._closed:
            return
        transport = self._writer.transport
        try:
            self._writer.write(orjson.dumps(message, default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n")
            if transport.get_write_buffer_size() > MAX_UNSENT:
                raise TimeoutError
            async with asyncio.timeout(SLOW):
                await self._writer.drain()
        except (TimeoutError, ConnectionError):
            self._closed = True
            transport.abort()

    async def _answer(self, line: bytes) -> None:
        number: Any = None
        try:
            request = orjson.loads(line)
            if not isinstance(request, dict) or not isinstance(request.get("command"), str):
                raise NanobotError('a request looks like {"id": 1, "command": "status", "data": {}}')
            number = request.get("id")
            result = await self._call(number, request["command"], request.get("data") or {})
            await self.write({"id": number, "result": result})
        except orjson.JSONDecodeError as error:
            await self.write({"id": None, "error": f"not JSON: {error}"})
        except UnknownCommand as error:
            await self.write({"id": number, "error": str(error), "unknown": True})
        except NanobotError as error:
            await self.write({"id": number, "error": self.hub.scrubber.scrub(str(error))})
        except Exception as error:  # a fault in one command must not cost the client its connection
            _log.exception("a command of the control socket failed")
            text = self.hub.scrubber.scrub(f"it failed unexpectedly: {type(error).__name__}: {error}")
            await self.write({"id": number, "error": text})

    async def _call(self, number: Any, name: str, data: Any) -> Any:
        command = self.hub.commands.get(name)
        if command is None:
            near = nearest(name, self.hub.commands.names())
            raise UnknownCommand(f"there is no command '{name}'" + (f"; did you mean '{near}'?" if near else ""))
        return await run_command(command, _Call(self, number), data)


class _Call(Connection):
    """The connection as one command sees it: what it sends carries the number of the request."""

    def __init__(self, client: Client, number: Any) -> None:
        self.context = Context(actor="user", user_id=client.hub.credentials.owner_id)
        self._client = client
        self._number = number

    async def send(self, message: Mapping[str, Any]) -> None:
        await self._client.write({"id": self._number, "event": message})

    def on_close(self, undo: Callable[[], Any]) -> None:
        self._client.on_close(undo)


async def run_command(command: Command, connection: Connection, data: Any) -> Any:
    """Check the data of a command and run it. Raises ``NanobotError`` with a sentence."""
    if not isinstance(data, Mapping):
        raise NanobotError(f"the data of '{command.name}' must be an object")
    if command.schema is not None:
        try:
            data = command.schema(dict(data))
        except vol.Invalid as error:
            raise NanobotError(f"{command.name}: {error}") from error
    return await command.handler(connection, data)


def socket_path(config_dir: Path) -> Path:
    """Where the socket of a hub on this folder is: inside it, or in a short private folder when that is too long."""
    path = config_dir.resolve() / ".storage" / "hub.sock"
    if len(os.fsencode(path)) <= MAX_PATH:
        make_private(path.parent)
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    candidates = [Path(runtime) / "nanobot"] if runtime else []
    candidates.append(Path(tempfile.gettempdir()) / f"nanobot-{os.getuid()}")
    for folder in candidates:
        with contextlib.suppress(OSError):
            _own(folder)
            if len(os.fsencode(folder / f"{name}.sock")) <= MAX_PATH:
                return folder / f"{name}.sock"
    raise StorageError(f"no folder for it is short enough: the path of {config_dir} is too long")


def _own(folder: Path) -> None:
    """Make a private folder, or make sure that it is one: others may write to its parent."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} does not belong to you alone")


def peer_uid(connection: Any) -> int | None:
    """The user at the other end; None where the system does not tell."""
    if hasattr(socket, "SO_PEERCRED"):
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", data)[1])
    if sys.platform == "darwin":  # LOCAL_PEERCRED of SOL_LOCAL: struct xucred, <sys/ucred.h>
        return int(struct.unpack("2I", connection.getsockopt(0, 0x001, 76)[:8])[1])
    return None
