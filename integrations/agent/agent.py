"""The agent that asks a language model, and another agent when no model answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from nanobot.agent.asking import Asking, NoAnswer
from nanobot.agent.loop import Loop
from nanobot.agent.toolbox import Toolbox
from nanobot.contracts.agent import Agent, Part, Retract, Text, Turn
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate


class ReactAgent(Agent):
    """Rank 10: answers before those that need no model."""

    rank = 10

    def __init__(self, hub: Hub, entry: Entry) -> None:
        super().__init__(entry.id)
        self._hub = hub
        self._log = entry.log
        self.configure(entry.config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration, at first and after an edit."""
        tools = config["tools"]
        self._fallback: bool | str = config["fallback"]
        self._loop = Loop(
            self._hub,
            Asking(self._hub, config.get("model")),
            Toolbox(self._hub, allow=tools.get("allow", ("*",)), deny=tools.get("deny", ())),
            name=config["name"],
            instructions=config.get("instructions"),
            rounds=config["rounds"],
            history=config["history"],
            context=config["context"],
        )

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        try:
            async for part in self._loop.respond(turn):
                yield part
        except NoAnswer as error:
            self._log.warning("no model answers (%s); tried: %s", error.why, ", ".join(error.tried) or "none")
            yield Retract()
            async for part in self._without_model(turn, error.why):
                yield part

    async def _without_model(self, turn: Turn, why: str) -> AsyncIterator[Part]:
        """What another agent makes of the message; if it cannot make sense of it, the reason why no model answers."""
        apology = translate("component.agent.chat.no_answer", turn.language, why=why.rstrip(". "))
        deputy = self._deputy()
        if deputy is None:
            yield Text(apology)
            return
        understood = False
        async for part in deputy.respond(turn):
            if isinstance(part, Text):
                if not part.understood:
                    continue
                understood = True
            yield part
        if not understood:
            yield Text(apology)

    def _deputy(self) -> Agent | None:
        if isinstance(self._fallback, str):
            return self._hub.agents.get(self._fallback)
        if not self._fallback:
            return None
        others = [agent for agent in self._hub.agents if agent.rank < self.rank]
        return max(others, key=lambda agent: agent.rank, default=None)
