"""A page of another site, in a real browser, asks an agent with the headers of OpenAI's JavaScript client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web

from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from tests.integrations.openai_api.conftest import CONFIG, Api, open_api
from tests.integrations.webchat.conftest import browser

__all__ = ["browser"]

pytestmark = pytest.mark.browser

ASK = """async ([url, token, session]) => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "Accept": "application/json", "Authorization": `Bearer ${token}`, "Content-Type": "application/json",
      "Idempotency-Key": "1", "OpenAI-Organization": "house", "OpenAI-Project": "tea", "X-Nanobot-Session": session,
      "X-Stainless-Arch": "unknown", "X-Stainless-Lang": "js", "X-Stainless-OS": "Linux",
      "X-Stainless-Package-Version": "6.1.0", "X-Stainless-Retry-Count": "0", "X-Stainless-Runtime": "browser:chrome",
      "X-Stainless-Runtime-Version": "150.0.0", "X-Stainless-Timeout": "600",
    },
    body: JSON.stringify({model: "parrot", stream: true, messages: [{role: "user", content: "hello"}]}),
  });
  return [response.status, await response.text(), response.headers.get("Retry-After")];
}"""


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """The address of another site."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<h1>Elsewhere</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def opened(house: House, http: ClientSession, entry: Entry, origins: list[str]) -> Api:
    api = await open_api(house, http, entry)
    options = f"{{port: 0, allowed_origins: {origins}, rate_limit: {{per_second: 0.1, burst: 1}}}}"
    await house.apply(CONFIG.format(options="{}").replace("{port: 0}", options))
    return api


async def test_a_page_of_an_allowed_origin_has_an_answer_and_reads_why_it_has_none(
    browser: Any, house: House, http: ClientSession, entry: Entry, elsewhere: str
) -> None:
    api = await opened(house, http, entry, [elsewhere])
    page = await browser.new_page()
    await page.goto(elsewhere)
    status, text, _ = await page.evaluate(ASK, [api.url, api.tokens["user"], "tea"])
    assert status == 200, text
    assert "hello" in text
    assert text.endswith("data: [DONE]\n\n")
    status, text, retry_after = await page.evaluate(ASK, [api.url, api.tokens["user"], "tea"])
    assert (status, retry_after) == (429, "10")


async def test_a_page_of_any_other_origin_has_nothing(
    browser: Any, house: House, http: ClientSession, entry: Entry, elsewhere: str
) -> None:
    api = await opened(house, http, entry, ["https://app.example"])
    page = await browser.new_page()
    await page.goto(elsewhere)
    with pytest.raises(Exception, match="Failed to fetch"):
        await page.evaluate(ASK, [api.url, api.tokens["user"], "tea"])
    assert not api.parrot.turns
