"""A model that an agent is to ask and that is not there is an issue before anybody asks."""

from __future__ import annotations

import asyncio

import pytest

from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from tests.agent.conftest import Scripted

from .conftest import Stub


async def told(hub: Hub) -> list[str]:
    """What is to be repaired, once that is something else than now."""
    happened = asyncio.Event()
    remove = [hub.bus.listen(name, lambda _: happened.set()) for name in ("issue_created", "issue_resolved")]
    async with asyncio.timeout(5):
        await happened.wait()
    for each in remove:
        each()
    return [issue.text() for issue in hub.issues]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.agent.missing.GRACE", 0.05)


async def test_it_is_named_with_the_nearest_that_is_there_until_it_comes(hub: Hub, entry: Entry, set_up: SetUp) -> None:
    entry.add(Scripted("main"))
    await set_up("agent", {"model": "mian"})
    assert await told(hub) == ["The model 'mian' that it is to ask does not exist. Did you mean 'main'?"]
    await set_up("agent", {"model": "main"})
    assert not len(hub.issues)
    await set_up("agent", {"model": "gpt"})
    assert await told(hub) == ["The model 'gpt' that it is to ask does not exist."]
    entry.add(Scripted("gpt"))
    assert await told(hub) == []


async def test_without_any_model_that_is_said(hub: Hub, entry: Entry, set_up: SetUp) -> None:
    await set_up("agent")
    assert await told(hub) == ["There is no model for it to ask: none is configured."]
    entry.add(Scripted("main"))
    assert await told(hub) == []


async def test_a_server_that_is_reloaded_is_no_issue(
    hub: Hub, set_up: SetUp, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.agent.missing.GRACE", 5)
    created: list[str] = []
    hub.bus.listen("issue_created", lambda event: created.append(event.data["id"]))
    await set_up("agent", {"model": "main"})
    for timeout in (1, 2, 3):
        await set_up(
            "openai_compatible", {"base_url": stub.base_url, "timeout": timeout, "models": {"main": "stub-model"}}
        )
    assert created == []
