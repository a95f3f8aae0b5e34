"""The listening sockets: opened, moved to another port without cutting anybody off, and closed."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web

from nanobot.errors import ConfigError, NotReady
from nanobot.util.aio import in_thread

from .dispatch import Dispatcher
from .door import Door, ProtocolLog
from .guard import is_loopback
from .prompt import PromptServer

SHUTDOWN_LIMIT = 2.0  # s for requests in progress when the server closes
BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. ``port`` 0 takes any free one."""

    hosts: tuple[str, ...]
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return all(is_loopback(host) for host in self.hosts)


class Server:
    """One server whose every request goes to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, max_body_bytes: int) -> None:
        self.dispatcher = dispatcher
        server = PromptServer(dispatcher, max_body_bytes, access_log=None, keepalive_timeout=75, logger=ProtocolLog())
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=SHUTDOWN_LIMIT)
        self._door = Door(self._runner)
        dispatcher.heard = self._door.heard
        self._listeners: list[asyncio.Server] = []
        self.address: Address | None = None
        self.port = 0
        """The port in use."""

    async def open(self, address: Address) -> None:
        """Listen there, and then no longer at the address before. Connections that are open stay open.

        Raises ``NotReady`` when the address is in use or not there yet, ``ConfigError`` when it can never work.
        """
        if self._runner.server is None:
            await self._runner.setup()
        context = await in_thread(_tls, address)
        if self._is_here(address):
            self.address = address
            return
        before = self.address
        if before is None or address.port != self.port:
            await self._listen(address, context)
            return
        # the port is our own: it has to be free before it can be taken for other hosts or with another certificate
        self._stop()
        try:
            await self._listen(address, context)
        except (ConfigError, NotReady):
            await self._listen(replace(before, port=self.port), await in_thread(_tls, before))
            self.address = before
            raise

    def _is_here(self, address: Address) -> bool:
        """Whether it listens there already, as when the port that 0 gave is written down."""
        return self.address is not None and replace(self.address, port=self.port) == address

    async def _listen(self, address: Address, context: ssl.SSLContext | None) -> None:
        sockets = await in_thread(_bind, address)
        old, self._listeners = self._listeners, []
        loop = asyncio.get_running_loop()
        for bound in sockets:
            listener = await loop.create_server(self._door.admit, sock=bound, ssl=context, backlog=BACKLOG)
            self._listeners.append(listener)
        for listener in old:
            listener.close()
        self.address = address
        self.port = sockets[0].getsockname()[1]

    def look(self) -> None:
        """Cut off whoever has not read for long. To be called now and then."""
        self._door.look()

    def _stop(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    @property
    def url(self) -> str:
        """How a browser on this machine reaches it."""
        assert self.address is not None
        scheme = "https" if self.address.certificate else "http"
        host = self.address.hosts[0]
        if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
            host = "127.0.0.1"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def close(self) -> None:
        """Stop listening, say goodbye to those who are connected, and cut off those who do not leave."""
        self._stop()
        await self.dispatcher.live.close()
        await self._runner.cleanup()


def _tls(address: Address) -> ssl.SSLContext | None:
    if address.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(address.certificate, address.key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"the certificate {address.certificate.name} cannot be used: {reason}") from error
    return context


def _bind(address: Address) -> list[socket.socket]:
    """One listening socket for each host; all or none. Several hosts with port 0 share the port of the first."""
    bound: list[socket.socket] = []
    port = address.port
    try:
        for host in address.hosts:
            for family, _, _, _, target in _resolved(host, port):
                one = _listening(family, target)
                bound.append(one)
                port = one.getsockname()[1]
    except BaseException:
        for one in bound:
            one.close()
        raise
    return bound


def _resolved(host: str, port: int) -> Iterable[tuple[int, int, int, str, tuple[str, int]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise NotReady(f"there is no address named {host} ({error.strerror})") from error
    return found[:1]  # type: ignore[return-value]  # one address for each name


def _listening(family: int, target: tuple[str, int]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "AF_INET6") and family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would let others take the port
            one.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(target)
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError as error:
        one.close()
        host, port = target[:2]
        if error.errno == errno.EADDRINUSE:
            raise NotReady(
                f"port {port} on {host} is in use by another program; stop that one, or choose another port with "
                "http > port or --port"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise ConfigError(f"port {port} may not be used by this account; choose one above 1023") from error
        raise NotReady(f"nothing can listen on {host}, port {port}: {error.strerror or error}") from error
    return one


async def open_patiently(server: Server, address: Address) -> None:
    """Like ``open``, but wait a moment for a port that its last owner is just leaving (a restart)."""
    for delay in (0.05, 0.1, 0.2):
        try:
            await server.open(address)
        except NotReady:
            await asyncio.sleep(delay)
        else:
            return
    await server.open(address)
