"""When the next message may go to a chat, so that Telegram seldom has to refuse one.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: about one message a second in a chat,
20 a minute in a group, 30 a second in all; short bursts pass.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nanobot.errors import NotReady

EVERY = 1.05  # s between two messages in a chat, a little more than Telegram asks for: the line is not even
BURST = 3  # messages in a chat that may go at once
GROUP_MOST = 20  # messages in a group …
GROUP_WITHIN = 61.0  # … in that many seconds
ALL_EVERY = 1 / 30  # s between two messages of the bot
ALL_BURST = 30
SPARED = 1  # messages of a burst, and …
GROUP_SPARED = 5  # … of a group's minute that are kept for what cannot be left out
PATIENCE = 10.0  # s that a message waits here; one that has to wait longer goes back to the hub
FORGET_ABOVE = 500  # chats


class _Chat:
    __slots__ = ("due", "held", "last")

    def __init__(self) -> None:
        self.due = 0.0
        """When a chat that has used up its burst may have the next message."""
        self.held = 0.0
        self.last: deque[float] = deque(maxlen=GROUP_MOST)


class Pace:
    """The times of the last messages, by chat. Times are those of the event loop."""

    def __init__(self) -> None:
        self._chats: dict[str, _Chat] = {}
        self._due = 0.0

    @asynccontextmanager
    async def turn(self, chat: str, messages: int = 1) -> AsyncIterator[None]:
        """Wait until a message may go to this chat, and send it within. Those who wait go in the order they came in.

        ``messages``: as so many it counts for those that come later.

        Raises ``NotReady`` where that takes too long.
        """
        delay = self.delay(chat)
        if delay > PATIENCE:
            raise NotReady("Telegram takes no more messages in this chat for now", retry_after=delay)
        now = asyncio.get_running_loop().time()
        state = self._chats.get(chat)
        if state is None:
            self._forget(now)
            state = self._chats[chat] = _Chat()
        before = state.due
        state.due = max(before, now + delay) + EVERY * messages
        state.last.extend([now + delay] * messages)
        self._due = max(self._due, now) + ALL_EVERY * messages
        if delay > 0:
            await asyncio.sleep(delay)
        try:
            yield
        finally:  # on a slow line it may have got there only now
            now = asyncio.get_running_loop().time()
            state.due = max(state.due, max(before, now) + EVERY * messages)

    def delay(self, chat: str, *, spare: bool = False) -> float:
        """Seconds until a message may go to this chat; ``spare``: one that must not take the place of another."""
        now = asyncio.get_running_loop().time()
        burst = BURST - SPARED if spare else BURST
        at = self._due - (ALL_BURST - 1) * ALL_EVERY
        if (state := self._chats.get(chat)) is not None:
            at = max(at, state.held, state.due - (burst - 1) * EVERY)
            most = GROUP_MOST - GROUP_SPARED if spare else GROUP_MOST
            if not _is_private(chat) and len(state.last) >= most:
                at = max(at, state.last[-most] + GROUP_WITHIN)
        return max(0.0, at - now)

    def hold(self, chat: str, seconds: float) -> None:
        """Telegram wants to hear nothing for this chat for so long."""
        state = self._chats.setdefault(chat, _Chat())
        state.held = max(state.held, asyncio.get_running_loop().time() + seconds)

    def _forget(self, now: float) -> None:
        """Forget the chats for which nothing is to be known any more."""
        if len(self._chats) < FORGET_ABOVE:
            return
        self._chats = {
            chat: state
            for chat, state in self._chats.items()
            if max(state.due, state.held, state.last[-1] + GROUP_WITHIN if state.last else 0.0) > now
        }


def _is_private(chat: str) -> bool:
    return chat.isdigit()
