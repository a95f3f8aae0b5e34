"""What the browser asks for: the page, its texts, and the socket over which everything else goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import voluptuous as vol
from aiohttp import WSCloseCode, WSMsgType, web

from nanobot.contracts.view import Access, View
from nanobot.errors import Busy, NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Fix
from nanobot.hub.web import StaticFolder, context_of, identity_of, language_of, page_texts

from .channel import WebChat
from .client import Client
from .status import Status

MAX_FRAME = 512 * 1024  # bytes
MAX_PAGES = 100  # open at a time, of all devices
MAX_OF_ONE = 50  # with one session or token; the others are for others
HEARTBEAT = 25.0  # s

_ID = vol.All(str, vol.Match(r"\A[A-Za-z0-9_-]{1,64}\Z"))
_SCHEMAS = {
    "open": vol.Schema({vol.Required("chat"): _ID}),
    "message": vol.Schema({vol.Required("chat"): _ID, vol.Required("id"): _ID, vol.Required("text"): str}),
    "stop": vol.Schema({vol.Required("chat"): _ID}),
    "ping": vol.Schema({}),
    "fix": vol.Schema({vol.Required("issue"): str}),
    "restart": vol.Schema({vol.Required("entry"): str}),
}

Handler = Callable[[Client, Mapping[str, Any]], Awaitable[None]]


class ChatViews:
    """All of them need a credential that may use the hub."""

    def __init__(self, entry: Entry, channel: WebChat, status: Status) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._channel = channel
        self._status = status
        self._www = StaticFolder(Path(__file__).parent / "www")
        self._handlers: dict[str, Handler] = {
            "open": self._open,
            "message": self._message,
            "stop": self._stop,
            "ping": self._ping,
            "fix": self._fix,
            "restart": self._restart,
        }

    def views(self) -> list[View]:
        """All of them."""
        return [
            self._www.page("/", "index.html", Access.USER),
            self._www.view("/webchat/www", Access.USER),
            View("GET", "/webchat/texts", Access.USER, self.texts),
            View("GET", "/webchat/ws", Access.USER, self.socket, websocket=True),
        ]

    async def texts(self, request: web.Request) -> web.Response:
        """The words of the page, in the language of the browser."""
        return page_texts(request, "webchat", self._hub.language)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Serve one page until it leaves."""
        identity = identity_of(request)
        assert identity is not None
        if self._channel.pages >= MAX_PAGES:
            raise Busy(f"{MAX_PAGES} pages are open already; close one of them")
        if self._channel.pages_of(identity.id) >= MAX_OF_ONE:
            raise Busy(f"you have {MAX_OF_ONE} pages open already; close one of them")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_FRAME)
        await socket.prepare(request)
        client = Client(socket, identity, context_of(request), language_of(request, self._hub.language))
        writer = self._entry.spawn(client.write(), "page")
        self._channel.join(client)
        try:
            client.tell(self._status.of(client))
            await self._serve(client)
        finally:
            self._channel.leave(client)
            writer.cancel()
        return socket

    # -- what a page may say --------------------------------------------------------------------

    async def _serve(self, client: Client) -> None:
        async for frame in client.socket:
            if frame.type is not WSMsgType.TEXT or client.cut:
                return
            try:
                data = orjson.loads(frame.data)
                kind = data.pop("type")
                handler, data = self._handlers[kind], _SCHEMAS[kind](data)
            except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError, vol.Invalid):
                await client.close(WSCloseCode.POLICY_VIOLATION, "not understood")
                return
            try:
                await handler(client, data)
            except NanobotError as error:
                client.tell({"type": "error", "text": self._hub.scrubber.scrub(str(error))})

    async def _open(self, client: Client, data: Mapping[str, Any]) -> None:
        await self._channel.open_chat(client, data["chat"])

    async def _message(self, client: Client, data: Mapping[str, Any]) -> None:
        await self._channel.take(client, data["chat"], data["id"], data["text"])

    async def _stop(self, client: Client, data: Mapping[str, Any]) -> None:
        await self._channel.stop(data["chat"])

    async def _ping(self, client: Client, data: Mapping[str, Any]) -> None:
        client.tell({"type": "pong"})

    async def _fix(self, client: Client, data: Mapping[str, Any]) -> None:
        _require_admin(client)
        issue = self._hub.issues.get(data["issue"])
        if issue is not None and issue.fix is not None:
            # owned by the hub: it may well unload this integration
            self._hub.tasks.spawn(_run(issue.fix), f"fix {issue.id}")

    async def _restart(self, client: Client, data: Mapping[str, Any]) -> None:
        _require_admin(client)
        await self._hub.services.call(
            "nanobot", "reload", {"entry": data["entry"]}, context=client.context, blocking=False
        )


def _require_admin(client: Client) -> None:
    if not client.identity.may(Access.ADMIN):
        raise NanobotError(f"this takes the access 'admin', and {client.identity.name} has less")


async def _run(fix: Fix) -> None:
    await fix.run()
