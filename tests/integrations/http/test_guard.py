"""What keeps foreign pages, foreign names and malformed requests out, and what each answer carries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError, web

from nanobot.contracts.view import Access, View
from nanobot.errors import Busy, NotReady, Refused
from nanobot.hub.entry import Entry
from nanobot.hub.web import WebError

Make = Callable[..., Awaitable[Any]]


def cookie_header(cookies: dict[str, str]) -> str:
    """For where the client takes no cookies."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


async def raw(port: int, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; status and the rest."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    head = answer.split(b" ", 2)
    return int(head[1]), answer


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}", "127.9.9.9",
                                  "localhost.", "hub.example:8443", "HUB.example."])  # fmt: skip
async def test_our_own_names_are_served(make_site: Make, views: Entry, host: str) -> None:
    site = await make_site(trusted_hosts="hub.example")
    headers = {"Host": host.format(port=site.port), **site.bearer("read")}
    assert (await site.get("/test/read", headers=headers)).status == 200


@pytest.mark.parametrize("path", ["/", "/health", "/test/read", "/login", "/nowhere"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:18790", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.7",
             "0.0.0.0", "[::2]", "2130706433", "example"])  # fmt: skip
async def test_a_rebound_name_is_refused_before_anything(site: Any, views: Entry, host: str, path: str) -> None:
    status, answer = await raw(
        site.port,
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {site.tokens['admin']}\r\n"
        "Connection: close\r\n\r\n".encode(),
    )
    assert status == 403
    assert b'"message"' in answer


@pytest.mark.parametrize(
    "line",
            ["", "Host: \r\n", "Host: a/b\r\n", "Host: localhost/x\r\n", "Host: localhost?x\r\n",
             "Host: localhost#x\r\n",
             "Host: user@localhost\r\n", "Host: localhost:99999\r\n", "Host: localhost:\r\n", "Host: local host\r\n",
             "Host: [localhost]\r\n", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost,evil.example\r\n",
             "Host: localhost\\evil\r\n", "Host: 127.0.0.1:80:80\r\n", "Host: ..\r\n"])  # fmt: skip
async def test_a_malformed_host_is_400(site: Any, views: Entry, line: str) -> None:
    request = (
        f"GET /test/read HTTP/1.1\r\n{line}Authorization: Bearer {site.tokens['read']}\r\nConnection: close\r\n\r\n"
    )
    status, _ = await raw(site.port, request.encode())
    assert status == 400


@pytest.mark.parametrize("target", ["http://127.0.0.1/health", "http://evil.example/health", "*"])
async def test_a_request_asks_for_a_path(site: Any, target: str) -> None:
    status, _ = await raw(site.port, f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert status in (400, 404)


FOREIGN = ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example", "file://", "",
           "http://evil.example/http://127.0.0.1", "http://user@127.0.0.1:{port}", "data:,x"]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_cannot_act(site: Any, views: Entry, origin: str) -> None:
    headers = {"Origin": origin.format(port=site.port)}
    for more in ({"Cookie": cookie_header(await site.session())}, site.bearer("admin"), {}):
        sent = {**more, **headers}
        assert (await site.post("/test/public", headers=sent)).status == 403
        assert (await site.post("/test/admin", headers=sent)).status == 403
        with pytest.raises(WSServerHandshakeError) as caught:
            async with site.client.ws_connect(f"{site.url}/test/read/ws", headers=sent):
                pass
        assert caught.value.status == 403


async def test_our_own_page_can_act(site: Any, views: Entry) -> None:
    headers = {"Origin": site.url, "Cookie": cookie_header(await site.session())}
    assert (await site.post("/test/admin", {"a": 1}, headers=headers)).status == 200
    async with site.client.ws_connect(f"{site.url}/test/read/ws", headers=headers) as socket:
        await socket.send_str("a")
        assert await socket.receive_str() == "heard a"


async def test_a_cookie_without_an_origin_cannot_act(site: Any, views: Entry) -> None:
    cookies = await site.session()
    assert (await site.post("/test/admin", cookies=cookies)).status == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (await site.post("/test/public", headers=cross)).status == 403


async def test_a_program_with_a_token_needs_no_origin(site: Any, views: Entry) -> None:
    assert (await site.post("/test/admin", headers=site.bearer("admin"))).status == 200


