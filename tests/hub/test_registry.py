"""Registries and issues: what is there, and who is told when that changes."""

from __future__ import annotations

import asyncio

import pytest

from nanobot.hub.bus import Bus
from nanobot.hub.issues import Fix, Issues, Severity
from nanobot.hub.registry import Registry
from nanobot.util.dt import Clock


async def test_a_name_is_taken_once_and_free_again_after_removal() -> None:
    registry: Registry[str] = Registry("tool")
    remove = registry.add("saw", "a saw")
    with pytest.raises(ValueError, match="there is already a tool named 'saw'"):
        registry.add("saw", "another saw")
    remove()
    registry.add("saw", "another saw")
    remove()  # of the first one: no business of the second
    assert registry.get("saw") == "another saw"


async def test_waiting_for_a_change_ends_with_it() -> None:
    registry: Registry[str] = Registry("tool")
    waiting = asyncio.create_task(registry.changed())
    await asyncio.sleep(0)
    registry.add("saw", "a saw")
    async with asyncio.timeout(1):
        await waiting


async def test_watchers_are_told_until_they_leave() -> None:
    registry: Registry[str] = Registry("tool")
    told = []
    leave = registry.watch(lambda: told.append(registry.names()))
    remove = registry.add("saw", "a saw")
    remove()
    leave()
    registry.add("axe", "an axe")
    assert told == [["saw"], []]


async def test_an_issue_is_told_when_it_comes_changes_and_goes() -> None:
    bus, told = Bus(), []
    issues = Issues(bus, Clock())
    bus.listen("*", lambda event: told.append((event.type, event.data["id"])))
    issues.create("a.b", "issues.storage", error="disk full", name="a")
    issues.create("a.b", "issues.storage", error="disk full", name="a")
    issues.create("a.b", "issues.storage", error="read-only", name="a")
    assert issues.resolve("a.b")
    assert not issues.resolve("a.b")
    assert told == [("issue_created", "a.b"), ("issue_created", "a.b"), ("issue_resolved", "a.b")]


async def test_an_issue_says_who_how_bad_and_what_can_be_done() -> None:
    issues = Issues(Bus(), Clock(lambda: 0.0))

    async def mend() -> None:
        issues.resolve("a.b")

    issue = issues.create("a.b", "no.such.key", severity=Severity.CRITICAL, entry="a", fix=Fix("mend it", mend))
    assert issue.as_dict() == {
        "id": "a.b",
        "entry": "a",
        "severity": "critical",
        "text": "no.such.key",
        "fix": "mend it",
        "created": "1970-01-01T00:00:00.000000+00:00",
    }
    await mend()
    assert len(issues) == 0
