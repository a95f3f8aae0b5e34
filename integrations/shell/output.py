"""What a command prints: the beginning and the end of it, however much it is."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Output:
    """Keeps at most ``limit`` bytes, half of them from the beginning."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.length = 0

    def add(self, data: bytes) -> None:
        """More of it."""
        self.length += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def text(self) -> str:
        """As a person would see it on a screen without colours."""
        tail = bytes(self._tail[-self._half :])
        left_out = self.length - len(self._head) - len(tail)
        if not left_out:
            return _readable(bytes(self._head) + tail)
        return f"{_readable(bytes(self._head))}\n[… {left_out} bytes left out …]\n{_readable(tail)}"


def _readable(data: bytes) -> str:
    text = _SIGNS.sub("", data.decode("utf-8", "replace").replace("\r\n", "\n"))
    return "\n".join(line.rpartition("\r")[2] for line in text.split("\n"))
