"""Reads the frames that clients send nearly always, whole texts, as soon as they are there: without a queue and a task.

Everything else is left to aiohttp byte by byte: what is in pieces, compressed or large, pings, goodbyes and mistakes.
It also gets what comes while something that was left to it has not been done yet, so that nothing overtakes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp._websocket.helpers import websocket_mask
from orjson import loads

from .connection import TURN
from .outbox import Rounds

_TEXT = 0x81  # the last frame of a message that is text (RFC 6455, 5.2)
_LAST = 0x80
_MASKED = 0x80
_CONTROL = 0x08


class Frames:
    """What comes from one client. ``take(message)`` does what a message says, or gives False."""

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self.take: Callable[[Any], bool] = lambda message: False
        self.is_ready = False
        """Whether all that was left to aiohttp is done with."""
        self._kept = b""
        """The beginning of a head."""
        self._left = 0
        """Bytes of the present frame that are still to come; they are aiohttp's."""
        self._is_in_message = False
        """Its first piece was seen, and its last one not yet."""

    def feed(self, data: bytes) -> bytes:
        """Gives back what aiohttp is to read: all from the first frame on that is none of ours."""
        if not self.is_ready:
            return self._leave(data, 0)
        at, size, taken, rounds = 0, len(data), 0, self._rounds
        rounds.gather()
        try:
            while size - at >= 6 and taken < TURN and not (self._left or self._kept or self._is_in_message):
                second = data[at + 1]
                length, head = second & 0x7F, at + 2
                if length == 126:
                    length, head = int.from_bytes(data[head : head + 2], "big"), head + 2
                end = head + 4 + length
                if data[at] != _TEXT or not second & _MASKED or length == 127 or end > size:
                    break
                payload = bytearray(data[head + 4 : end])
                websocket_mask(data[head : head + 4], payload)
                rounds.last = end == size
                try:
                    message = loads(payload)
                except ValueError:
                    break
                if not self.take(message):
                    break
                taken += 1
                at = end
        finally:
            rounds.write()
        return self._leave(data, at) if at < size else b""

    def _leave(self, data: bytes, at: int) -> bytes:
        """All of it from there on, but for a head that is not whole."""
        if self._kept:
            data, self._kept = self._kept + data[at:], b""
            at = 0
        start, size = at, len(data)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                continue
            if (head := _head(data, at)) is None:
                break
            first, length, at = data[at], head[0], head[1]
            if not first & _CONTROL:
                self._is_in_message = not first & _LAST
            self._left = length
        self._kept = data[at:]
        if at > start:
            self.is_ready = False
        return data[start:at]


def _head(data: bytes, at: int) -> tuple[int, int] | None:
    """How long the payload is, and where it begins; None when not all of the head is there."""
    if len(data) - at < 2:
        return None
    length, begins = data[at + 1] & 0x7F, at + 2
    if length > 125:
        more = 2 if length == 126 else 8
        length, begins = int.from_bytes(data[begins : begins + more], "big"), begins + more
    if data[at + 1] & _MASKED:
        begins += 4
    return (length, begins) if begins <= len(data) else None
