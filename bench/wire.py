"""Clients that cost less than the servers they ask: plain sockets, bytes that lie ready, answers read in a hurry."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import api

HEADERS = "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: bench\r\n"
READ = 1 << 18
PING, PONG = 0x89, b"\x8a\x80\0\0\0\0"


class Connection:
    """A socket that counts whole HTTP answers."""

    def __init__(self, running: api.Running) -> None:
        address = urlsplit(running.url)
        self._head = f"Host: {address.netloc}\r\nAuthorization: Bearer {running.token}\r\n{HEADERS}"
        self.socket = socket.create_connection((address.hostname or "", address.port or 0), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._kept = b""

    def get(self, path: str) -> bytes:
        """The bytes of a request."""
        return f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode()

    def post(self, path: str, body: object) -> bytes:
        """The bytes of a request with JSON."""
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Type: application/json\r\n"
        return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content

    def ask(self, request: bytes) -> None:
        """Send it and wait for its answer."""
        self.socket.sendall(request)
        while not self.answered():
            pass

    def answered(self) -> int:
        """Read once; how many answers ended."""
        self._kept += self._read()
        found = 0
        while (end := self._kept.find(b"\r\n\r\n")) >= 0:
            head = self._kept[:end].lower()
            if not head.startswith(b"http/1.1 20"):
                raise SystemExit(f"the server says: {head.decode(errors='replace')}")
            size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._kept) < end + 4 + size:
                break
            self._kept = self._kept[end + 4 + size :]
            found += 1
        return found

    def _read(self) -> bytes:
        data = self.socket.recv(READ)
        if not data:
            raise SystemExit("the server has hung up")
        return data

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


class WebSocket(Connection):
    """A socket that has signed in and counts results of commands, or events."""

    def __init__(self, running: api.Running) -> None:
        super().__init__(running)
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        upgrade += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        self.socket.sendall(f"GET /api/websocket HTTP/1.1\r\n{self._head.partition('Auth')[0]}{upgrade}".encode())
        while b"\r\n\r\n" not in self._kept:
            self._kept += self._read()
        self._kept = self._kept.partition(b"\r\n\r\n")[2]
        self._id = 0
        self.socket.sendall(api.frame({"type": "auth", "access_token": running.token}))
        while not any(b"auth_ok" in frame for frame in self._frames()):
            pass

    def command(self, message: dict[str, Any]) -> bytes:
        """The bytes of a command, with the next id."""
        self._id += 1
        return api.frame({"id": self._id, **message})

    def answered(self) -> int:
        """Read once; how many commands were answered. Ends the program when one was refused."""
        found = 0
        for frame in self._frames():
            if b'"success":false' in frame:
                raise SystemExit(f"the server says: {frame.decode(errors='replace')}")
            found += frame.count(b'"type":"result"') + frame.count(b'"type":"pong"')
        return found

    def events(self) -> int:
        """Read once; how many events were in it."""
        return sum(frame.count(b'"event_type"') for frame in self._frames())

    def _frames(self) -> list[bytes]:
        """Read once; the frames that are whole."""
        kept, at = self._kept + self._read(), 0
        found = []
        while len(kept) >= at + 2:
            size, start = kept[at + 1] & 127, at + 2
            if size > 125:
                wide = 2 if size == 126 else 8
                size, start = int.from_bytes(kept[start : start + wide], "big"), start + wide
            if len(kept) < start + size:
                break
            if kept[at] == PING:
                self.socket.sendall(PONG)
            found.append(kept[start : start + size])
            at = start + size
        self._kept = kept[at:]
        return found


def saturate(connections: Sequence[Connection], request: Callable[[Any], bytes], count: int) -> None:
    """Each connection asks again as soon as it is answered, until ``count`` calls were answered."""
    with select.epoll() as poll:
        by_number = {one.socket.fileno(): one for one in connections}
        for number, one in by_number.items():
            poll.register(number, select.EPOLLIN)
            one.socket.sendall(request(one))
        sent, done = len(connections), 0
        while done < count:
            for number, _ in poll.poll():
                one = by_number[number]
                for _ in range(one.answered()):
                    done += 1
                    if sent < count:
                        one.socket.sendall(request(one))
                        sent += 1


def deliver(fires: WebSocket, listening: Sequence[WebSocket], event: dict[str, Any], count: int, window: int) -> None:
    """Fire ``count`` events, of which at most ``window`` have not reached everybody, and wait for the last."""
    with select.epoll() as poll:
        by_number = {one.socket.fileno(): one for one in listening}
        got = dict.fromkeys(by_number, 0)
        for number in [*by_number, fires.socket.fileno()]:
            poll.register(number, select.EPOLLIN)
        sent = answered = 0
        while (slowest := min(got.values())) < count or answered < count:
            if room := min(window - (sent - slowest), count - sent):
                fires.socket.sendall(b"".join(fires.command(event) for _ in range(room)))
                sent += room
            for number, _ in poll.poll():
                if number in got:
                    got[number] += by_number[number].events()
                else:
                    answered += fires.answered()
