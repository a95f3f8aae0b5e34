"""Ten thousand messages while channel and agent are reloaded again and again: none lost, none twice, all in order."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from nanobot.hub.bus import Event
from nanobot.testing.plugin import House
from tests.conversations.stream import Platform

SESSIONS = 50
MESSAGES = 10_000
RELOADS = 100

LINE = """
import voluptuous as vol
from tests.conversations.stream import Line

CONFIG_SCHEMA = vol.Schema({"edit": int})

async def setup(hub, entry):
    line = Line(hub.run_info["platform"])
    entry.on_unload(lambda: setattr(line, "closed", True))
    entry.add(line)
"""
SLOW = """
import voluptuous as vol
from tests.conversations.stream import Slow

CONFIG_SCHEMA = vol.Schema({"edit": int})

async def setup(hub, entry):
    entry.add(Slow(entry.id, hub.run_info["platform"]))
"""


@pytest.mark.slow
async def test_reloads_under_a_stream_lose_nothing_repeat_nothing_and_keep_the_order(house: House) -> None:
    random.seed(4711)
    platform = house.hub.run_info["platform"] = Platform(MESSAGES)
    conversations = house.hub.conversations
    conversations.drain_limit = 0.05
    for domain, code in (("line", LINE), ("slow", SLOW)):
        house.write(code, f"integrations/{domain}/__init__.py")
        manifest = {"domain": domain, "name": domain, "documentation": "README.md", "version": "1"}
        house.write(json.dumps(manifest), f"integrations/{domain}/manifest.json")
    edits = {"line": 0, "slow": 0}
    reloaded = dict.fromkeys(edits, 0)

    def changed(event: Event) -> None:
        if event.data["state"] == "loaded" and event.data["entry"] in reloaded:
            reloaded[event.data["entry"]] += 1

    house.hub.bus.listen("entry_changed", changed)

    async def edit(domain: str) -> None:
        edits[domain] += 1
        house.write("".join(f"{key}: {{edit: {number}}}\n" for key, number in edits.items()), "new.yaml")
        (house.config_dir / "new.yaml").replace(house.config_dir / "configuration.yaml")
        applied = await house.apply()
        assert not applied.problems

    async def edit_all_the_time(domain: str) -> None:
        while reloaded[domain] <= RELOADS:
            await asyncio.sleep(random.random() * 0.05)
            await edit(domain)

    async def type_all_the_time() -> None:
        for number in range(MESSAGES):
            platform.types(f"chat{number % SESSIONS}", str(number), f"id{number}")
            while number % 20 == 19 and number / MESSAGES > (min(reloaded.values()) + 1) / RELOADS:
                await asyncio.sleep(0.005)  # spread over all the reloads

    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        group.create_task(type_all_the_time())
        group.create_task(edit_all_the_time("line"))
        group.create_task(edit_all_the_time("slow"))
    async with asyncio.timeout(30):
        await platform.arrived.wait()
    await conversations.settle()

    expected = {
        f"chat{session}": [f"you said {number}" for number in range(session, MESSAGES, SESSIONS)]
        for session in range(SESSIONS)
    }
    assert dict(platform.received) == expected
    assert platform.started_over > 0, "no turn was cut off: the test has tested too little"
    assert min(reloaded.values()) >= RELOADS
    assert conversations.figures() == {"waiting": 0, "running": 0, "to_send": 0}
