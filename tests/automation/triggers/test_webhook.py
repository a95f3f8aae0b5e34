"""``trigger: webhook``."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.webhook import WebhookRequest
from tests.automation.triggers.bench import Bench

HOOK = {"trigger": "webhook", "webhook_id": "secret-id"}


def call(**more: Any) -> WebhookRequest:
    return WebhookRequest("secret-id", **{"method": "POST", "local": True, **more})


async def test_json_and_the_query(bench: Bench) -> None:
    await bench.attach(HOOK)
    assert await bench.hub.webhooks.call(call(json={"n": 7}, is_json=True, query={"a": "b"})) is None
    await bench.said()
    [trigger] = bench.fired
    assert (trigger["json"], trigger["query"]) == ({"n": 7}, {"a": "b"})
    assert (trigger["platform"], trigger["webhook_id"], trigger["description"]) == ("webhook", "secret-id", "webhook")
    assert "data" not in trigger


async def test_a_form(bench: Bench) -> None:
    await bench.attach(HOOK)
    await bench.hub.webhooks.call(call(method="PUT", data={"room": "attic"}))
    assert await bench.said("data") == [{"room": "attic"}]
    assert "json" not in bench.fired[0]


@pytest.mark.parametrize(
    ("options", "request_", "fires"),
    [
        ({}, {"method": "GET"}, False),
        ({}, {"local": False}, False),
        ({"local_only": False}, {"local": False}, True),
        ({"allowed_methods": ["get", "HEAD"]}, {"method": "GET"}, True),
        ({"allowed_methods": "GET"}, {}, False),
    ],
)
async def test_methods_and_where_it_comes_from(
    bench: Bench, options: dict[str, Any], request_: dict[str, Any], fires: bool
) -> None:
    await bench.attach({**HOOK, **options})
    await bench.hub.webhooks.call(call(**request_))
    assert len(await bench.said()) == fires


async def test_two_triggers_may_share_an_id(bench: Bench) -> None:
    await bench.attach(HOOK, {**HOOK, "allowed_methods": ["POST"]})
    await bench.hub.webhooks.call(call())
    assert await bench.said("idx") == ["0", "1"]
