"""The ways back to clients: what is told to each session, and to each that asks for a stream of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from mcp import types
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ServerEvent

from nanobot.errors import Busy
from nanobot.hub.entry import Entry
from nanobot.storage.credentials import Identity

from .caller import Caller, Ctx, caller_of
from .changes import Changes, Listening
from .resources import Resources

MAX_SUBSCRIBED = 1_000  # resources of one client


class Channel:
    """What one session has not been told yet. Of each change one is kept, also while no stream is open."""

    def __init__(self, caller: Caller, changes: Changes) -> None:
        self.caller = caller
        self.ended = False
        self.is_open = False
        """A stream tells the client."""
        self.listening: Listening = changes.listen(caller, self._tell)
        self._pending: dict[ServerEvent, None] = {}
        self._wake = asyncio.Event()

    def end(self) -> None:
        """The session is over."""
        self.ended = True
        self.listening.end()
        self._wake.set()

    async def take(self, within: float) -> list[ServerEvent]:
        """What is to be told next; nothing after ``within`` seconds, or at the end."""
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            return []
        self._wake.clear()
        pending = list(self._pending)
        self._pending.clear()
        return pending

    def _tell(self, event: ServerEvent) -> None:
        self._pending[event] = None
        self._wake.set()


class Channels:
    """Of clients with a session, and of those without (MCP 2026-07-28), which ask for one and get a stream at once."""

    def __init__(self, entry: Entry, changes: Changes, resources: Resources) -> None:
        self._changes = changes
        self._resources = resources
        self._by_session: dict[str, Channel] = {}
        self._handlers: set[ListenHandler] = set()
        self._streams: Counter[str] = Counter()
        self._most: int = entry.config["max_sessions"]
        entry.on_unload(self._close)

    def of(self, identity: Identity, session: str) -> Channel | None:
        """That of a session which has begun."""
        channel = self._by_session.get(session)
        return channel if channel is not None and channel.caller.identity.id == identity.id else None

    @contextmanager
    def stream(self, identity: Identity) -> Iterator[None]:
        """Count one stream while this lasts. Raises ``Busy``."""
        if self._streams[identity.id] >= self._most:
            raise Busy(f"this token has {self._most} streams open, and more are not opened")
        self._streams[identity.id] += 1
        try:
            yield
        finally:
            self._streams[identity.id] -= 1
            if not self._streams[identity.id]:
                del self._streams[identity.id]

    # -- what the SDK calls -----------------------------------------------------------------------

    async def begun(self, ctx: Ctx, params: types.NotificationParams | None) -> None:
        """The client is ready for what it is told. The SDK ends this with the session."""
        session = _session_of(ctx)
        if session in self._by_session:
            return
        channel = self._by_session[session] = Channel(caller_of(ctx), self._changes)
        try:
            await asyncio.get_running_loop().create_future()  # until it is cancelled
        finally:
            del self._by_session[session]
            channel.end()

    async def subscribe(self, ctx: Ctx, params: types.SubscribeRequestParams) -> types.EmptyResult:
        """Tell this session of a resource as well."""
        caller, uri = caller_of(ctx), str(params.uri)
        self._resources.check(caller, uri)
        channel = self.of(caller.identity, _session_of(ctx))
        if channel is None:
            raise MCPError(types.INVALID_REQUEST, "send notifications/initialized first")
        _check_number(len(channel.listening.uris))
        channel.listening.subscribe(uri)
        return types.EmptyResult()

    async def unsubscribe(self, ctx: Ctx, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        """No longer."""
        channel = self.of(caller_of(ctx).identity, _session_of(ctx))
        if channel is not None:
            channel.listening.unsubscribe(str(params.uri))
        return types.EmptyResult()

    async def listen(self, ctx: Ctx, params: types.SubscriptionsListenRequestParams) -> types.SubscriptionsListenResult:
        """One stream of a client without a session, for as long as it lasts."""
        caller, uris = caller_of(ctx), params.notifications.resource_subscriptions or ()
        _check_number(len(uris) - 1)
        handler = ListenHandler(_Of(self._changes, caller, [str(uri) for uri in uris]))
        try:
            with self.stream(caller.identity):
                self._handlers.add(handler)
                return await handler(ctx, params)
        except Busy as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error
        finally:
            self._handlers.discard(handler)

    def _close(self) -> None:
        for handler in self._handlers:
            handler.close()


class _Of:
    """The changes that one client may know of, as the SDK wants to be given them."""

    def __init__(self, changes: Changes, caller: Caller, uris: Collection[str]) -> None:
        self._changes = changes
        self._caller = caller
        self._uris = uris

    async def publish(self, event: ServerEvent) -> None:
        raise NotImplementedError("what changes is told by the hub")

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        listening = self._changes.listen(self._caller, listener)
        for uri in self._uris:
            listening.subscribe(uri)
        return listening.end


def _check_number(subscribed: int) -> None:
    if subscribed >= MAX_SUBSCRIBED:
        raise MCPError(types.INVALID_PARAMS, f"{MAX_SUBSCRIBED} resources are as many as a client may subscribe to")


def _session_of(ctx: Ctx) -> str:
    assert ctx.request is not None
    return str(ctx.request.headers.get("mcp-session-id", ""))
