"""``trigger: persistent_notification``, ``config_applied`` and ``integration``."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.automation.triggers.bench import Bench


@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({}, ["added", "updated", "removed"]),
        ({"update_type": "added"}, ["added"]),
        ({"update_type": ["removed", "updated"], "notification_id": "n"}, ["updated", "removed"]),
        ({"notification_id": "other"}, []),
    ],
)
async def test_a_notice(bench: Bench, options: dict[str, Any], fires: list[str]) -> None:
    await bench.attach({"trigger": "persistent_notification", **options})
    notification = {"notification_id": "n", "title": "T", "message": "M"}
    for update_type in ("added", "updated", "removed"):
        bench.hub.bus.fire("persistent_notification", {"update_type": update_type, "notification": notification})
    bench.hub.bus.fire("persistent_notification", {"update_type": "added", "notification": None})
    assert await bench.said("update_type") == fires
    assert all(one["notification"] == notification for one in bench.fired)


@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({}, [False, False, True]),
        ({"entry": ["telegram", "timer"]}, [False]),
        ({"problems": True}, [False, True]),
        ({"problems": False}, [False]),
    ],
)
async def test_an_edit(bench: Bench, options: dict[str, Any], fires: list[bool]) -> None:
    await bench.attach({"trigger": "config_applied", **options})
    touched = {"added": [], "changed": ["telegram"], "removed": []}
    bench.hub.bus.fire("config_applied", {**touched, "problems": []})
    bench.hub.bus.fire("config_applied", {**touched, "changed": ["agent"], "problems": [{"key": "x"}]})
    bench.hub.bus.fire("config_rejected", {"problems": [{"key": "y"}]})
    assert await bench.said("rejected") == fires
    assert bench.fired[0]["platform"] == "config_applied"


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({}, ["None>starting", "starting>retrying", "retrying>loaded", "loaded>None"]),
        ({"to": "retrying"}, ["starting>retrying"]),
        ({"from": ["starting", "retrying"]}, ["starting>retrying", "retrying>loaded"]),
        ({"to": ["retrying", "failed"], "for": 5}, []),
        ({"to": "loaded", "for": {"seconds": 5}}, ["retrying>loaded"]),
    ],
    ids=str,
)
async def test_an_integration(bench: Bench, options: dict[str, Any], fires: list[str]) -> None:
    await bench.attach({"trigger": "integration", "entry": "telegram work", **options})
    for state, error in (("starting", None), ("retrying", "no route"), ("retrying", "still none"), ("loaded", None)):
        bench.hub.states.set("integration.telegram_work", state, {"error": error})
    await asyncio.sleep(6)
    bench.hub.states.remove("integration.telegram_work")
    await asyncio.sleep(6)
    await bench.said()
    assert [f"{one['from']}>{one['to']}" for one in bench.fired] == fires
    for one in bench.fired:
        assert one["entry"] == "telegram work"
        assert one["error"] == ("no route" if one["to"] == "retrying" else None)
        assert one["for"] == (timedelta(seconds=5) if "for" in options else None)
