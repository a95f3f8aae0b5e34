"""The tools ``hand_over`` and ``consult``: agents that work together, as far as their configuration lets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import voluptuous as vol

from nanobot.contracts.agent import Agent, Bounds, Turn, answer_of
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.errors import ToolError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

HAND_OVER, CONSULT = "hand_over", "consult"
CONSULTED = "agents_consulted"
"""In the extras of a turn: the agents that wait for its answer."""
DEEPEST = 2  # agents that consult one another
ROUNDS = 8  # of tool calls that a consulted agent may make

_AGENT = {vol.Required("agent"): vol.All(str, vol.Length(1, 200))}


class HandOver(Tool):
    """The conversation goes on with another agent."""

    name = HAND_OVER
    description = "Hand this conversation over to another agent, which answers the person now and from now on."
    parameters = vol.Schema(_AGENT)
    parallel = False

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        agent = _other(self._hub, turn, arguments["agent"], lambda one: one.hands_over_to)
        await self._hub.conversations.notes.change(turn.session, agent=agent.name)
        return ToolResult(f"{agent.name} answers from now on.")


class Consult(Tool):
    """One question to another agent, which looks things up and changes nothing."""

    name = CONSULT
    description = (
        "Ask another agent one question and get its answer. It knows nothing of this conversation: say all it needs."
        " It may look things up with its tools, but changes nothing."
    )
    parameters = vol.Schema({**_AGENT, vol.Required("question"): vol.All(str, vol.Length(1, 20_000))})
    timeout = 300.0

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        agent = _other(self._hub, turn, arguments["agent"], lambda one: one.consults)
        waiting = (*turn.extra.get(CONSULTED, ()), turn.agent)
        if agent.name in waiting or len(waiting) > DEEPEST:
            raise ToolError(f"{agent.name} waits for an answer itself. Answer with what you know.")
        looking = tuple(tool.name for tool in self._hub.tools if tool.risk is Risk.READ)
        asked = replace(
            turn,
            # a session of its own: nothing of the conversation is told, and its calls belong to the same turn
            session=f"{turn.session}:consult:{agent.name}",
            text=arguments["question"],
            attachments=(),
            before=(),
            agent=agent.name,
            bounds=Bounds(looking, ROUNDS),
            extra={CONSULTED: waiting},
        )
        said = await answer_of(agent, asked)
        return ToolResult(said.text.strip() or f"{agent.name} has no answer.")


def offer(entry: Entry) -> None:
    """Have both tools in the hub for as long as any agent is there, whichever came first."""
    hub = entry.hub
    tools: tuple[type[HandOver | Consult], ...] = (HandOver, Consult)

    def look() -> None:
        for kind in tools:
            if kind.name not in hub.tools:
                entry.add(kind(hub))

    look()
    entry.on_unload(hub.tools.watch(look))


def _other(hub: Hub, turn: Turn, name: str, allowed: Callable[[Agent], Any]) -> Agent:
    own = hub.agents.get(turn.agent)
    names = list(allowed(own)) if own is not None else []
    if name not in names:
        raise ToolError(f"There is no agent {name!r} for that. There are: {', '.join(names) or 'none'}.")
    agent = hub.agents.get(name)
    if agent is None:
        raise ToolError(f"The agent {name} is not there now.")
    return agent
