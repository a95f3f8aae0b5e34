"""The agent that asks a language model, and another agent when no model answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from nanobot.agent.asking import Asking, NoAnswer, Refusal
from nanobot.agent.compaction import Compactor
from nanobot.agent.limits import Limits
from nanobot.agent.loop import Loop
from nanobot.agent.shown import shown
from nanobot.agent.toolbox import Toolbox
from nanobot.contracts.agent import Agent, Asked, Part, Retract, Text, ToolOutcome, Turn
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

from .missing import Missing
from .routes import Routes
from .tool import CONSULT, HAND_OVER

OTHERS = {
    HAND_OVER: "Agents to whom you can hand over with hand_over, when that is what they are for: {agents}.",
    CONSULT: "Agents whom you can ask with consult: {agents}.",
}
ASKED = "agents_asked"
"""In the extras of a turn: the names of the agents that have passed it on."""


def limits_of(config: Mapping[str, Any]) -> Limits:
    """The limits of its turns."""
    return Limits(config["rounds"], config["time"].total_seconds() or None, config.get("tokens"), config.get("cost"))


def instructions_of(config: Mapping[str, Any]) -> str:
    """Those of the person, and who else is there."""
    lines = [config.get("instructions", "")]
    for option, told in OTHERS.items():
        if config[option]:
            agents = "; ".join(f"{name} ({what})" if what else name for name, what in config[option].items())
            lines.append(told.format(agents=agents))
    return "\n\n".join(filter(None, lines))


class ReactAgent(Agent):
    """Rank 10: answers before those that need no model."""

    rank = 10

    def __init__(self, hub: Hub, entry: Entry) -> None:
        super().__init__(entry.id)
        self._hub = hub
        self._log = entry.log
        self._missing = Missing(entry)
        self._spawn = entry.spawn
        self.configure(entry.config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration, at first and after an edit."""
        tools = config["tools"]
        self._fallback: bool | str = config["fallback"]
        self._missing.look_for(config.get("model"))
        asking = Asking(self._hub, config.get("model"))
        self._routes = Routes(config["routes"])
        self.hands_over_to, self.consults = tuple(config["hand_over"]), tuple(config["consult"])
        barred = [name for name, agents in ((HAND_OVER, self.hands_over_to), (CONSULT, self.consults)) if not agents]
        self._compactor = Compactor(
            self._hub,
            asking,
            self._spawn,
            agent=self.name,
            history=config["history"],
            context=config["context"],
        )
        self._loop = Loop(
            self._hub,
            asking,
            Toolbox(self._hub, allow=tools.get("allow", ("*",)), deny=(*tools.get("deny", ()), *barred)),
            name=config["name"],
            agent=self.name,
            instructions=instructions_of(config),
            template=config.get("prompt"),
            limits=limits_of(config),
            steer=config["during_turn"] == "steer",
            compactor=self._compactor if config["compact"] else None,
            history=config["history"],
            context=config["context"],
        )

    def ahead(self, turn: Turn) -> Awaitable[Any]:
        return self._loop.ahead(turn)

    @property
    def routed(self) -> bool:
        return bool(self._routes)

    def wants(self, asked: Asked) -> int:
        return self._routes.fit(asked)

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        handed = False
        async with aclosing(self._respond(replace(turn, agent=self.name))) as parts:
            async for part in parts:
                yield part
                if isinstance(part, ToolOutcome) and part.name == HAND_OVER and not part.failed:
                    handed = True
                    break
        other = self._hub.agents.get(self._hub.conversations.notes.agent(turn.session) or "") if handed else None
        if other is None or other is self:
            return
        # it finds what was done so far among the steps of the turn, once they are written, and goes on from there
        await self._hub.conversations.steps.written()
        answers = other.respond(replace(turn, agent=other.name, ahead=None))
        try:
            async for part in answers:
                yield part
        finally:
            if close := getattr(answers, "aclose", None):
                await close()

    async def _respond(self, turn: Turn) -> AsyncGenerator[Part]:
        try:
            async with aclosing(self._loop.respond(turn)) as parts:
                async for part in parts:
                    yield part
        except Refusal as error:
            yield Retract()
            yield Text(_refused(turn, error))
        except NoAnswer as error:
            self._log.warning("no model answers (%s); tried: %s", error.why, ", ".join(error.tried) or "none")
            yield Retract()
            async with aclosing(self._without_model(turn, error)) as parts:
                async for part in parts:
                    yield part

    async def compact(self, session: str) -> bool:
        return await self._compactor.compact(session)

    async def told(self, turn: Turn) -> Mapping[str, Any]:
        return await shown(self._loop, turn)

    async def _without_model(self, turn: Turn, error: NoAnswer) -> AsyncGenerator[Part]:
        """What another agent makes of the message; if it cannot make sense of it, the reason why no model answers.

        What was begun already is not given to anybody else: it would be done twice.
        """
        key = "begun" if error.acted else "no_answer"
        # an address or what a provider says of an account is for those whose it is
        why = error.why.rstrip(". ") if turn.owner else translate("component.agent.chat.nobody", turn.language)
        apology = translate(f"component.agent.chat.{key}", turn.language, why=why)
        asked = (*turn.extra.get(ASKED, ()), self.name)
        deputy = None if error.acted else self._deputy(asked)
        if deputy is None:
            yield Text(apology)
            return
        understood = False
        parts = deputy.respond(replace(turn, extra={**turn.extra, ASKED: asked}))
        try:
            async for part in parts:
                if isinstance(part, Text):
                    if not part.understood:
                        continue
                    understood = True
                yield part
        finally:
            if close := getattr(parts, "aclose", None):
                await close()
        if not understood:
            yield Text(apology)

    def _deputy(self, asked: Collection[str]) -> Agent | None:
        """Who is asked next; nobody twice."""
        if isinstance(self._fallback, str):
            return None if self._fallback in asked else self._hub.agents.get(self._fallback)
        if not self._fallback:
            return None
        others = [agent for agent in self._hub.agents if agent.rank < self.rank]
        return max(others, key=lambda agent: agent.rank, default=None)


def _refused(turn: Turn, error: Refusal) -> str:
    """The sentence of whoever says that there was enough. It names nothing that only the owner may know."""
    if not error.acted:
        return error.why
    return translate("component.agent.chat.begun", turn.language, why=error.why.rstrip(". "))
