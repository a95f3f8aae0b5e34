"""Who is told what came of a letter: listeners, whoever waits for it, and the person who runs nanobot."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from nanobot.contracts.channel import Receipt
from nanobot.conversations.outbox import AT_THE_DOOR, SENDING, SENT, WAITING, Letter, Outbox
from nanobot.hub.causes import LONGEST, MessageCause
from nanobot.hub.issues import Severity

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub

MOST_ISSUES = 10  # about chats, at a time: a crowd must not fill the list
FAILED = "message_failed"

_log = logging.getLogger(__name__)


class Receipts:
    """An issue is gone when the next message gets through."""

    def __init__(self, hub: Hub, outbox: Outbox) -> None:
        self.hub = hub
        self.outbox = outbox
        self._awaited: dict[str, list[asyncio.Future[bool]]] = {}
        self._issues: set[str] = set()

    async def wait(self, outbox_id: str, limit: float) -> bool:
        """Whether the platform takes it within ``limit`` seconds."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        waiters = self._awaited.setdefault(outbox_id, [])
        waiters.append(future)
        try:
            state = await self.outbox.state_of(outbox_id)
            if state in (WAITING, SENDING):
                async with asyncio.timeout(limit):
                    return await future
            return state == SENT
        except TimeoutError:
            return False
        finally:
            waiters.remove(future)
            if not waiters:
                self._awaited.pop(outbox_id, None)

    def sent(self, letter: Letter, receipt: Receipt) -> None:
        """The platform has all of it."""
        if self._issues:
            self._resolve(f"{letter.channel}.{FAILED}.{letter.chat}")
        self._answer(letter, True)
        context = letter.context
        self.hub.causes.messages.append(
            MessageCause(
                self.hub.clock.time(),
                letter.id,
                "out",
                letter.channel,
                letter.chat,
                letter.session,
                None,
                letter.text[:LONGEST],
                receipt.message_id,
                context,
            )
        )
        if self.hub.bus.route("message_sent"):
            data = {
                "id": letter.id,
                "session": letter.session,
                "channel": letter.channel,
                "chat": letter.chat,
                "text": letter.text,
                "message_id": receipt.message_id,
            }
            self.hub.bus.fire("message_sent", data, context)

    def failed(self, letter: Letter, error: str) -> None:
        """It was given up."""
        _log.error("%s: a message to %s is given up: %s", letter.channel, letter.chat, error)
        self._answer(letter, False)
        if letter.session != AT_THE_DOOR:  # strangers can break off a chat as often as they like
            issue_id = f"{letter.channel}.{FAILED}.{letter.chat}"
            if issue_id in self._issues or sum(f".{FAILED}." in known for known in self._issues) < MOST_ISSUES:
                self._issue(issue_id, "issues.message_failed", letter.channel, chat=letter.chat, error=error)
        data = {"id": letter.id, "channel": letter.channel, "chat": letter.chat, "error": error}
        self.hub.bus.fire("message_failed", data, letter.context)

    def stuck(self, channel: str, error: str) -> None:
        """Messages for a channel fail again and again."""
        self._issue(f"{channel}.messages_wait", "issues.messages_wait", channel, error=error)

    def moves(self, channel: str) -> None:
        """A message got through after failures."""
        self._resolve(f"{channel}.messages_wait")

    def close(self) -> None:
        """Take the issues away: what waits is told anew at the next start."""
        for issue_id in list(self._issues):
            self._resolve(issue_id)

    def _answer(self, letter: Letter, value: bool) -> None:
        for future in self._awaited.get(letter.id, ()):
            if not future.done():
                future.set_result(value)

    def _issue(self, issue_id: str, text_key: str, channel: str, **placeholders: object) -> None:
        self._issues.add(issue_id)
        self.hub.issues.create(
            issue_id, text_key, severity=Severity.ERROR, fix=None, entry=channel, channel=channel, **placeholders
        )

    def _resolve(self, issue_id: str) -> None:
        if issue_id in self._issues:
            self._issues.discard(issue_id)
            self.hub.issues.resolve(issue_id)
