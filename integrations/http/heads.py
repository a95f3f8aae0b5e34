"""Heads of requests that came before, byte for byte, and what aiohttp has read in them.

Programs ask for the same thing again and again, and the same bytes say the same each time. So only what is new is
parsed. What a head says is all that is kept: who asks, and what they may, is looked at for each request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import EMPTY_PAYLOAD

END = b"\r\n\r\n"
LONGEST = 2048  # bytes of a head; longer ones are read each time
MOST = 256
LONGEST_BODY = 16 * 1024  # bytes of a body that comes with its head
_HTTP_1_1 = (1, 1)


@dataclass(frozen=True, slots=True)
class Head:
    """``message`` is what the parser of aiohttp has made of it; ``length`` the bytes of the body that it announces."""

    message: Any
    length: int


class Heads:
    """Those of all connections of one server."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head of a request that is ``data`` and nothing else, and its body; None where it has to be parsed."""
        end = data.find(END, 0, LONGEST) + len(END)
        head = self._known.get(data[:end])
        return None if head is None or len(data) != end + head.length else (head, data[end:])

    def keep(self, data: bytes, message: Any, payload: Any) -> bool:
        """Whether ``data`` is that one request from its first byte to its last, so that the next byte begins another
        one. ``message`` and ``payload`` are what aiohttp has made of it. If it is, its head may be kept."""
        if getattr(message, "version", None) != _HTTP_1_1 or message.upgrade or message.should_close or message.chunked:
            return False
        end = data.find(END, 0, LONGEST) + len(END)
        if end < len(END) or message.compression or "Transfer-Encoding" in message.headers:
            return False
        announced = message.headers.getall("Content-Length", ())
        if not announced:
            length = 0
        elif len(announced) == 1 and announced[0].isascii() and announced[0].isdigit():
            length = int(announced[0])
        else:
            return False
        if (payload is EMPTY_PAYLOAD) != (length == 0) or not payload.is_eof() or len(data) != end + length:
            return False
        if length <= LONGEST_BODY:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[data[:end]] = Head(message, length)
        return True
