"""The channel between the pages and the hub's conversations.

A chat is a conversation that one or more pages look at. The hub keeps what was said, so a message counts as sent as
soon as the open pages have it: one that is closed asks for the history when it comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode

from nanobot.contracts.channel import Channel, Incoming, Limits, Outgoing, Receipt, Receive
from nanobot.contracts.view import Access
from nanobot.conversations.history import Line
from nanobot.errors import Busy, NotReady, Refused, StorageError
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.util.dt import iso

from .client import Client

HISTORY = 100  # messages that a page gets when it opens a chat
MAX_TEXT = 64_000  # characters of one message to nanobot
MAX_STREAM = 200_000  # characters of an answer in the making that a page which comes late is given


@dataclass(slots=True)
class Running:
    """A turn in progress and what it has said so far."""

    turn: str
    text: str = ""


class WebChat(Channel):
    """All pages of all devices. Whoever gets here has signed in, so everybody is let in."""

    limits = Limits(characters=200_000)
    idempotent = True  # the page drops a message whose id it has

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.id, allow=frozenset({"*"}))
        self._entry = entry
        self._hub = entry.hub
        self._clients: set[Client] = set()
        self._running: dict[str, Running] = {}
        self._receive: Receive | None = None
        for event, callback in (
            ("turn_started", self._turn_started),
            ("turn_progress", self._turn_progress),
            ("turn_finished", self._turn_finished),
        ):
            entry.listen(event, callback, filter=self._is_mine)

    # -- the channel ----------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Pages bring their messages themselves; while this runs there is somebody to give them to."""
        self._receive = receive
        try:
            await asyncio.Event().wait()
        finally:
            self._receive = None

    async def send(self, message: Outgoing) -> Receipt:
        """Show it on the pages that look at the chat."""
        line = {
            "type": "message",
            "chat": message.chat,
            "id": message.id,
            "from": "nanobot",
            "text": message.text,
            "time": iso(self._hub.clock.time()),
            "answers": message.answers,
        }
        self._tell(message.chat, line)
        return Receipt(message.id)

    async def typing(self, chat: str, thread: str | None = None) -> None:
        """Shown for a few seconds; also on a page that did not see the turn begin."""
        self._tell(chat, {"type": "typing", "chat": chat})

    # -- the pages ------------------------------------------------------------------------------

    @property
    def pages(self) -> int:
        """How many are open."""
        return len(self._clients)

    def pages_of(self, identity_id: str) -> int:
        """How many somebody has open."""
        return sum(client.identity.id == identity_id for client in self._clients)

    def join(self, client: Client) -> None:
        """A page has connected."""
        self._clients.add(client)

    def leave(self, client: Client) -> None:
        """It is gone."""
        self._clients.discard(client)

    def tell_all(self, make: Any) -> None:
        """Tell every page ``make(client)``."""
        for client in list(self._clients):
            client.tell(make(client))

    async def open_chat(self, client: Client, chat: str) -> None:
        """Have a page look at a chat, and give it what was said there."""
        client.chat = chat
        session = self.session_of(chat)
        lines = [self._line(item) for item in await self._hub.conversations.history(session, HISTORY)]
        running = self._running.get(chat)
        turn = {"turn": running.turn, "text": running.text} if running else None
        client.tell({"type": "opened", "chat": chat, "messages": lines, "turn": turn})

    async def take(self, client: Client, chat: str, message_id: str, text: str) -> None:
        """A message from a page. The page hears that it is kept, or why it is not; until then it sends it again."""
        about = {"chat": chat, "id": message_id}
        if len(text) > MAX_TEXT:
            client.tell({"type": "refused", **about, "reason": "too_long"})
            return
        if self._receive is None:
            client.tell({"type": "wait", **about})
            return
        incoming = Incoming(
            chat=chat,
            sender=client.identity.user_id,
            text=text,
            message_id=message_id,
            session=self.session_of(chat),
            language=client.language,
            owner=client.identity.may(Access.ADMIN),
        )
        time = iso(self._hub.clock.time())  # before that of an answer that comes at once
        try:
            await self._receive(incoming)
        except Busy as error:
            client.tell({"type": "refused", **about, "reason": "busy", "text": str(error)})
        except Refused as error:
            client.tell({"type": "refused", **about, "reason": "refused", "text": str(error)})
        except (StorageError, NotReady) as error:
            client.tell({"type": "wait", **about, "text": str(error)})
        else:
            client.tell({"type": "kept", **about, "time": time})
            line = {"type": "message", **about, "from": "you", "text": text, "time": time}
            self._tell(chat, line, but=client)

    async def stop(self, chat: str) -> None:
        """Stop the answer that is being written."""
        await self._hub.conversations.stop(self.session_of(chat))

    async def close(self) -> None:
        """Say goodbye to all pages; they come back by themselves."""
        clients = list(self._clients)
        self._clients.clear()
        if clients:
            await asyncio.gather(*(client.close(WSCloseCode.SERVICE_RESTART, "back in a moment") for client in clients))

    def session_of(self, chat: str) -> str:
        """The session of a chat."""
        return f"{self.name}:{chat}"

    # -- inside ---------------------------------------------------------------------------------

    def _tell(self, chat: str, message: Mapping[str, Any], *, but: Client | None = None) -> None:
        for client in self._looking_at(chat):
            if client is not but:
                client.tell(message)

    def _looking_at(self, chat: str) -> Iterator[Client]:
        return (client for client in list(self._clients) if client.chat == chat)

    def _is_mine(self, data: Mapping[str, Any]) -> bool:
        return data.get("channel") == self.name

    def _turn_started(self, event: Event) -> None:
        chat, turn = event.data["chat"], event.data["turn"]
        self._running[chat] = Running(turn)
        self._tell(chat, {"type": "turn", "chat": chat, "turn": turn, "state": "started"})

    def _turn_progress(self, event: Event) -> None:
        chat, turn, kind, text = (event.data[key] for key in ("chat", "turn", "kind", "text"))
        running = self._running.setdefault(chat, Running(turn))
        if kind == "retract":
            running.text = ""
        elif kind == "text" and len(running.text) < MAX_STREAM:
            running.text += text
        self._tell(chat, {"type": "progress", "chat": chat, "turn": turn, "kind": kind, "text": text})

    def _turn_finished(self, event: Event) -> None:
        chat, turn = event.data["chat"], event.data["turn"]
        self._running.pop(chat, None)
        outcome = event.data.get("outcome")
        self._tell(chat, {"type": "turn", "chat": chat, "turn": turn, "state": "finished", "outcome": outcome})

    def _line(self, item: Line) -> dict[str, Any]:
        """A line of the history as the page wants it."""
        mine = item.direction == "in"
        return {
            "id": (item.message_id or item.id) if mine else item.id,
            "from": "you" if mine else "nanobot",
            "text": item.text,
            "time": iso(item.time),
        }
