"""When the next message may go to a chat.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: about one message a second in a chat,
20 a minute in a group, 30 a second in all; short bursts pass. How long a burst may be only Telegram knows, so answers
go at once until it refuses one; from then on and for a while, that chat gets no more than those figures allow. What may
be left out, such as a piece of an answer that is being written, keeps to them always.
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
LONGEST_DEBT = 60.0  # s for which a burst may be held against a chat
CAREFUL_FOR = 600.0  # s after a refusal
FORGET_ABOVE = 500  # chats


class _Chat:
    __slots__ = ("careful", "due", "held", "last")

    def __init__(self) -> None:
        self.careful = 0.0
        """Until when it gets no more than the figures allow."""
        self.due = 0.0
        """When a chat that has used up its burst may have the next message."""
        self.held = 0.0
        self.last: deque[float] = deque(maxlen=GROUP_MOST)


class Pace:
    """The times of the last messages, by chat. Times are those of the event loop."""

    def __init__(self) -> None:
        self._chats: dict[str, _Chat] = {}
        self._due = 0.0
        self._careful = 0.0

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
        state.due = min(max(before, now + delay) + EVERY * messages, now + delay + LONGEST_DEBT)
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
        at = self._due - (ALL_BURST - 1) * ALL_EVERY if spare or now < self._careful else 0.0
        if (state := self._chats.get(chat)) is not None:
            at = max(at, state.held)
            if spare or now < state.careful:
                at = max(at, self._allowed(chat, state, spare=spare))
        return max(0.0, at - now)

    def _allowed(self, chat: str, state: _Chat, *, spare: bool) -> float:
        """When the figures allow the next message in this chat."""
        burst, most = (BURST - SPARED, GROUP_MOST - GROUP_SPARED) if spare else (BURST, GROUP_MOST)
        at = state.due - (burst - 1) * EVERY
        if not _is_private(chat) and len(state.last) >= most:
            at = max(at, state.last[-most] + GROUP_WITHIN)
        return at

    def hold(self, chat: str, seconds: float) -> None:
        """Telegram wants to hear nothing for this chat for so long."""
        state = self._chats.setdefault(chat, _Chat())
        now = asyncio.get_running_loop().time()
        state.held = max(state.held, now + seconds)
        state.careful = self._careful = now + CAREFUL_FOR

    def _forget(self, now: float) -> None:
        """Forget the chats for which nothing is to be known any more."""
        if len(self._chats) < FORGET_ABOVE:
            return
        self._chats = {
            chat: state
            for chat, state in self._chats.items()
            if max(state.due, state.held, state.careful, state.last[-1] + GROUP_WITHIN if state.last else 0.0) > now
        }


def _is_private(chat: str) -> bool:
    return chat.isdigit()
