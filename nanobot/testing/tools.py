"""The hands of a model: calls tools the way an agent does, with arguments as JSON and whatever comes of it as text."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import orjson

from nanobot.agent.toolbox import Outcome, Toolbox
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import ToolCall
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub


class Hands:
    """``await hands("read_file", path="notes.md")`` gives what the model reads; ``fails`` for what should not work.

    ``turn``: an owner named "tester" in the chat "test" of the channel "chat".
    """

    def __init__(self, hub: Hub, turn: Turn | None = None) -> None:
        self.hub = hub
        self.toolbox = Toolbox(hub)
        self.turn = turn or Turn(
            id="turn",
            session="chat:test",
            channel="chat",
            chat="test",
            sender="tester",
            text="",
            context=Context(actor="user"),
            language="en",
            owner=True,
        )
        self._ids = count(1)

    def of(self, **changes: Any) -> Hands:
        """Those of another turn: ``hands.of(owner=False)``."""
        return Hands(self.hub, replace(self.turn, **changes))

    async def __call__(self, tool: str, /, **arguments: Any) -> str:
        """Call a tool that works."""
        outcome = await self.call(tool, **arguments)
        assert not outcome.failed, outcome.text
        return outcome.text

    async def fails(self, tool: str, /, **arguments: Any) -> str:
        """Call a tool that does not, and give back why."""
        outcome = await self.call(tool, **arguments)
        assert outcome.failed, outcome.text
        return outcome.text

    async def call(self, tool: str, /, **arguments: Any) -> Outcome:
        """Call a tool, whatever comes of it. What a person would have to approve is approved."""
        call = ToolCall(f"call_{next(self._ids)}", tool, orjson.dumps(arguments).decode())
        return await self.toolbox.call(call, self.turn, approved=True)
