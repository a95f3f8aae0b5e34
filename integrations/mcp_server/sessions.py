"""The sessions of each credential: nobody finds those of another, and all of them end with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from nanobot.errors import Busy
from nanobot.hub.entry import Entry
from nanobot.storage.credentials import Identity

MAX_CREDENTIALS = 100


class _Own:
    """The sessions of one credential, in a task that owns what the SDK runs for them."""

    def __init__(self, entry: Entry, manager: StreamableHTTPSessionManager) -> None:
        self.manager = manager
        self.guests = 0
        """Requests that are being answered."""
        self.last = 0.0
        """When one was last, by the loop's time."""
        self._ready = asyncio.get_running_loop().create_future()
        self._task = entry.spawn(self._run(), "sessions")

    async def ready(self) -> None:
        """Wait until it takes requests."""
        await asyncio.shield(self._ready)

    def end(self) -> None:
        """Whoever waits for an answer gets none."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            async with self.manager.run():
                self._ready.set_result(None)
                await asyncio.get_running_loop().create_future()  # until it is cancelled
        finally:
            self._ready.cancel()


class Sessions:
    """One manager of the SDK for each credential that has come."""

    def __init__(self, entry: Entry, server: Server[Any], *, max_body: int) -> None:
        self._entry = entry
        self._server = server
        self._max_body = max_body
        self._timeout: float = entry.config["session_timeout"].total_seconds()
        self._by_credential: dict[str, _Own] = {}
        entry.on_unload(entry.hub.credentials.watch(self._revoked))

    @asynccontextmanager
    async def of(self, identity: Identity) -> AsyncIterator[StreamableHTTPSessionManager]:
        """The sessions of a credential, which are kept while this lasts. Raises ``Busy``."""
        own = self._by_credential.get(identity.id)
        if own is None:
            self._make_room()
            own = self._by_credential[identity.id] = _Own(self._entry, self._manager())
        own.guests += 1
        try:
            await own.ready()
            yield own.manager
        finally:
            own.guests -= 1
            own.last = asyncio.get_running_loop().time()

    def _manager(self) -> StreamableHTTPSessionManager:
        return StreamableHTTPSessionManager(
            self._server,
            json_response=True,
            session_idle_timeout=self._timeout,
            max_request_body_size=self._max_body,
            max_sessions=self._entry.config["max_sessions"],
        )

    def _make_room(self) -> None:
        """For one more: those go whose sessions have all timed out."""
        if len(self._by_credential) < MAX_CREDENTIALS:
            return
        silent_since = asyncio.get_running_loop().time() - self._timeout
        for key, own in list(self._by_credential.items()):
            if not own.guests and own.last < silent_since:
                self._revoked(frozenset({key}))
        if len(self._by_credential) >= MAX_CREDENTIALS:
            raise Busy(f"{MAX_CREDENTIALS} tokens have sessions here already; try again later")

    def _revoked(self, ids: frozenset[str]) -> None:
        for key in ids:
            own = self._by_credential.pop(key, None)
            if own is not None:
                own.end()
