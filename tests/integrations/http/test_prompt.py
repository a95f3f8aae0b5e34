"""What is answered without a task on an open connection is checked, told and dressed like everything else."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from nanobot.contracts.view import Access, View
from nanobot.hub.web import ABOUT, json_response

from .conftest import Line


async def test_a_prompt_view_runs_without_a_task_and_its_answer_has_the_same_headers(line: Line) -> None:
    status, headers, body = await line.ask("/quick")
    assert (status, body) == (200, b'{"task":False}')
    _, others, body = await line.ask("/slow")
    assert body == b'{"task":True}'
    for known in (headers, others):
        known.pop("Date"), known.pop("Content-Length")
    assert headers == others


async def test_requests_on_one_connection_are_answered_in_their_order(line: Line) -> None:
    for path in ("/quick", "/slow", "/quick", "/nothing", "/quick"):
        line.say(path)
    assert [(await line.hear())[0] for _ in range(5)] == [200, 200, 200, 404, 200]
    assert (await line.ask("/quick"))[0] == 200


async def test_a_body_may_come_later_than_its_headers(line: Line) -> None:
    line.say("/quick/one", method="POST", body=b'{"a": 1}')
    assert b'"name":"one"' in (await line.hear())[2]
    reader, writer, body = line.reader, line.writer, b'{"a": 2}'
    token = line.site.bearer("admin")["Authorization"]
    writer.write(f"POST /quick/two HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n".encode())
    writer.write(f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    await writer.drain()
    await asyncio.sleep(0.05)
    assert not reader._buffer  # type: ignore[attr-defined]
    writer.write(body)
    status, _, answer = await line.hear()
    assert (status, b'"got":{"a":2}' in answer) == (200, True)


@pytest.mark.parametrize(
    ("more", "access", "status"),
    [
        ((), "", 401),
        (("Authorization: Bearer wrong",), "", 401),
        (("Host: evil.example",), "admin", 403),
        (("Host: evil example",), "admin", 400),
    ],
)
async def test_who_may_not_ask_is_refused(line: Line, more: tuple[str, ...], access: str, status: int) -> None:
    found, headers, _ = await line.ask("/quick", *more, access=access)
    assert (found, headers["X-Frame-Options"], headers["Server"]) == (status, "DENY", "nanobot")


async def test_the_access_and_the_origin_count(line: Line) -> None:
    assert (await line.ask("/quick/one", method="POST", body=b"{}", access="read"))[0] == 403
    assert (await line.ask("/quick/one", "Origin: https://evil.example", method="POST", body=b"{}"))[0] == 403
    assert (await line.ask("/quick/one", method="POST", body=b"{}"))[0] == 200


async def test_a_revoked_token_opens_nothing_from_the_next_request_on(line: Line) -> None:
    assert (await line.ask("/quick"))[0] == 200
    line.site.hub.credentials.revoke("admin")
    assert (await line.ask("/quick"))[0] == 401


async def test_a_view_that_goes_is_gone_at_once(line: Line) -> None:
    async def other(request: web.Request) -> web.Response:
        return json_response({})

    take_back = line.site.entry.add(View("GET", "/guest", Access.READ, other, prompt=True))
    assert (await line.ask("/guest"))[0] == 200
    take_back()
    assert (await line.ask("/guest"))[0] == 404


async def test_one_that_waits_after_all_goes_on_in_a_task_and_ends_with_its_token(line: Line) -> None:
    gate, ended = asyncio.Event(), asyncio.Event()

    async def waits(request: web.Request) -> web.Response:
        try:
            await gate.wait()
            async with asyncio.timeout(5):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            ended.set()
            raise
        return json_response({"who": request[ABOUT].identity.name})

    line.site.entry.add(View("GET", "/waits", Access.READ, waits, prompt=True))
    line.say("/waits")
    line.say("/quick")
    await asyncio.sleep(0.05)
    gate.set()
    assert (await line.hear())[2] == b'{"who":"admin"}'
    assert (await line.hear())[0] == 200
    gate.clear()
    line.say("/waits", access="read")
    await asyncio.sleep(0.05)
    line.site.hub.credentials.revoke("read")
    line.site.hub.credentials.check()
    async with asyncio.timeout(5):
        await ended.wait()
    assert len(line.site.entry.data.dispatcher.live) == 0


async def test_a_failure_of_a_prompt_view_is_told_and_the_connection_goes_on(line: Line) -> None:
    async def fails(request: web.Request) -> web.Response:
        raise ValueError("no")

    async def moves(request: web.Request) -> web.Response:
        raise web.HTTPFound("/quick")

    line.site.entry.add(View("GET", "/fails", Access.READ, fails, prompt=True))
    line.site.entry.add(View("GET", "/moves", Access.READ, moves, prompt=True))
    assert (await line.ask("/fails"))[0] == 500
    assert (await line.ask("/moves"))[1]["Location"] == "/quick"
    assert (await line.ask("/quick"))[0] == 200


async def test_a_client_may_ask_whether_to_go_on(line: Line) -> None:
    line.say("/quick/one", "Expect: 100-continue", method="POST", body=b"{}")
    async with asyncio.timeout(5):
        assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await line.hear())[0] == 200
    assert (await line.ask("/quick", "Expect: cake"))[0] == 417