async def test_an_allowed_origin_reads_with_a_token_but_never_with_a_cookie(make_site: Make, views: Entry) -> None:
    site = await make_site(allowed_origins=["https://app.example/"])
    origin = {"Origin": "https://app.example"}
    asked = await site.ask("OPTIONS", "/test/admin", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example")
    done = await site.post("/test/admin", headers={**origin, **site.bearer("admin")})
    assert (done.status, done.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example")
    assert "Access-Control-Allow-Credentials" not in done.headers
    assert asked.headers["Access-Control-Allow-Headers"] == "Authorization, *"
    other = {"Origin": "https://other.example"}
    assert (await site.ask("OPTIONS", "/test/admin", headers=other)).status == 403
    read = await site.get("/test/read", headers={**other, **site.bearer("read")})
    assert "Access-Control-Allow-Origin" not in read.headers


async def test_every_answer_carries_the_security_headers(site: Any, views: Entry) -> None:
    for path, headers in (("/health", {}), ("/nowhere", {}), ("/test/read", {}), ("/login", {}),
                          ("/test/read", site.bearer("read")), ("/auth/www/login.js", {}),
                          ("/health", {"Host": "evil.example"})):  # fmt: skip
        answer = (await site.get(path, headers=headers)).headers
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Server"] == "nanobot"
        assert "Cache-Control" in answer


async def test_errors_are_sentences_in_json(site: Any, entry: Entry) -> None:
    async def boom(request: web.Request) -> web.StreamResponse:
        match request.match_info["kind"]:
            case "fault":
                raise ZeroDivisionError("secret detail")
            case "refused":
                raise Refused("you are not let in")
            case "busy":
                raise Busy("too much waits")
            case "away":
                raise NotReady("the thing is away")
            case "web":
                raise WebError(409, "that is there already")
        raise web.HTTPNotFound

    entry.add(View("GET", "/boom/{kind}", Access.READ, boom))
    entry.add(View("POST", "/only/post", Access.READ, boom))
    expected = {
        "fault": (500, "something went wrong in nanobot; its log says what"),
        "refused": (403, "you are not let in"),
        "busy": (429, "too much waits"),
        "away": (503, "the thing is away"),
        "web": (409, "that is there already"),
        "nothing": (404, "not found"),
    }
    for kind, (status, message) in expected.items():
        answer = await site.get(f"/boom/{kind}", headers=site.bearer("read"))
        assert (answer.status, await answer.json()) == (status, {"message": message})
    answer = await site.get("/only/post", headers=site.bearer("read"))
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_a_body_that_is_too_large_is_refused(make_site: Make, views: Entry) -> None:
    site = await make_site(max_body_mb=1)
    answer = await site.ask("POST", "/test/user", data=b"x" * (1024 * 1024 + 1), headers=site.bearer("user"))
    assert answer.status == 413
    assert "max_body_mb" in (await answer.json())["message"]


async def test_json_has_to_call_itself_json(site: Any) -> None:
    for content_type in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        answer = await site.ask("POST", "/auth/login", data=b'{"token": "x"}', headers={"Content-Type": content_type})
        assert answer.status == 415
    for body in (b"{", b"[]", b'"x"', b"{}", b'{"token": 1}', b'{"token": "x", "more": 1}'):
        answer = await site.ask("POST", "/auth/login", data=body, headers={"Content-Type": "application/json"})
        assert answer.status == 400, body


FETCHED = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {
        "Sec-Fetch-Site": "same-site",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Dest": "empty",
        "Origin": "http://localhost:1",
    },
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
]


async def test_pictures_on_a_foreign_page_are_no_guesses_of_this_computer(site: Any, views: Entry) -> None:
    for headers in FETCHED * 5:
        assert (await site.get("/test/read?authSig=a.99999999999.b", headers=headers)).status == 403
    assert (await site.get("/test/read", headers=site.bearer("read"))).status == 200


async def test_a_signed_address_opens_for_a_person_and_for_allowed_sites(make_site: Make, views: Entry) -> None:
    site = await make_site(allowed_origins=["https://app.example.org"])
    identity = site.hub.credentials.identify(site.tokens["read"])
    assert identity is not None
    path = "/test/read?authSig=" + site.hub.credentials.sign_path(identity.id, "/test/read", 60)
    person = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"}
    allowed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://app.example.org"}
    for headers in ({}, {**person, "Sec-Fetch-Dest": "document"}, allowed):
        assert (await site.get(path, headers=headers)).status == 200
