"""Somebody in a chat has the agent reload the agent that is answering: nobody waits for anybody in a circle."""

from __future__ import annotations

import asyncio
import json

from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House

AGENT = """
from nanobot.contracts.agent import Agent, Text

class Own(Agent):
    async def respond(self, turn):
        if turn.text == "reload yourself":
            await self.hub.services.call(
                "nanobot", "reload", {"entry": self.name}, blocking=True, return_response=True
            )
            yield Text(f"reloaded, attempt {turn.attempt}")
        else:
            yield Text(turn.text)

async def setup(hub, entry):
    own = Own(entry.id)
    own.hub = hub
    entry.add(own)
"""


async def test_a_chat_can_reload_its_own_agent(house: House, chat: Chat) -> None:
    manifest = {"domain": "own", "name": "Own", "documentation": "README.md", "version": "1"}
    house.write(json.dumps(manifest), "integrations/own/manifest.json")
    house.write(AGENT, "integrations/own/__init__.py")
    applied = await house.apply("own:\n")
    assert not applied.problems
    before = house.hub.agents.get("own")
    began = asyncio.get_running_loop().time()
    answer = await chat.types("reload yourself")
    assert answer == "reloaded, attempt 1"
    assert asyncio.get_running_loop().time() - began < 3
    assert await chat.types("still there?") == "still there?"
    assert house.hub.agents.get("own") is not before
