"""Frames that no good client sends, byte by byte: the connection ends, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from nanobot.contracts.view import Access

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
WITHIN = 10.0  # s


def frame(code: int, payload: bytes, *, last: bool = True, masked: bool = True, flags: int = 0) -> bytes:
    """As RFC 6455 has it, 5.2."""
    head = bytes([(0x80 if last else 0) | flags | code])
    size, bit = len(payload), 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def say(message: Any) -> bytes:
    return orjson.dumps(message)


class Raw:
    """A connection that has signed in, and says bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def receive(self) -> tuple[int, bytes]:
        """The code and payload of the next frame. Raises ``ConnectionError`` or ``EOFError`` at the end."""
        async with asyncio.timeout(WITHIN):
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def hears(self) -> Any:
        """The JSON of the next frame."""
        code, payload = await self.receive()
        assert code == TEXT, (code, payload)
        return orjson.loads(payload)

    async def ends(self) -> None:
        """It is closed by the other side, which says nothing more of its own."""
        try:
            while (await self.receive())[0] in (CLOSE, PONG):
                pass
        except (EOFError, ConnectionError):
            return
        raise AssertionError("it goes on")


@pytest.fixture
async def raw(socket: Any) -> AsyncIterator[Raw]:
    address = urlsplit(socket.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**24)
    raw = Raw(reader, writer)
    head = [f"GET {address.path} HTTP/1.1", f"Host: {address.netloc}", "Upgrade: websocket", "Connection: Upgrade"]
    head += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]
    writer.write("\r\n".join(head).encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    assert (await raw.hears())["type"] == "auth_required"
    writer.write(frame(TEXT, say({"type": "auth", "access_token": socket.tokens[Access.ADMIN]})))
    assert (await raw.hears())["type"] == "auth_ok"
    yield raw
    writer.close()


async def test_a_message_may_come_in_fragments_with_pings_between(raw: Raw) -> None:
    parts = [say({"id": 1, "type": "ping"})[at : at + 3] for at in range(0, 22, 3)]
    for index, part in enumerate(parts):
        raw.writer.write(frame(TEXT if index == 0 else 0, part, last=index == len(parts) - 1))
        raw.writer.write(frame(PING, b"%d" % index))
    heard = [await raw.receive() for _ in range(len(parts) + 1)]
    assert [payload for code, payload in heard if code == PONG] == [b"%d" % index for index in range(len(parts))]
    assert [orjson.loads(payload) for code, payload in heard if code == TEXT] == [{"id": 1, "type": "pong"}]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(frame(0, b"x"), id="a continuation of nothing"),
        pytest.param(frame(TEXT, b"{", last=False) + frame(TEXT, b"}"), id="a message inside of another"),
        pytest.param(frame(0x3, b"x"), id="an opcode that nobody knows"),
        pytest.param(frame(TEXT, say({"id": 1, "type": "ping"}), flags=0x40), id="a reserved bit"),
        pytest.param(frame(PING, b"x" * 126), id="a ping that is too long"),
        pytest.param(frame(PING, b"x", last=False), id="a ping in fragments"),
        pytest.param(frame(TEXT, b'{"id": 1, "type": "\xff"}'), id="text that is no UTF-8"),
        pytest.param(frame(BINARY, b"\x01\x02"), id="a binary frame"),
        pytest.param(frame(BINARY, b""), id="an empty binary frame, then a broken one"),
        pytest.param(frame(CLOSE, b"\x03"), id="a close with half a code"),
        pytest.param(frame(CLOSE, struct.pack("!H", 1005)), id="a close with a code that is not to be sent"),
        pytest.param(frame(TEXT, b"[" * 200_000), id="lists in lists in lists"),
        pytest.param(frame(TEXT, b'{"a":' * 100_000 + b"1" + b"}" * 100_000), id="objects in objects in objects"),
        pytest.param(frame(TEXT, b"1" * 5000), id="a number without end"),
        pytest.param(frame(TEXT, b""), id="nothing at all"),
        pytest.param(b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"abcd", id="a frame of eight exabytes"),
        pytest.param(b"\x81\xff" + b"\xff" * 8 + b"abcd", id="a frame of negative size"),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection(raw: Raw, client: Any, sent: bytes) -> None:
    raw.writer.write(sent + frame(0x7, b""))
    await raw.ends()
    await client.is_quiet()


@pytest.mark.parametrize("given", [2**53, 2**63, 2**64, 10**400, -1, -(2**70), 1.0, 1e3, "1", True, None, [1], {}])
async def test_an_id_that_not_every_client_can_count_to_is_refused(client: Any, given: Any) -> None:
    await client.socket.send_str(json.dumps({"id": given, "type": "ping"}))
    try:
        answer = await client.receive()
    except ConnectionError:
        assert isinstance(given, int)  # more digits than JSON readers take
        assert given == 10**400
        return
    assert answer["error"]["code"] == "invalid_format", answer
    await client.is_quiet()


async def test_the_same_id_again_is_refused_and_a_name_that_comes_twice_counts_once(client: Any) -> None:
    await client.socket.send_str('{"id": 5, "id": 7, "type": "get_config", "type": "ping"}')
    assert await client.receive() == {"id": 7, "type": "pong"}
    await client.socket.send_str('[{"id": 8, "type": "ping"}, {"id": 8, "type": "ping"}]')
    assert await client.receive() == {"id": 8, "type": "pong"}
    assert (await client.receive())["error"]["code"] == "id_reuse"
