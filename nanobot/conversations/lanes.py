"""Lanes: what is on its way to one chat, and how long that has to wait."""

from __future__ import annotations

import asyncio
from collections import deque

from nanobot.contracts.channel import Receipt
from nanobot.conversations.outbox import Letter


class Lane:
    """The letters to one chat. A number stands for a letter that is only on disk."""

    __slots__ = ("_not_before", "_wake", "channel", "chat", "failures", "letters", "sending", "task")

    def __init__(self, channel: str, chat: str) -> None:
        self.channel = channel
        self.chat = chat
        self.letters: deque[Letter | int] = deque()
        self.failures = 0
        self.task: asyncio.Task[None] | None = None
        self.sending: asyncio.Task[Receipt | BaseException] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._not_before = 0.0

    @property
    def waits(self) -> bool:
        """Whether it waits to try again."""
        return self._wake is not None

    async def wait(self, delay: float, at_least: float = 0.0) -> None:
        """Wait so many seconds, or less when something wakes it up; but ``at_least`` so many."""
        loop = asyncio.get_running_loop()
        self._not_before = loop.time() + at_least
        self._wake = loop.create_future()
        timer = loop.call_later(delay, self.end_wait)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    def wake(self) -> None:
        """There is a reason to try again now."""
        if self._wake is not None and asyncio.get_running_loop().time() >= self._not_before:
            self.end_wait()

    def end_wait(self) -> None:
        """Wait no longer, whoever has asked for it."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
