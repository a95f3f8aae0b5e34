"""Webhooks over real HTTP: what reaches whoever registered, and what a caller can find out."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession, FormData

from nanobot.contracts.webhook import Webhook, WebhookAnswer, WebhookRequest
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp


@pytest.fixture
async def url(hub: Hub, set_up: SetUp) -> str:
    await set_up("http", {"port": 0})
    await set_up("webhook")
    return f"{hub.run_info['url']}/api/webhook"


@pytest.fixture
def heard(entry: Entry) -> list[WebhookRequest]:
    calls: list[WebhookRequest] = []
    entry.add(Webhook("door", calls.append, methods=frozenset({"POST", "PUT", "GET"})))
    entry.add(Webhook("usual", calls.append))
    return calls


async def ask(method: str, url: str, **more: Any) -> tuple[int, bytes]:
    async with ClientSession() as client, client.request(method, url, **more) as response:
        return response.status, await response.read()


async def test_json_and_query_reach_the_handler(url: str, heard: list[WebhookRequest]) -> None:
    assert await ask("POST", f"{url}/door?colour=teal", json={"n": 7}) == (200, b"")
    [call] = heard
    assert (call.webhook_id, call.method, call.json, call.is_json, call.data) == ("door", "POST", {"n": 7}, True, {})
    assert call.query == {"colour": "teal"}
    assert call.headers["content-type"] == "application/json"
    assert call.local


@pytest.mark.parametrize("multipart", [False, True])
async def test_the_fields_of_a_form_are_data(url: str, heard: list[WebhookRequest], multipart: bool) -> None:
    form = FormData({"who": "me"}, default_to_multipart=multipart)
    if multipart:
        form.add_field("file", b"\x00\x01", filename="a.bin")
    assert (await ask("PUT", f"{url}/door", data=form))[0] == 200
    assert heard[0].data == ({"who": "me", "file": b"\x00\x01"} if multipart else {"who": "me"})
    assert heard[0].json is None


async def test_anything_else_is_bytes(url: str, heard: list[WebhookRequest]) -> None:
    assert (await ask("POST", f"{url}/door", data=b"raw", headers={"Content-Type": "text/plain"}))[0] == 200
    assert (await ask("GET", f"{url}/door"))[0] == 200
    assert [call.body for call in heard] == [b"raw", b""]


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "HEAD"])
async def test_an_unknown_id_looks_like_any_other(url: str, heard: list[WebhookRequest], method: str) -> None:
    assert await ask(method, f"{url}/nosuch") == (200, b"")


async def test_methods_have_to_be_allowed_and_looking_is(url: str, heard: list[WebhookRequest]) -> None:
    assert await ask("GET", f"{url}/usual") == (405, b"405: Method Not Allowed")
    assert await ask("HEAD", f"{url}/usual") == (200, b"")
    assert (await ask("DELETE", f"{url}/usual"))[0] == 405
    assert heard == []


async def test_broken_json_is_not_the_handlers_business(url: str, heard: list[WebhookRequest]) -> None:
    headers = {"Content-Type": "application/json"}
    assert await ask("POST", f"{url}/door", data=b"{x", headers=headers) == (200, b"")
    assert heard == []
    assert (await ask("POST", f"{url}/door", data=b"", headers=headers))[0] == 200
    assert heard[0].json is None


@pytest.mark.parametrize("body", [b"--x\r\n\x00: y\r\n\r\n--x--", b"--x\r\nno header\r\n\r\n--x--", b"", b"\xff"])
async def test_a_broken_form_is_not_the_handlers_business(url: str, heard: list[WebhookRequest], body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert await ask("POST", f"{url}/door", data=body, headers=headers) == (200, b"")
    assert [call for call in heard if call.data] == []


async def test_what_comes_through_a_proxy_is_not_local(url: str, heard: list[WebhookRequest]) -> None:
    for name in ("X-Forwarded-For", "forwarded", "Via", "X-Real-Ip", "CF-Connecting-IP"):
        assert await ask("POST", f"{url}/usual", headers={name: "127.0.0.1"}) == (200, b"")
    assert heard == []


async def test_a_failing_handler_is_not_told(url: str, entry: Entry) -> None:
    def fail(call: WebhookRequest) -> None:
        raise RuntimeError("secret reason")

    entry.add(Webhook("door", fail))
    assert await ask("POST", f"{url}/door") == (200, b"")


async def test_a_handler_may_answer(url: str, entry: Entry) -> None:
    entry.add(Webhook("door", lambda call: WebhookAnswer(202, b"{}", "application/json")))
    assert await ask("POST", f"{url}/door") == (202, b"{}")


async def test_large_bodies_are_refused(url: str, heard: list[WebhookRequest]) -> None:
    assert (await ask("POST", f"{url}/door", data=b"x" * 1_100_000))[0] == 413
    assert heard == []
