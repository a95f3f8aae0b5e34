"""Server-sent events (HTML standard, section 9.2): the payloads in a stream of bytes, wherever that is cut."""

from __future__ import annotations

LIMIT = 8 * 2**20  # bytes of one event or document; whatever sends more is no chat

_BOM = b"\xef\xbb\xbf"


class TooBig(ValueError):
    """More than ``LIMIT`` bytes without an end."""


class Reader:
    """Takes an answer as it arrives and gives its JSON documents.

    That is the payload of each event, or all of it when it begins like a document: there are servers that answer so
    although they were asked for a stream. Raises ``TooBig``.
    """

    def __init__(self) -> None:
        self.whole: bool | None = None
        """Whether the answer is one document; None as long as nothing says so."""
        self._rest = b""
        self._more: list[bytes] = []
        self._size = 0
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The documents that end in ``chunk``."""
        self._size += len(chunk)
        if self._size > LIMIT:
            raise TooBig
        if self.whole is None:
            chunk = chunk.removeprefix(_BOM).lstrip()
            if not chunk:
                return []
            self.whole = chunk[:1] in (b"{", b"[")
        if self.whole or (b"\n" not in chunk and b"\r" not in chunk):
            self._more.append(chunk)
            return []
        lines = self._taken(chunk).splitlines(keepends=True)
        if not lines[-1].endswith(b"\n"):  # also after "\r", as its "\n" may follow
            self._rest = lines.pop()
        found = self._events(lines)
        self._size = len(self._rest) + sum(map(len, self._data))
        return found

    def end(self) -> list[bytes]:
        """What is left when nothing more comes; an event may lack the empty line after it."""
        rest = self._taken(b"")
        if self.whole:
            return [rest]
        return self._events([*rest.splitlines(), b""])

    def _taken(self, chunk: bytes) -> bytes:
        if not self._more and not self._rest:
            return chunk
        taken = b"".join((self._rest, *self._more, chunk))
        self._rest = b""
        self._more.clear()
        return taken

    def _events(self, lines: list[bytes]) -> list[bytes]:
        found = []
        data = self._data
        for ended in lines:
            line = ended.rstrip(b"\r\n")
            if line.startswith(b"data:"):
                data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line and data:
                found.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
        return found
