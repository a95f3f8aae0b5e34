"""Many at once, and slow ones: nobody without credentials may use up what the hub needs."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib

import pytest
from aiohttp import web

from nanobot.contracts.view import Access, View
from nanobot.hub.entry import Entry
from nanobot.hub.web import json_response
from tests.integrations.http.conftest import Site


async def silent(site: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", site.port)


async def said(reader: asyncio.StreamReader) -> bytes:
    """What the server says until it hangs up."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            return await reader.read()
    return b""


async def test_whoever_connects_and_says_nothing_is_hung_up_on(site: Site) -> None:
    site.entry.data._door.silent_for = 0.2
    reader, writer = await silent(site)
    assert await said(reader) == b""
    writer.close()


async def test_headers_that_come_drop_by_drop_are_not_waited_for(site: Site) -> None:
    site.entry.data._door.silent_for = 0.3
    reader, writer = await silent(site)
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Drop: ")
    began = time.monotonic()

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    assert b"200" not in await said(reader)
    assert time.monotonic() - began < 30  # without a limit it would never end
    dripping.cancel()
    writer.close()


async def test_silent_connections_make_room_for_those_who_ask(site: Site) -> None:
    site.entry.data._door.most = 10
    many = [await silent(site) for _ in range(30)]
    assert (await site.get("/health")).status == 200
    for _, writer in many:
        writer.close()


async def test_those_who_ask_nothing_more_make_room_and_the_longest_idle_first(site: Site) -> None:
    site.entry.data._door.most = 10
    ask = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    idle = []
    for _ in range(10):
        reader, writer = await silent(site)
        writer.write(ask)
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(b'{"status":"ok"}'))
        idle.append((reader, writer))
    assert (await site.get("/health")).status == 200
    assert await said(idle[0][0]) == b""
    idle[-1][1].write(ask)
    assert b"200" in await idle[-1][0].readline()
    for _, writer in idle:
        writer.close()


async def test_bodies_that_do_not_come_make_room_for_those_who_ask(site: Site) -> None:
    site.entry.data._door.most = 10
    head = (
        b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    slow = [await silent(site) for _ in range(10)]
    for _, writer in slow:
        writer.write(head + b"Content-Length: 99\r\n\r\n{")
    server = site.entry.data._door._runner.server
    async with asyncio.timeout(10):
        while sum(one.is_slow for one in server.connections) < 10:
            await asyncio.sleep(0.01)
    assert (await site.get("/health")).status == 200
    for _, writer in slow:
        writer.close()


async def test_a_connection_that_was_heard_stays_open(site: Site) -> None:
    site.entry.data._door.silent_for = 0.1
    reader, writer = await silent(site)
    ask = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    writer.write(ask)
    assert b"200" in await reader.readline()
    await asyncio.sleep(0.3)  # longer than a silent one has
    writer.write(ask)
    await writer.drain()
    assert not reader.at_eof()
    writer.close()


async def test_a_stranger_cannot_have_a_large_body_kept(site: Site) -> None:
    answer = await site.post("/auth/login", {"token": "x" * 100_000})
    assert answer.status == 413
    answer = await site.post("/auth/claim", {"code": "x" * 100_000})
    assert answer.status == 413


@pytest.mark.parametrize(
    "ask",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        *(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %b\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!" % (path, kind)
            for path, kind in (
                (b"/auth/login", b"application/json"),
                (b"/auth/token", b"application/x-www-form-urlencoded"),
                (b"/auth/token", b"multipart/form-data; boundary=x"),
            )
        ),
    ],
    ids=["long header", "many headers", "long path", "tls", "smuggling", "packed json", "packed form", "packed parts"],
)
async def test_what_is_no_sound_request_is_refused_without_details(
    site: Site, ask: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await silent(site)
    writer.write(ask)
    answer = await said(reader)
    assert not answer or answer.split()[1] == b"400"
    assert b"Traceback" not in answer
    assert b"site-packages" not in answer
    assert "Traceback" not in caplog.text
    assert (await site.get("/health")).status == 200
    writer.close()


async def test_what_would_unpack_to_very_much_is_not_unpacked(site: Site) -> None:
    packer = zlib.compressobj()
    first, again = (packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    body = first + again * 399
    reader, writer = await silent(site)
    head = b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    began = time.process_time()
    writer.write(head + b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await said(reader)
    assert time.process_time() - began < 0.3  # all of the 400 MB would take twice as long or more
    assert (await site.get("/health")).status == 200
    writer.close()


async def test_a_body_may_not_be_larger_than_configured(site: Site, views: object) -> None:
    reader, writer = await silent(site)
    head = f"POST /test/user HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.tokens['user']}\r\n"
    writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_whoever_asks_and_does_not_read_the_answer_is_cut_off(site: Site, entry: Entry) -> None:
    big = json_response({"text": "x" * 30_000_000})

    async def serve(request: web.Request) -> web.StreamResponse:
        return big

    entry.add(View("GET", "/test/big", Access.READ, serve))
    door = site.entry.data._door
    door.stuck_for = 0.4
    door._next = 0.0
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1024)
    writer.write(
        f"GET /test/big HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.tokens['read']}\r\n\r\n".encode()
    )
    assert b"200" in await reader.readline()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    server = door._runner.server
    async with asyncio.timeout(10):
        while server.connections:
            await asyncio.sleep(0.05)
    writer.close()
    assert (await site.get("/health")).status == 200
