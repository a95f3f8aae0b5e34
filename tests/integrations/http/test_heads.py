"""A head that came before is known, byte for byte; everything else about a request is looked at anew."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from integrations.http.heads import Heads

from .conftest import Line


@pytest.fixture
def heads(line: Line) -> Heads:
    """Those that the server knows."""
    found: Heads = line.site.entry.data._runner.server._heads
    return found


async def _whole(line: Line, raw: bytes) -> tuple[int, bytes]:
    line.writer.write(raw)
    status, _, body = await line.hear()
    return status, body


def _raw(line: Line, path: str, body: bytes | None = None) -> bytes:
    method = "GET" if body is None else "POST"
    more = "" if body is None else f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    token = line.site.bearer("admin")["Authorization"]
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n{more}\r\n"
    return head.encode() + (body or b"")


async def test_the_same_request_is_answered_the_same_each_time(line: Line, heads: Heads) -> None:
    before = len(heads)
    for _ in range(3):
        assert await _whole(line, _raw(line, "/quick")) == (200, b'{"task":False}')
    assert len(heads) == before + 1
    assert heads.find(_raw(line, "/quick")) is not None


async def test_another_connection_knows_them_as_well(line: Line, heads: Heads) -> None:
    await _whole(line, _raw(line, "/quick"))
    reader, writer = await asyncio.open_connection("127.0.0.1", line.site.port)
    other = Line(line.site, reader, writer)
    assert await _whole(other, _raw(line, "/quick")) == (200, b'{"task":False}')
    writer.close()


async def test_each_body_is_its_own(line: Line, heads: Heads) -> None:
    for number in range(1, 4):
        status, body = await _whole(line, _raw(line, "/quick/one", b'{"a": %d}' % number))
        assert (status, b'"got":{"a":%d}' % number in body) == (200, True)
    assert heads.find(_raw(line, "/quick/one", b'{"a": 9}')) is not None
    assert heads.find(_raw(line, "/quick/one", b'{"a": 9}') + b"x") is None


async def test_a_known_head_of_a_view_that_waits_is_answered_in_its_task(line: Line) -> None:
    for _ in range(3):
        assert await _whole(line, _raw(line, "/slow")) == (200, b'{"task":True}')


async def test_a_body_that_looks_like_a_known_head_is_a_body(line: Line) -> None:
    inner = _raw(line, "/quick")
    assert await _whole(line, inner) == (200, b'{"task":False}')
    head = _raw(line, "/quick/one", inner)[: -len(inner)]
    line.writer.write(head)
    await asyncio.sleep(0.05)
    line.writer.write(inner)
    status, _, _ = await line.hear()
    assert status == 400  # no JSON, but it was read as the body
    await asyncio.sleep(0.05)
    assert not line.reader._buffer  # type: ignore[attr-defined]


async def test_a_head_in_two_parts_is_one_request(line: Line) -> None:
    whole = _raw(line, "/quick")
    assert await _whole(line, whole) == (200, b'{"task":False}')
    line.writer.write(whole[:30])
    await asyncio.sleep(0.05)
    assert await _whole(line, whole[30:]) == (200, b'{"task":False}')
    assert await _whole(line, whole) == (200, b'{"task":False}')
    # what ends a head, in the midst of another one
    line.writer.write(whole[:-2] + b"X-More: ")
    await asyncio.sleep(0.05)
    line.writer.write(whole)
    status, _, _ = await line.hear()
    assert status in (200, 400)


async def test_many_at_once_are_all_answered(line: Line) -> None:
    one = _raw(line, "/quick")
    await _whole(line, one)
    line.writer.write(one * 5)
    assert [(await line.hear())[0] for _ in range(5)] == [200] * 5
    assert await _whole(line, one) == (200, b'{"task":False}')


async def test_who_asks_is_looked_at_each_time(line: Line) -> None:
    one = _raw(line, "/quick")
    assert (await _whole(line, one))[0] == 200
    line.site.hub.credentials.revoke("admin")
    assert (await _whole(line, one))[0] == 401


@pytest.mark.parametrize(
    "more",
    [
        "Connection: close",
        "Transfer-Encoding: chunked",
        "Content-Length: 2",
        "Upgrade: websocket\r\nConnection: Upgrade",
        f"X-Long: {'x' * 4000}",
    ],
)
async def test_what_is_more_than_a_plain_request_is_read_by_the_parser(line: Line, heads: Heads, more: str) -> None:
    before = len(heads)
    raw = _raw(line, "/quick").removesuffix(b"\r\n") + f"{more}\r\n\r\n".encode()
    line.writer.write(raw)
    if "chunked" in more:
        line.writer.write(b"0\r\n\r\n")
    elif "Content-Length" in more:
        await asyncio.sleep(0.05)
        line.writer.write(b"{}")
    assert (await line.hear())[0] == 200
    assert len(heads) == before


async def test_only_so_many_are_kept(line: Line, heads: Heads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.http.heads.MOST", 4)
    for number in range(10):
        await _whole(line, _raw(line, f"/quick?{number}"))
    assert 0 < len(heads) <= 4


def test_heads_that_say_something_else_are_not_the_same() -> None:
    class Message:
        version = (1, 1)
        upgrade = should_close = chunked = False
        compression = None

        def __init__(self, *lengths: str) -> None:
            from multidict import CIMultiDict

            self.headers: Any = CIMultiDict([("Content-Length", length) for length in lengths])

    class Body:
        def is_eof(self) -> bool:
            return True

    known = Heads()
    assert not known.keep(b"POST / HTTP/1.1\r\n\r\nab", Message("+2"), Body())
    assert not known.keep(b"POST / HTTP/1.1\r\n\r\nab", Message("2", "2"), Body())
    assert not known.keep(b"POST / HTTP/1.1\r\n\r\nabc", Message("2"), Body())
    assert not known.keep(b"POST / HTTP/1.1\r\n", Message(), Body())
    assert not len(known)
    assert known.keep(b"POST / HTTP/1.1\r\n\r\nab", Message("2"), Body())
    assert known.find(b"POST / HTTP/1.1\r\n\r\nab") is not None
    assert known.find(b"POST / HTTP/1.1\r\n\r\nabc") is None
