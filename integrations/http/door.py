"""How many connections there may be, and how long one may say nothing: open files are few, and the hub needs them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MAX_CONNECTIONS = 400
SILENT_FOR = 20.0  # s until the first request has to be there, its headers at least

STUCK_FOR = 30.0  # s in which a client reads nothing of what waits for it
LOOKS = 4  # in that time

_log = logging.getLogger("nanobot.http")


class Door:
    """Makes the protocol of each connection. When the house is full, one of those leaves for whom nothing is done."""

    def __init__(self, runner: web.ServerRunner) -> None:
        self._runner = runner
        self._silent: dict[Any, asyncio.TimerHandle] = {}
        self.most = MAX_CONNECTIONS
        self.silent_for = SILENT_FOR
        self.stuck_for = STUCK_FOR
        self._stuck: dict[Any, tuple[int, float]] = {}
        """How many bytes waited there, and since when it has been as many."""
        self._next = 0.0

    def admit(self) -> asyncio.Protocol:
        """What asyncio calls for each connection."""
        server = self._runner.server
        assert server is not None
        if len(server.connections) >= self.most:
            leaving = self._least_busy(server.connections)
            if leaving is None:
                return _Refused()
            self._turn_out(leaving)
        protocol = server()
        loop = asyncio.get_running_loop()
        self._silent[protocol] = loop.call_later(self.silent_for, self._turn_out, protocol)
        return protocol

    def _least_busy(self, connections: Iterable[Any]) -> Any:
        """Who makes room: who has asked for nothing, then who asks for nothing more, then who is slow to ask."""
        if self._silent:
            return next(iter(self._silent))
        idle = min((one for one in connections if one.is_idle), key=lambda one: one.idle_until, default=None)
        return idle or next((one for one in connections if one.is_slow), None)

    def heard(self, protocol: Any) -> None:
        """A request has arrived there."""
        timer = self._silent.pop(protocol, None)
        if timer is not None:
            timer.cancel()

    def look(self) -> None:
        """Cut off those who take nothing of what was written to them: a connection is not for waiting."""
        now = asyncio.get_running_loop().time()
        server = self._runner.server
        if server is None or now < self._next:
            return
        self._next = now + self.stuck_for / LOOKS
        before, self._stuck = self._stuck, {}
        for protocol in server.connections:
            transport = protocol.transport
            waiting = 0 if transport is None else transport.get_write_buffer_size()
            if transport is None or not waiting:
                continue
            size, since = before.get(protocol, (0, now))
            if size == waiting and now - since >= self.stuck_for:
                _log.warning("a client was cut off that read nothing for %g s", self.stuck_for)
                transport.abort()
            else:
                self._stuck[protocol] = (waiting, since if size == waiting else now)

    def _turn_out(self, protocol: Any) -> None:
        self.heard(protocol)
        protocol.force_close()


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class ProtocolLog(logging.LoggerAdapter[logging.Logger]):
    """What is no HTTP (a port scan, TLS where there is none) is the sender's mistake: no traceback in our log."""

    def __init__(self) -> None:
        super().__init__(_log, {})

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        if isinstance(exc_info, (HttpProcessingError, web.RequestPayloadError)):
            _log.debug("what came from %s is no HTTP: %s", *args[:1], exc_info)
        else:
            super().exception(msg, *args, exc_info=exc_info, **more)
