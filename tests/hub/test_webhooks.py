"""Webhooks: who gets a call, and what the caller learns."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.webhook import Webhook, WebhookAnswer, WebhookRequest
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub


def request(webhook_id: str = "a", method: str = "POST", *, local: bool = True) -> WebhookRequest:
    return WebhookRequest(webhook_id, method, local=local)


async def test_all_of_one_id_get_the_call_and_the_first_answer_counts(hub: Hub, entry: Entry) -> None:
    heard: list[str] = []

    def silent(call: WebhookRequest) -> None:
        heard.append("silent")

    async def first(call: WebhookRequest) -> WebhookAnswer:
        heard.append("first")
        return WebhookAnswer(body=b"1")

    def second(call: WebhookRequest) -> WebhookAnswer:
        heard.append("second")
        return WebhookAnswer(body=b"2")

    for handler in (silent, first, second):
        entry.add(Webhook("a", handler))
    answer = await hub.webhooks.call(request())
    assert heard == ["silent", "first", "second"]
    assert answer == WebhookAnswer(body=b"1")
    assert await hub.webhooks.call(request("unknown")) is None
    await entry.release()
    assert list(hub.webhooks) == []


@pytest.mark.parametrize(
    ("options", "call", "heard"),
    [
        ({}, request(), True),
        ({}, request(method="GET"), False),
        ({}, request(local=False), False),
        ({"local_only": False}, request(local=False), True),
        ({"methods": frozenset({"GET"})}, request(method="GET"), True),
        ({"methods": frozenset({"GET"})}, request(), False),
    ],
)
async def test_a_webhook_gets_what_it_allows(hub: Hub, options: Any, call: WebhookRequest, heard: bool) -> None:
    calls: list[WebhookRequest] = []
    hub.webhooks.add(Webhook("a", calls.append, **options))
    await hub.webhooks.call(call)
    assert bool(calls) is heard


async def test_a_failing_webhook_keeps_nothing_from_the_others(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    def fails(call: WebhookRequest) -> None:
        raise RuntimeError("broken")

    hub.webhooks.add(Webhook("a", fails, "doorbell"))
    hub.webhooks.add(Webhook("a", lambda call: WebhookAnswer(status=204)))
    assert await hub.webhooks.call(request()) == WebhookAnswer(status=204)
    assert "the webhook doorbell failed" in caplog.text


@pytest.mark.parametrize(("webhook_id", "methods"), [("", {"POST"}), ("a/b", {"POST"}), ("a", {"DELETE"})])
def test_impossible_ones_are_refused(hub: Hub, webhook_id: str, methods: set[str]) -> None:
    with pytest.raises(ValueError, match=r"webhook"):
        hub.webhooks.add(Webhook(webhook_id, lambda call: None, methods=frozenset(methods)))
