"""A message of a session on its way to its answer, which any number of requests may follow, from its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from .pieces import Piece

MOST_PIECES = 50_000  # that are kept for those who follow; the end is always told
FAILED = ("failed", "given_up")
WITHOUT_ANSWER = ("empty", "stopped", "claimed")
"""How turns end that send nothing."""


class Exchange:
    """Is over when its turn has ended and its answer has arrived, in either order. It needs no follower for that."""

    def __init__(self) -> None:
        self.is_new = False
        """The hub has kept the message now; else it was kept before."""
        self.delivered = False
        """A client has read the answer to its end."""
        self.is_over = False
        self._pieces: list[Piece] = []
        self._news = asyncio.Event()
        self._in_turn = False
        self._answer: str | None = None
        self._ended: Mapping[str, Any] | None = None
        self._after: list[Callable[[], None]] = []

    def when_over(self, callback: Callable[[], None]) -> None:
        """Call back at the end."""
        if self.is_over:
            callback()
        else:
            self._after.append(callback)

    async def follow(self) -> AsyncGenerator[Piece]:
        """All of it; the last piece is ``final`` or ``failed``."""
        pieces, at = self._pieces, 0
        while True:
            while at < len(pieces):
                yield pieces[at]
                at += 1
            if pieces and pieces[-1].kind in ("final", "failed"):
                return
            await self._news.wait()

    # -- what happens to it -----------------------------------------------------------------------

    def started(self) -> None:
        """A turn began."""
        self._in_turn = True

    def progress(self, piece: Piece) -> None:
        """Something of the answer, before the whole of it."""
        if not self.is_over and len(self._pieces) < MOST_PIECES:
            self._tell(piece)

    def cut(self) -> None:
        """The turn starts over."""
        self.progress(Piece("retract"))

    def sent(self, text: str) -> None:
        """The answer, or a piece of a very long one."""
        self._answer = text if self._answer is None else self._answer + text
        self._settle()

    def ended(self, data: Mapping[str, Any]) -> None:
        """How the turn ended."""
        self._ended = data
        self._settle()

    def end(self, piece: Piece) -> None:
        """It is over."""
        if self.is_over:
            return
        self.is_over = True
        self._tell(piece)
        self._pieces = [piece]  # those who come later need no more
        for callback in self._after:
            callback()
        self._after.clear()

    def _settle(self) -> None:
        outcome = self._ended["outcome"] if self._ended else "answered"
        if self._answer is not None and (self._ended or not self._in_turn):
            self.end(Piece("failed" if outcome in FAILED else "final", self._answer))
        elif outcome in WITHOUT_ANSWER:
            self.end(Piece("final"))

    def _tell(self, piece: Piece) -> None:
        self._pieces.append(piece)
        news, self._news = self._news, asyncio.Event()
        news.set()
