"""Addresses and pages of somebody who means harm."""

from __future__ import annotations

import gzip
import socket
from typing import Any

import pytest
from aiohttp import web as server

from nanobot.testing.plugin import SetUp
from nanobot.testing.tools import Hands
from tests.integrations.web.conftest import Site

INSIDE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25lo]/",
    "http://[fc00::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
]
NO_ADDRESS = [
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://127.0.0.1:6379/_x",
    "javascript:alert(1)",
    "data:text/html,x",
    "//example.org/x",
    "http://",
    "http:///path",
    "http://user:password@example.org/",
    "http://example.org:99999/",
    "http://[::1",
    "http://example.org/" + "x" * 5000,
]


@pytest.fixture
async def web(set_up: SetUp, hands: Hands) -> Hands:
    await set_up("web", {"timeout": 3})
    return hands


async def test_nothing_inside_is_asked(web: Hands) -> None:
    for url in INSIDE:
        told = await web.fails("web_fetch", url=url)
        assert "is not on the internet" in told or "cannot be reached" in told, url


async def test_only_plain_addresses_of_the_web_are_asked(web: Hands) -> None:
    for url in NO_ADDRESS:
        assert "address" in await web.fails("web_fetch", url=url), url


async def test_a_redirect_is_checked_like_an_address(set_up: SetUp, hands: Hands, site: Site) -> None:
    other = site.url.replace("127.0.0.1", "127.0.0.2")
    await set_up("web", {"private": ["127.0.0.1"]})
    assert "is not on the internet" in await hands.fails("web_fetch", url=f"{site.url}/to?url={other}/article")
    assert "begins with" in await hands.fails("web_fetch", url=f"{site.url}/to?url=file:///etc/passwd")
    assert "without end" in await hands.fails("web_fetch", url=f"{site.url}/around")
    assert "The oak" in await hands("web_fetch", url=f"{site.url}/to?url=/article")


async def test_a_name_that_leads_inside_is_refused_when_it_is_resolved(
    web: Hands, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "changes.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert "is not on the internet" in await web.fails("web_fetch", url="http://changes.example/")
    assert site.asked == []


async def test_servers_can_be_named_and_denied(set_up: SetUp, hands: Hands, site: Site) -> None:
    await set_up("web", {"allow": ["example.org"], "deny": ["bad.example.org"]})
    assert "is not allowed" in await hands.fails("web_fetch", url="https://elsewhere.net/")
    assert "is not allowed" in await hands.fails("web_fetch", url="https://bad.example.org/")
    assert "is not allowed" in await hands.fails("web_fetch", url="https://example.org.evil.net/")


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_given_up(set_up: SetUp, hands: Hands) -> None:
    bomb = gzip.compress(b"x" * 60_000_000)

    async def answer(request: server.Request) -> server.Response:
        return server.Response(body=bomb, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})

    app = server.Application()
    app.router.add_get("/", answer)
    runner = server.AppRunner(app)
    await runner.setup()
    await server.TCPSite(runner, "127.0.0.1", 0).start()
    await set_up("web", {"private": ["127.0.0.1"]})
    told = await hands.fails("web_fetch", url=f"http://127.0.0.1:{runner.addresses[0][1]}/")
    assert "more than 5 MB" in told or "cannot be reached" in told
    await runner.cleanup()
