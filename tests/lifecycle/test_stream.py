"""The same stream of ten thousand messages, with edits of real files: a hundred each for channel and agent."""

from __future__ import annotations

import asyncio
import random

import pytest

from nanobot.hub.entry import Entry, EntryState
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House
from tests.hub.test_message_stream import MESSAGES, RELOADS, SESSIONS, Line, Platform, Slow
from tests.lifecycle.test_edits import write_part

CODE = '''
"""Made by the test that owns the other side."""

import voluptuous as vol

CONFIG_SCHEMA = vol.Schema({vol.Required("edit"): int})


async def setup(hub, entry):
    hub.run_info["make"](hub, entry)
'''


@pytest.mark.slow
async def test_edits_under_a_stream_lose_nothing_repeat_nothing_and_keep_the_order(house: House) -> None:
    random.seed(4712)
    for domain in ("line", "agent", "bystander"):
        write_part(house.config_dir, domain, CODE)
    house.loader.mount()
    platform = Platform()

    def make(hub: Hub, entry: Entry) -> None:
        if entry.domain == "agent":
            entry.add(Slow("agent"))
        elif entry.domain == "line":
            line = Line(platform)
            entry.on_unload(lambda: setattr(line, "closed", True))
            entry.add(line)

    house.hub.run_info["make"] = make
    house.hub.conversations.drain_limit = 0.02
    edits = {"line": 0, "agent": 0, "bystander": 0}

    def text() -> str:
        return "".join(f"{domain}:\n  edit: {number}\n" for domain, number in edits.items())

    async def edit_all_the_time(domain: str) -> None:
        for _ in range(RELOADS):
            await asyncio.sleep(random.random() * 0.05)
            edits[domain] += 1
            applied = await house.apply(text())
            assert not applied.problems
        assert house.entry(domain).state is EntryState.LOADED

    async def type_all_the_time() -> None:
        for number in range(MESSAGES):
            platform.types(f"chat{number % SESSIONS}", str(number), f"id{number}")
            if number % 20 == 19:
                await asyncio.sleep(0.01)

    await house.start(text())
    bystander = house.entry("bystander")
    Slow.attempts = 0
    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        group.create_task(type_all_the_time())
        group.create_task(edit_all_the_time("line"))
        group.create_task(edit_all_the_time("agent"))
    async with asyncio.timeout(20):
        await platform.arrived.wait()

    assert dict(platform.received) == {
        f"chat{session}": [f"you said {number}" for number in range(session, MESSAGES, SESSIONS)]
        for session in range(SESSIONS)
    }
    assert Slow.attempts > 0, "no turn was cut off: the test has tested too little"
    assert house.entry("bystander") is bystander
