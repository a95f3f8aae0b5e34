"""What is still to be sent to the clients. Nothing waits for a slow one: it is behind, and then it is cut off.

Messages gather until the event loop has done what it is at; under load, until writing takes at most half of the time,
so that a thousand events a second for a hundred clients need a few writes each and not a thousand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

MAX_MESSAGES = 4096  # behind which a client is cut off at once
MANY_MESSAGES = 1024  # behind which it may be for some seconds
MANY_FOR = 10.0  # s
MAX_BYTES = 64 * 1024 * 1024  # of one client; a single message may be larger
MAX_BYTES_OF_ALL = 256 * 1024 * 1024  # of all clients that are slow; who has the most is cut off
LOOK_EVERY = 0.1  # s at which that is counted, while there is a slow one
WRITE_AT_ONCE = 1024  # messages that gathered without the loop coming round
MANY_ANSWERS = 64  # that are written although the client goes on asking
LONGEST_PAUSE = 0.02  # s between two rounds of writing
MANY_IN_A_ROW = 8  # times that clients asked before what they asked before was done
MANY_CLIENTS = 16
TOGETHER = 0.001  # s

_log = logging.getLogger("nanobot.websocket_api")


class Line(Protocol):
    """The way out of one connection."""

    def write(self, data: bytes) -> None:
        """Takes all of it, now."""

    def is_full(self) -> bool:
        """The client does not read as fast as it is written to."""

    async def emptied(self) -> None:
        """Wait until it is no longer full. Raises ``ConnectionError`` when the connection is gone."""


class Rounds:
    """Writes for all connections that have something to say, one round after the other."""

    def __init__(self) -> None:
        self.waiting: dict[Outbox, None] = {}
        """Those for which the next round writes."""
        self.at_once: dict[Outbox, None] = {}
        """Those for which ``write`` writes, whenever the next round is."""
        self._handle: asyncio.Handle | None = None
        self._next = 0.0
        self._slow: set[Outbox] = set()
        self._look: asyncio.TimerHandle | None = None
        self.gathers = False
        """Something is being done, at the end of which it is written what comes of it."""
        self.last = False
        """And it is the last thing that a client has said so far: nothing is gained by writing the answer later."""
        self._began = self._ended = monotonic()
        self._in_a_row = 0

    def gather(self) -> None:
        """Write nothing until ``write``, which has to follow without a wait."""
        now = monotonic()
        # nobody asks, reads the answer and asks again in the time in which it was given: more was there already
        self._in_a_row = self._in_a_row + 1 if now - self._ended < self._ended - self._began else 0
        self._began = now
        self.gathers = True

    def write(self) -> None:
        """Write what has gathered, events before answers; the events of a millisecond together while clients ask
        without a break, and for many clients."""
        self.gathers = self.last = False
        if self.waiting and self._handle is None:
            loop = asyncio.get_running_loop()
            if self._in_a_row > MANY_IN_A_ROW or len(self.waiting) > MANY_CLIENTS:
                self._handle = loop.call_later(TOGETHER, self._round)
            elif loop.time() >= self._next:
                self._round()
            else:
                self._handle = loop.call_at(self._next, self._round)
        if self.at_once:
            waiting, self.at_once = self.at_once, {}
            for outbox in waiting:
                outbox.flush()
        self._ended = monotonic()

    def add(self, outbox: Outbox) -> None:
        """Write for it in the next round."""
        self.waiting[outbox] = None
        if self._handle is None and not self.gathers:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._next:
                self._handle = loop.call_soon(self._round)
            else:
                self._handle = loop.call_at(self._next, self._round)

    def watch(self, outbox: Outbox) -> None:
        """Its client reads slowly: look now and then how much waits for all of those together."""
        self._slow.add(outbox)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_at_slow)

    def _look_at_slow(self) -> None:
        self._look = None
        self._slow = {outbox for outbox in self._slow if outbox.is_slow}
        size = sum(outbox.held for outbox in self._slow)
        for outbox in sorted(self._slow, key=lambda one: one.held, reverse=True):
            if size <= MAX_BYTES_OF_ALL:
                break
            size -= outbox.held
            outbox.give_up(f"{size >> 20} MB wait for others as well that do not read them")
        if self._slow:
            self._look = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_at_slow)

    def _round(self) -> None:
        self._handle = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiting, self.waiting = self.waiting, {}
        same = Same()
        for outbox in waiting:
            outbox.flush(same)
        ended = loop.time()
        self._next = ended + min(ended - began, LONGEST_PAUSE)


class Outbox:
    """The messages of one connection. ``cut(reason)`` is called once, when the client is too far behind."""

    def __init__(self, line: Line, rounds: Rounds, cut: Callable[[str], None], spawn: Callable[..., Any]) -> None:
        self._line = line
        self._rounds = rounds
        self._cut = cut
        self._spawn = spawn
        self._messages: list[bytes] = []
        self._size = self._written = 0
        self._is_waiting = False
        self._is_soon = False
        self._taken = 0
        self._taken_then = 0
        self._many_since: asyncio.TimerHandle | None = None
        self.closed = False
        self.coalesces = False
        """Several messages may go in one frame, as a JSON list."""

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def is_slow(self) -> bool:
        """Whether its client has not read yet what was written."""
        return self._is_waiting and not self.closed

    @property
    def held(self) -> int:
        """Bytes that wait for it, with those that were written last."""
        return self._size + self._written

    def put(self, message: bytes, *, soon: bool = False) -> None:
        """Have a message written. ``soon``: when the loop comes round, whatever the others have to say."""
        if self.closed:
            return
        messages, rounds = self._messages, self._rounds
        if soon and rounds.last and not (messages or rounds.waiting or self._is_waiting):
            self._write(_frame(message))
            return
        messages.append(message)
        self._size += len(message)
        count = len(messages)
        if 1 < count < MANY_MESSAGES and not soon and self._size <= MAX_BYTES:
            return  # it is written with those before it
        if self._is_waiting:
            if count >= MANY_MESSAGES:
                self._behind(count)
        elif count >= WRITE_AT_ONCE:
            self.flush()
        elif soon:
            if rounds.gathers:
                rounds.at_once[self] = None
            elif not self._is_soon:
                self._is_soon = True
                self._taken_then = self._taken
                asyncio.get_running_loop().call_soon(self._soon)
        elif count == 1:
            rounds.add(self)
        if self._size > MAX_BYTES and count > 1:
            self.give_up(f"{self._size >> 20} MB wait for a client that does not read them")

    def more(self) -> None:
        """The client has said something more: the answers to what it says at once go together."""
        self._taken += 1

    def _soon(self) -> None:
        if self._taken == self._taken_then or len(self._messages) >= MANY_ANSWERS:
            self._is_soon = False
            self.flush()
        else:
            self._taken_then = self._taken
            asyncio.get_running_loop().call_soon(self._soon)

    def flush(self, same: Same | None = None) -> None:
        """Write all there is, unless the client is behind with its reading. ``same``: what others were written."""
        messages = self._messages
        if not messages or self._is_waiting or self.closed:
            return
        self._messages = []
        self._size = 0
        data = framed(messages, self.coalesces) if same is None else same.framed(messages, self.coalesces)
        self._write(data)

    def _write(self, data: bytes) -> None:
        self._line.write(data)
        if self._line.is_full():
            self._is_waiting = True
            self._written = len(data)
            self._rounds.watch(self)
            self._spawn(self._wait(), "slow client")

    def close(self) -> None:
        """Write nothing from now on."""
        self.closed = True
        self._messages = []
        self._size = 0
        self._no_longer_many()

    async def _wait(self) -> None:
        try:
            await self._line.emptied()
        except ConnectionError:
            self.close()
            return
        self._is_waiting = False
        self._no_longer_many()
        self.flush()

    def _behind(self, count: int) -> None:
        if count >= MAX_MESSAGES:
            self.give_up(f"{count} messages wait for a client that does not read them")
        elif self._many_since is None:
            loop = asyncio.get_running_loop()
            self._many_since = loop.call_later(MANY_FOR, self._still_many)

    def _still_many(self) -> None:
        self.give_up(f"a client has been more than {MANY_MESSAGES} messages behind for {MANY_FOR:g} s")

    def _no_longer_many(self) -> None:
        if self._many_since is not None:
            self._many_since.cancel()
            self._many_since = None

    def give_up(self, reason: str) -> None:
        """Cut the client off."""
        self.close()
        self._cut(reason)


class Same:
    """Who follows the same has the same messages waiting, and is written the same bytes: they are made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[bytes, bool], tuple[list[bytes], bytes]] = {}
        """By the first message, and whether they go in one frame: the messages, and what is written."""

    def framed(self, messages: list[bytes], coalesces: bool) -> bytes:
        """``framed``, kept for the next one."""
        key = messages[0], coalesces
        made = self._made.get(key)
        if made is None or made[0] != messages:
            made = self._made[key] = (messages, framed(messages, coalesces))
        return made[1]


def framed(messages: list[bytes], coalesces: bool) -> bytes:
    """A frame for each message, or one for all."""
    if len(messages) == 1:
        return _frame(messages[0])
    if coalesces:
        return _frame(b"[" + b",".join(messages) + b"]")
    return b"".join([_frame(message) for message in messages])


def _frame(payload: bytes) -> bytes:
    """One unmasked text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
