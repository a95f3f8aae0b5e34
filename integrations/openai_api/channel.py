"""The channel: each session of a client is a chat, so that its turns keep their order and nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from nanobot.contracts.channel import Channel, Incoming, Limits, Outgoing, Receipt, Receive
from nanobot.conversations.history import Line
from nanobot.conversations.message import session_of
from nanobot.conversations.transcript import TURN_OUTCOMES
from nanobot.errors import NanobotError, NotReady, Refused
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry

from .exchange import Exchange
from .pieces import Piece

READY_LIMIT = 10.0  # s that a message waits for the channel to run
REMEMBERED = 64  # exchanges that are over: a client that lost its answer asks for it again within moments
LOOKED_BACK = 200  # messages of a session among which one that was kept before is looked for

Key = tuple[str, str]
"""A chat, and the id of a message in it."""


class SessionChannel(Channel):
    """Whoever gets here was let in by the API. A client can only be written to when it asks."""

    limits = Limits(characters=1_000_000)
    idempotent = True
    steers = False

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.id, allow=frozenset({"*"}))
        self._entry = entry
        self._hub = entry.hub
        self._receive: asyncio.Future[Receive] | None = None
        self._exchanges: dict[Key, Exchange] = {}
        self._over: OrderedDict[Key, None] = OrderedDict()
        for event, heard in (
            ("message_received", self._received),
            ("turn_started", self._started),
            ("turn_progress", self._progress),
            ("turn_finished", self._finished),
        ):
            entry.listen(event, heard, filter=self._is_mine)
        entry.on_unload(self.close)

    async def run(self, receive: Receive) -> None:
        """Nothing to poll: clients speak up themselves."""
        future = self._running()
        future.set_result(receive)
        try:
            await asyncio.Event().wait()
        finally:
            self._receive = None

    async def say(self, incoming: Incoming) -> Exchange:
        """Hand over a message, which is on disk when this returns. One with the id of an earlier one is that one.

        Raises what ``receive`` does, and ``NotReady``.
        """
        key = (incoming.chat, str(incoming.message_id))
        known = self._exchanges.get(key)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(READY_LIMIT):
                receive = await asyncio.shield(self._running())
        except TimeoutError as error:
            raise NotReady("nobody can be talked to just now; try again") from error
        exchange = self._exchanges[key] = Exchange()
        exchange.when_over(lambda: self._remember(key))
        handed_over = asyncio.get_running_loop().create_future()
        # a task of its own: a client that leaves meanwhile must not leave it half done
        self._entry.spawn(self._hand_over(key, exchange, receive, incoming, handed_over), "hand over a message")
        await asyncio.shield(handed_over)
        return exchange

    async def knows(self, chat: str, message_id: str) -> bool:
        """Whether a message was kept before. Raises ``StorageError``."""
        if (chat, message_id) in self._exchanges:
            return True
        return any(line.message_id == message_id for line in await self._said(chat))

    async def unanswered(self, chat: str, digest: str) -> str | None:
        """The id of the last message of a chat, if its request had this digest and no client has read its answer.

        Raises ``StorageError``.
        """
        here = [message_id for there, message_id in self._exchanges if there == chat]
        said = [] if here else await self._said(chat)
        last = here[-1] if here else said[-1].message_id if said else None
        if last is None or last.partition(".")[2] != digest:
            return None
        exchange = self._exchanges.get((chat, last))
        return None if exchange is not None and exchange.delivered else last

    async def send(self, message: Outgoing) -> Receipt:
        """Give an answer to those who wait for it. Nobody may: the session has it then.

        Raises ``Refused`` for what is no answer.
        """
        if message.answers is None:
            raise Refused(f"no client waits for an answer in '{message.chat}'; it can only be written to when it asks")
        exchange = self._exchanges.get((message.chat, message.answers))
        if exchange is not None:
            exchange.sent(message.text)
        return Receipt(message.id)

    async def close(self) -> None:
        """Whoever waits is told to come again; what they said is kept and answered all the same."""
        for exchange in list(self._exchanges.values()):
            exchange.end(Piece("failed", "the API is being reloaded; ask again"))
        self._exchanges.clear()

    # -- inside -----------------------------------------------------------------------------------

    async def _hand_over(
        self, key: Key, exchange: Exchange, receive: Receive, incoming: Incoming, done: asyncio.Future[None]
    ) -> None:
        try:
            await receive(incoming)
            if not exchange.is_new:
                await self._find(key, exchange)
        except BaseException as error:
            self._exchanges.pop(key, None)
            told = error if isinstance(error, NanobotError) else NotReady("the API is being reloaded; ask again")
            exchange.end(Piece("failed", str(told)))
            done.set_exception(told)
            done.exception()  # nobody may be waiting for it any more
            if not isinstance(error, NanobotError):
                raise
        else:
            done.set_result(None)

    async def _said(self, chat: str) -> list[Line]:
        """What a client said in a chat, oldest first."""
        lines = await self._hub.conversations.history(session_of(self.name, chat), LOOKED_BACK)
        return [line for line in lines if line.direction == "in"]

    def _running(self) -> asyncio.Future[Receive]:
        if self._receive is None:
            self._receive = asyncio.get_running_loop().create_future()
        return self._receive

    def _remember(self, key: Key) -> None:
        self._over[key] = None
        while len(self._over) > REMEMBERED:
            self._exchanges.pop(self._over.popitem(last=False)[0], None)

    async def _find(self, key: Key, exchange: Exchange) -> None:
        """The answer of a message that was kept before, such as before a restart; it may still be on its way."""
        chat, message_id = key
        lines = await self._hub.conversations.history(session_of(self.name, chat), LOOKED_BACK)
        mine = next((line for line in lines if line.direction == "in" and line.message_id == message_id), None)
        if mine is None:
            exchange.end(Piece("failed", "this message was answered long ago; give a new one another Idempotency-Key"))
        elif mine.state != "waiting":
            after = [line for line in lines[lines.index(mine) :] if line.direction == "out"]
            found = next((line for line in after if line.turn == mine.id), None)
            if found is None and mine.state not in TURN_OUTCOMES:  # a command: its answer has no turn
                found = next((line for line in after if line.turn is None), None)
            exchange.end(Piece("final", found.text if found else ""))

    def _is_mine(self, data: Mapping[str, Any]) -> bool:
        return data.get("channel") == self.name and (data.get("chat"), data.get("message_id")) in self._exchanges

    def _exchange(self, event: Event) -> Exchange:
        return self._exchanges[event.data["chat"], event.data["message_id"]]

    def _received(self, event: Event) -> None:
        self._exchange(event).is_new = True

    def _started(self, event: Event) -> None:
        self._exchange(event).started()

    def _progress(self, event: Event) -> None:
        self._exchange(event).progress(Piece(event.data["kind"], event.data["text"]))

    def _finished(self, event: Event) -> None:
        if event.data["outcome"] == "cut":
            self._exchange(event).cut()
        else:
            self._exchange(event).ended(event.data)
