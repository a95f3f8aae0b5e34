"""The channel: every terminal that is open is a seat at one of its chats."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from nanobot.contracts.channel import Channel, Incoming, Limits, Outgoing, Receipt, Receive
from nanobot.hub.bus import Event
from nanobot.util.ids import ulid

from .mailbox import Mailbox

OWNER = "owner"
FIRST_CHAT = "terminal"
ONCE = "once "  # chats of those who want a single answer begin with it
MAX_BEHIND = 5000  # events a terminal may be behind before it is taken for gone
MOST_LATE = 20  # answers kept for those who asked once and whose seat went with a reload
READY_LIMIT = 10.0  # s that a message waits for the channel to run


class Seat:
    """Somebody at a terminal. ``next()`` gives what happens in the chat, as JSON-able mappings:

    ``{kind: "turn", turn, state: "started" | "finished", outcome}``, ``{kind: "text" | "thinking" | "tool", turn,
    text}`` (pieces of an answer as they come), ``{kind: "message", text, answers, …}`` (a whole message),
    ``{kind: "note" | "problem", text}`` (what happens in the hub).
    """

    def __init__(self, chat: str, *, once: bool, here: bool) -> None:
        self.id = ulid()
        self.chat = chat
        self.once = once
        self.here = here
        self._events: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(MAX_BEHIND)
        self.gone = False

    def push(self, event: Mapping[str, Any]) -> bool:
        """False when this seat does not read what it is given."""
        if not self.gone:
            try:
                self._events.put_nowait(event)
            except asyncio.QueueFull:
                self.gone = True
        return not self.gone

    async def next(self) -> Mapping[str, Any]:
        """Wait for the next event."""
        return await self._events.get()


class ConsoleChannel(Channel):
    """Local people only: who may open the terminal of this user is the owner."""

    limits = Limits(characters=1_000_000)
    steers = False

    def __init__(self, name: str, mailbox: Mailbox, *, allow: frozenset[str]) -> None:
        super().__init__(name, allow=allow)
        self._mailbox = mailbox
        self._seats: dict[str, Seat] = {}
        self._late: dict[str, Mapping[str, Any]] = {}
        self._receive: asyncio.Future[Receive] | None = None

    # -- the hub's side -------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Nothing to poll: the seats speak up themselves."""
        future = self._running()
        future.set_result(receive)
        try:
            await asyncio.Event().wait()
        finally:
            self._receive = None

    async def send(self, message: Outgoing) -> Receipt:
        """Show a message at every seat of its chat."""
        event = {
            "kind": "message",
            "id": message.id,
            "text": message.text,
            "answers": message.answers,
            "turn": message.turn,
            "repeated": message.repeated,
            "last": message.piece == message.pieces,
            "attachments": [attachment.path for attachment in message.attachments],
        }
        shown = [seat.push(event) for seat in self._at(message.chat)]
        if not any(shown):
            if message.chat.startswith(ONCE):  # gone for good most likely, so not worth the disk
                self._late[message.chat] = event
                while len(self._late) > MOST_LATE:
                    del self._late[next(iter(self._late))]
            else:
                await self._mailbox.put(message.chat, event)
        return Receipt(message.id)

    def is_mine(self, data: Mapping[str, Any]) -> bool:
        """Whether the data of an event is about a chat of this channel that somebody looks at."""
        return data.get("channel") == self.name and bool(self._at(data.get("chat")))

    def heard(self, event: Event) -> None:
        """Show at the seats how a turn goes."""
        data = event.data
        match event.type:
            case "turn_started":
                shown = {"kind": "turn", "turn": data.get("turn"), "state": "started"}
            case "turn_finished":
                shown = {
                    "kind": "turn",
                    "turn": data.get("turn"),
                    "state": "finished",
                    "outcome": data.get("outcome"),
                }
            case "turn_progress":
                shown = {"kind": data.get("kind"), "turn": data.get("turn"), "text": data.get("text", "")}
            case _:
                shown = {"kind": "problem", "text": str(data.get("error", ""))}
        for seat in self._at(data.get("chat")):
            seat.push(shown)

    def tell(self, events: list[dict[str, Any]]) -> None:
        """Show something at every seat but those that wait for one answer only.

        The terminal of the hub itself shows problems as lines of the log.
        """
        for seat in self._seats.values():
            if not seat.once:
                for event in events:
                    if event["kind"] == "note" or not seat.here:
                        seat.push(event)

    # -- the people's side ----------------------------------------------------------------------

    def sit(self, chat: str | None = None, *, once: bool = False, here: bool = False) -> Seat:
        """Take a seat; without a chat, at the first one that is free. ``here``: at the terminal of the hub."""
        if chat is None:
            chat = f"{ONCE}{ulid()}" if once else self._free()
        seat = Seat(chat, once=once, here=here)
        self._seats[seat.id] = seat
        for event in self._mailbox.take(chat):
            seat.push(event)
        if chat in self._late:
            seat.push(self._late.pop(chat))
        return seat

    def seat(self, seat_id: str) -> Seat | None:
        """The seat of that id."""
        return self._seats.get(seat_id)

    def leave(self, seat: Seat) -> None:
        """The terminal is closed."""
        seat.gone = True
        self._seats.pop(seat.id, None)

    async def say(self, seat: Seat, text: str) -> str:
        """Hand over what was typed; gives the id that the answer will name. Raises as ``receive`` does."""
        async with asyncio.timeout(READY_LIMIT):
            receive = await asyncio.shield(self._running())
        message_id = ulid()
        await receive(Incoming(chat=seat.chat, sender=OWNER, text=text, message_id=message_id, owner=True))
        return message_id

    def session(self, seat: Seat) -> str:
        """The session that the chat of a seat belongs to."""
        return f"{self.name}:{seat.chat}"

    def _at(self, chat: Any) -> list[Seat]:
        return [seat for seat in self._seats.values() if seat.chat == chat]

    def _free(self) -> str:
        taken = {seat.chat for seat in self._seats.values()}
        number = 1
        while (name := FIRST_CHAT if number == 1 else f"{FIRST_CHAT} {number}") in taken:
            number += 1
        return name

    def _running(self) -> asyncio.Future[Receive]:
        if self._receive is None:
            self._receive = asyncio.get_running_loop().create_future()
        return self._receive
