"""The web, searched: by engines with a key, by one of one's own, and by DuckDuckGo without either."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from nanobot.testing.plugin import House, SetUp
from nanobot.testing.tools import Hands
from tests.integrations.web.conftest import Site
from tests.machine import need

PAGE = """<html><body><div class="result body"><h2><a href="https://oaks.example/">Oaks</a></h2>
<a href="https://oaks.example/">All about oaks</a></div></body></html>"""


async def test_searxng_is_asked_for_json(set_up: SetUp, hands: Hands, site: Site) -> None:
    site.search = {
        "results": [
            {
                "title": "Oaks <b>here</b>",
                "url": "https://oaks.example/",
                "content": "All &amp; some\nabout oaks",
            },
            {"title": "Elms", "url": "https://elms.example/", "content": ""},
            {"title": "no address"},
        ]
    }
    await set_up("web", {"search": {"engine": "searxng", "url": site.url}})
    told = await hands("web_search", query="oak trees")
    assert told.splitlines()[:3] == ["1. Oaks here", "   https://oaks.example/", "   All & some about oaks"]
    assert "2. Elms" in told
    assert site.asked == ["/search?q=oak+trees&format=json"]
    assert (await hands("web_search", query="x", count=1)).count("https://") == 1


async def test_brave_and_tavily_get_their_key(set_up: SetUp, hands: Hands, site: Site) -> None:
    site.search = {
        "web": {"results": [{"title": "A", "url": "https://a.example/", "description": "about a"}]},
        "results": [{"title": "B", "url": "https://b.example/", "content": "about b"}],
    }
    await set_up("web", {"search": {"engine": "brave", "key": "brave-secret-1", "url": f"{site.url}/brave"}})
    assert "about a" in await hands("web_search", query="x")
    assert site.headers[-1]["X-Subscription-Token"] == "brave-secret-1"
    await set_up("web", {"search": {"engine": "tavily", "key": "tavily-secret", "url": f"{site.url}/tavily"}})
    assert "about b" in await hands("web_search", query="x")
    assert site.headers[-1]["Authorization"] == "Bearer tavily-secret"


async def test_failures_are_sentences(set_up: SetUp, hands: Hands, site: Site) -> None:
    await set_up("web", {"search": {"engine": "searxng", "url": f"{site.url}/nothing"}})
    assert "status 404" in await hands.fails("web_search", query="x")
    await set_up("web", {"search": {"engine": "searxng", "url": "http://127.0.0.1:1"}})
    assert "cannot be reached" in await hands.fails("web_search", query="x")
    site.search = {"results": {"no": "list"}}
    await set_up("web", {"search": {"engine": "searxng", "url": site.url}})
    assert "cannot be understood" in await hands.fails("web_search", query="x")


async def test_an_engine_without_what_it_needs_is_a_problem_with_its_place(house: House) -> None:
    applied = await house.apply("web:\n  search:\n    engine: brave\n")
    assert "the engine brave needs the option 'key'" in str(applied.problems[0])


async def test_search_or_fetch_can_be_left_out(set_up: SetUp, hands: Hands) -> None:
    await set_up("web", {"search": False})
    assert "no tool" in await hands.fails("web_search", query="x")
    await set_up("web", {"fetch": False})
    assert "no tool" in await hands.fails("web_fetch", url="https://example.org")


@pytest.fixture
async def duckduckgo(tmp_path: Path) -> Any:
    """A proxy that answers in the place of DuckDuckGo, over TLS, as a port."""
    need("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate),
         "-days", "1", "-subj", "/CN=html.duckduckgo.com"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(context)
        await reader.readuntil(b"\r\n\r\n")
        body = PAGE.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_duckduckgo_needs_no_key(set_up: SetUp, duckduckgo: int) -> None:
    from integrations.web.reader import Reader

    entry = await set_up("web")
    asked = {
        "query": "oaks",
        "count": 3,
        "region": "wt-wt",
        "backend": "duckduckgo",
        "proxy": f"http://127.0.0.1:{duckduckgo}",
        "verify": False,
    }
    found = await Reader(entry).work("search", orjson.dumps(asked))
    assert found["results"] == [["Oaks", "https://oaks.example/", "All about oaks"]]
