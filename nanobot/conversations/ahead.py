"""What the agent of a message wants to know of its session, read while the message is being written down.

Both take about as long, and neither needs the other: the session stands still as long as no turn of it runs.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from nanobot.conversations.disk import ignore
from nanobot.conversations.message import Message
from nanobot.conversations.transcript import Exchange, Recalled, recall

if TYPE_CHECKING:
    from nanobot.conversations.workers import Workers
    from nanobot.storage.sql import Database


class Ahead:
    """What was read goes with the message: one that never gets a turn takes it along."""

    def __init__(self, database: Database, workers: Workers) -> None:
        self._database = database
        self._workers = workers

    def look(self, message: Message) -> None:
        """Begin to read for a message whose turn would begin at once; for others it would be too early. The running
        turn itself, which is one of those that are asked for, is not on disk by then."""
        limit = self._workers.recalled_for(message)
        if limit:
            reading = asyncio.ensure_future(self._database.read(recall(message.session, None, limit - 1)))
            reading.add_done_callback(ignore)
            message.ahead = (limit, reading)

    async def take(self, session: str, turn: str | None, limit: int) -> Recalled | None:
        """What was read for the turn that runs, once, with that turn as the last; None where it has to be read now.
        Raises ``StorageError``."""
        run = self._workers.running(session)
        if run is None or run.message.id != turn or run.message.ahead is None:
            return None
        (read, reading), run.message.ahead = run.message.ahead, None
        if read != limit:
            return None
        recalled: Recalled = await reading
        return replace(recalled, exchanges=[*recalled.exchanges, _running(run.message)])


def _running(message: Message) -> Exchange:
    return Exchange(
        time=message.received,
        id=message.id,
        sender=message.sender,
        sender_name=message.sender_name,
        text=message.text,
        attachments=message.attachments,
        owner=message.owner,
        seq=message.seq,
    )
