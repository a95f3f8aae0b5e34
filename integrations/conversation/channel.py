"""The channel: programs that say something and wait for the answer, each conversation a chat of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.contracts.channel import Channel, Incoming, Limits, Outgoing, Receipt, Receive
from nanobot.errors import NotReady, Refused
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.util.ids import ulid

READY_LIMIT = 10.0  # s that a message waits for the channel to run
ANSWER_LIMIT = 600.0  # s that a program may wait for its answer
WITHOUT_ANSWER = ("empty", "stopped")
"""How turns end that send nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer. ``outcome`` is that of the turn; ``understood`` False: the agent could make nothing of the message."""

    text: str = ""
    outcome: str = "answered"
    understood: bool = True


class _Waiting:
    """A program that waits. The answer of a turn counts together with how the turn ended, whichever comes first."""

    def __init__(self) -> None:
        self.said: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self.in_turn = False
        self._text: str | None = None
        self._ended: Mapping[str, Any] | None = None

    def sent(self, text: str) -> None:
        self._text = text
        self._settle()

    def ended(self, data: Mapping[str, Any]) -> None:
        self._ended = data
        self._settle()

    def _settle(self) -> None:
        if self.said.done():
            return
        outcome = self._ended["outcome"] if self._ended else "answered"
        if self._text is not None and (self._ended or not self.in_turn):
            understood = self._ended["understood"] if self._ended else True
            self.said.set_result(Said(self._text, outcome, understood))
        elif outcome in WITHOUT_ANSWER:
            self.said.set_result(Said(outcome=outcome))


class ConversationChannel(Channel):
    """Whoever gets here was let in by the API or is part of the hub. Nobody can be written to unasked."""

    limits = Limits(characters=1_000_000)
    idempotent = True
    steers = False

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.id, allow=frozenset({"*"}))
        self._receive: asyncio.Future[Receive] | None = None
        self._waiting: dict[str, _Waiting] = {}
        entry.listen("turn_started", self._started, filter=self._is_mine)
        entry.listen("turn_finished", self._finished, filter=self._is_mine)

    async def run(self, receive: Receive) -> None:
        """Nothing to poll: programs speak up themselves."""
        future = self._running()
        future.set_result(receive)
        try:
            await asyncio.Event().wait()
        finally:
            self._receive = None

    async def ask(self, chat: str, text: str, *, sender: str, language: str | None, owner: bool) -> Said:
        """Say something and wait for the answer. Raises what ``receive`` does, and ``NotReady`` when none comes."""
        try:
            async with asyncio.timeout(READY_LIMIT):
                receive = await asyncio.shield(self._running())
        except TimeoutError as error:
            raise NotReady("nobody can be talked to just now; try again") from error
        message_id = ulid()
        waiting = self._waiting[message_id] = _Waiting()
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                await receive(
                    Incoming(chat=chat, sender=sender, text=text, message_id=message_id, language=language, owner=owner)
                )
                return await waiting.said
        except TimeoutError as error:
            raise NotReady(f"there was no answer within {ANSWER_LIMIT:g} s") from error
        finally:
            del self._waiting[message_id]

    async def send(self, message: Outgoing) -> Receipt:
        """Give an answer to the program that waits for it. Raises ``Refused`` when none does."""
        waiting = self._waiting.get(message.answers or "")
        if waiting is None:
            raise Refused(f"no program waits for an answer in '{message.chat}'; it can only be written to when it asks")
        waiting.sent(message.text)
        return Receipt(message.id)

    def _running(self) -> asyncio.Future[Receive]:
        if self._receive is None:
            self._receive = asyncio.get_running_loop().create_future()
        return self._receive

    def _is_mine(self, data: Mapping[str, Any]) -> bool:
        return data.get("channel") == self.name and data.get("message_id") in self._waiting

    def _started(self, event: Event) -> None:
        self._waiting[event.data["message_id"]].in_turn = True

    def _finished(self, event: Event) -> None:
        if event.data["outcome"] != "cut":  # it starts over then
            self._waiting[event.data["message_id"]].ended(event.data)
