"""A server on this machine: pages, redirects, a search engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.agent.test_pictures import png

ARTICLE = """<!doctype html><html><head><title>The  oak</title><script>alert("no")</script></head><body>
<nav><a href="/menu">Menu</a></nav><article><h1>About oaks</h1>
<p>An oak is a tree, and there are hundreds of kinds of it. <a href="/kinds?all=1">All kinds</a> are listed.</p>
<p>Its fruit is the acorn, which takes six to eighteen months to ripen, depending on the kind of oak it grows on.</p>
<table><tr><td>height</td><td>30 m</td></tr></table></article></body></html>"""


class Site:
    """What was asked is in ``asked``: path and query."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: list[Any] = []
        self.url = ""
        self.pdf = b""
        self.search: Any = {"results": []}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        self.headers.append(request.headers)
        if request.path.endswith(".pdf"):
            return web.Response(body=self.pdf, content_type="application/pdf")
        match request.path:
            case "/article":
                return web.Response(text=ARTICLE, content_type="text/html")
            case "/text":
                return web.Response(text="line\n" * 5000)
            case "/json":
                return web.json_response({"height": 30})
            case "/picture":
                return web.Response(body=b"\x89PNG\r\n", content_type="image/png")
            case "/photos/oak tree.png":
                return web.Response(body=png(40, 30), content_type="image/jpeg")
            case "/torn.png":
                return web.Response(body=png(40, 30)[:12], content_type="image/png")
            case "/latin":
                return web.Response(body="Grüße".encode("cp1252"), content_type="text/plain")
            case "/huge":
                return web.Response(text="x" * 200_000)
            case "/slow":
                await asyncio.sleep(30)
            case "/to":
                raise web.HTTPFound(request.query["url"])
            case "/around":
                raise web.HTTPFound("/around")
            case "/search" | "/brave" | "/tavily":
                return web.json_response(self.search)
        raise web.HTTPNotFound


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Listens on 127.0.0.1."""
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()
