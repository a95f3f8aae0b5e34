"""``ask: PROMPT``: give something to an agent; what it answers is a variable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.answer import Shape, shape
from nanobot.automation.duration import duration, seconds
from nanobot.automation.sequence import RunStep
from nanobot.config import validators as cv
from nanobot.contracts.agent import Agent, Bounds, Turn, answer_of
from nanobot.contracts.meter import ORIGIN
from nanobot.errors import NanobotError
from nanobot.templates import validators as tv
from nanobot.util.ids import ulid
from nanobot.util.text import nearest

PATIENCE = 300.0  # s
ROUNDS = 10
TRIES = 2  # for an answer that has the wrong shape

SCHEMA = vol.Schema(
    {
        vol.Required("ask"): tv.template,
        vol.Optional("agent"): cv.string,
        vol.Optional("response_variable", default="answer"): cv.string,
        vol.Optional("schema"): shape,
        vol.Optional("tools", default=list): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional("rounds", default=ROUNDS): vol.All(cv.whole_number, vol.Range(min=0, max=100)),
        vol.Optional("timeout"): duration,
    }
)


def run(step: RunStep) -> Awaitable[None]:
    """Without ``tools`` (globs of their names) the agent can only think: what a stranger wrote may be in the prompt.

    With ``schema`` the variable is what the JSON of the answer says, else its text. Raises ``NanobotError`` when
    nobody answers, the time is over, or the answer does not fit after ``TRIES``.
    """
    return _ask(step)


async def _ask(step: RunStep) -> None:
    config = step.config
    limit = seconds(step.hub, config["timeout"], step.variables) if "timeout" in config else PATIENCE
    agent = _agent(step)
    prompt = str(config["ask"].render(step.hub, step.variables, native=False))
    wanted: Shape | None = config.get("schema")
    try:
        async with asyncio.timeout(limit):
            value = await _answer(step, agent, prompt, wanted)
    except TimeoutError:
        raise NanobotError(f"{agent.name} has not answered within {limit:g} s") from None
    step.tell(agent=agent.name, answer=value)
    step.assign(config["response_variable"], value)


async def _answer(step: RunStep, agent: Agent, prompt: str, wanted: Shape | None) -> Any:
    asked = prompt if wanted is None else f"{prompt}\n\n{wanted.wish}"
    for attempt in range(1, TRIES + 1):
        text = await _text(step, agent, asked)
        if wanted is None:
            return text
        try:
            return wanted.read(text)
        except ValueError as error:
            if attempt == TRIES:
                raise NanobotError(f"{agent.name}: {error}") from None
            asked = f"{prompt}\n\n{wanted.wish}\nYour last answer could not be used: {error}."
    raise AssertionError  # the loop returns or raises


async def _text(step: RunStep, agent: Agent, prompt: str) -> str:
    hub = step.hub
    turn = Turn(
        id=ulid(),
        session=f"{step.run.id}:{step.path}",
        channel="automation",
        chat=step.path,
        sender="automation",
        text=prompt,
        context=step.context.child("agent"),
        language=hub.language,
        owner=True,
        extra={ORIGIN: _origin(step)},
        bounds=Bounds(tuple(step.config["tools"]), step.config["rounds"]),
    )
    said = await answer_of(agent, turn)
    text = hub.scrubber.scrub(said.text).strip()
    if not text or not said.understood:
        raise NanobotError(f"{agent.name} has no answer")
    return text


def _origin(step: RunStep) -> str:
    """The entity whose run it is, for those who count what is asked of models."""
    this = step.variables.get("this")
    found = this.get("entity_id") if isinstance(this, Mapping) else getattr(this, "entity_id", None)
    return str(found or "automation")


def _agent(step: RunStep) -> Agent:
    agents = step.hub.agents
    name = step.config.get("agent") or step.hub.config.agent
    if name:
        found = agents.get(name)
        if found is None:
            near = nearest(name, agents.names())
            raise NanobotError(f"there is no agent '{name}'" + (f"; did you mean '{near}'?" if near else ""))
        return found
    best = max(agents, key=lambda agent: agent.rank, default=None)
    if best is None:
        raise NanobotError("there is no agent to ask; configure 'agent' and a model")
    return best
