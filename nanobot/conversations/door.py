"""The door: what is said to those who are not let in yet. It is no part of any conversation, and soon forgotten."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING

from nanobot.contracts.channel import Channel, Incoming
from nanobot.conversations.delivery import Delivery
from nanobot.conversations.disk import Disk
from nanobot.conversations.outbox import AT_THE_DOOR, Letter, Outbox
from nanobot.conversations.paired import Request
from nanobot.conversations.pairing import EXPIRES, Pairing
from nanobot.conversations.pairing_code import readable
from nanobot.errors import StorageError
from nanobot.util.ids import ulid
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub

_log = logging.getLogger(__name__)


class Door:
    """Shows codes, and welcomes those whose code was confirmed."""

    def __init__(self, hub: Hub, pairing: Pairing, outbox: Outbox, delivery: Delivery, disk: Disk) -> None:
        self.hub = hub
        self._pairing = pairing
        self._outbox = outbox
        self._delivery = delivery
        self._disk = disk

    async def meet(self, channel: Channel, incoming: Incoming) -> None:
        """An unknown sender wrote: show a code, where the channel wants that. Raises nothing."""
        if not channel.pairing or incoming.group:
            return
        try:
            request = await self._pairing.ask(channel.name, incoming)
        except StorageError as error:
            _log.error("%s: an unknown sender gets no code: %s", channel.name, error)
            return
        if request is not None:
            text = translate("chat.pairing.code", request.language, code=readable(request.code))
            await self._say(request, text, incoming.message_id)

    async def pair(
        self, code: str, asker: str, *, language: str, owner: bool = False, context: Context | None = None
    ) -> Request:
        """Let in whoever was shown this code, and welcome them. See ``Pairing.confirm``."""
        request, new = await self._pairing.confirm(code, asker, language=language, owner=owner, context=context)
        if new:
            await self._say(request, translate("chat.pairing.welcome", request.language))
        return request

    async def _say(self, request: Request, text: str, answers: str | None = None) -> None:
        now = self.hub.clock.time()
        letter = Letter(
            id=ulid(),
            channel=request.channel,
            chat=request.chat,
            text=text,
            created=now,
            session=AT_THE_DOOR,
            thread=request.thread,
            answers=str(answers) if answers else None,
        )

        def work(connection: sqlite3.Connection) -> None:
            self._outbox.forget(connection, AT_THE_DOOR, now - EXPIRES)  # codes do not pile up on the disk
            self._outbox.add(connection, letter)

        try:
            await asyncio.shield(self._delivery.post(letter, work))
        except StorageError as error:
            self._disk.told(error)
