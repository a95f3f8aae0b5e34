"""The tools: give work away, and look after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.agent import Turn
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import ToolError

from .subagents import Subagents
from .task import short


class Spawn(Tool):
    """What the subagent does passes the same gate, on behalf of the same person."""

    name = "spawn"
    description = (
        "Give a longer piece of work to a subagent that works on its own; go on meanwhile. It knows nothing of this"
        " conversation: say all it needs. What it finds comes back as a message."
    )
    risk = Risk.WRITE
    parameters = vol.Schema({vol.Required("task"): vol.All(str, vol.Length(min=1, max=20_000))})

    def __init__(self, subagents: Subagents) -> None:
        self._subagents = subagents

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        if turn.session.startswith("subagent:"):
            raise ToolError("A subagent does its work itself.")
        task = await self._subagents.spawn(arguments["task"], turn)
        return ToolResult(f"Subagent {task.id} has begun. You are told when it is done.", {"subagent": task.id})


class ListSubagents(Tool):
    """Those of the conversation."""

    name = "subagents"
    description = "List the subagents of this conversation, or end one."
    risk = Risk.WRITE
    parameters = vol.Schema({vol.Optional("end", description="such as s1"): cv.string})

    def __init__(self, subagents: Subagents) -> None:
        self._subagents = subagents

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        tasks = self._subagents.of(turn)
        if name := arguments.get("end"):
            task = next((one for one in tasks if one.id == name), None)
            if task is None:
                raise ToolError(
                    f"No subagent {name} works here; there are: {', '.join(t.id for t in tasks) or 'none'}."
                )
            await self._subagents.end(task)
            return ToolResult(f"Subagent {name} is ended. What it has done stays done.")
        return ToolResult("\n".join(f"{task.id} works on: {short(task.text)}" for task in tasks) or "There is none.")
