"""Who answers: the agents that are there, and what happens while nobody is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from nanobot.contracts.agent import Agent, Asked
from nanobot.hub.hub import Phase

if TYPE_CHECKING:
    from nanobot.conversations.message import Message
    from nanobot.hub.hub import Hub

GRACE = 5.0  # s in which an agent that left is expected back (a reload) before one of lower rank answers
MISSED_AFTER = 30.0  # s that messages wait for an agent before a person is told
ISSUE = "messages.no_agent"

_log = logging.getLogger(__name__)


class Attendance:
    """``again`` is called whenever ``choose`` may have another answer."""

    def __init__(self, hub: Hub, again: Callable[[], None]) -> None:
        self.hub = hub
        self.grace = GRACE
        self._again = again
        self._left: dict[str, tuple[int, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._missing: asyncio.TimerHandle | None = None
        self._removes: list[Callable[[], None]] = []

    def open(self) -> None:
        """Watch the agents come and go."""
        self._removes = [
            self.hub.agents.watch(self._changed),
            self.hub.bus.listen("core_config_updated", lambda event: self._changed()),
            self.hub.bus.listen("homeassistant_started", lambda event: self._changed()),
        ]

    def close(self) -> None:
        """Watch no more."""
        for remove in self._removes:
            remove()
        for timer in (self._timer, self._missing):
            if timer is not None:
                timer.cancel()

    def left(self, agent: Agent) -> None:
        """It left its registry; in a reload it is back in a moment."""
        now = asyncio.get_running_loop().time()
        self._left[agent.name] = (agent.rank, now + self.grace)

    def choose(self) -> Agent | None:
        """The agent that the configuration names, else the one of the highest rank; None: nobody is there now.

        While the hub starts nobody is: the first agent that is set up may be the least of them, without its tools, and
        those who want a message for themselves are not there yet.
        """
        if self.hub.phase is Phase.STARTING or not self.hub.settled:
            return None
        if name := self.hub.config.agent:
            return self.hub.agents.get(name)
        best = max(self.hub.agents, key=lambda agent: (not agent.routed, agent.rank), default=None)
        if best is not None and self._left and self._expects_better_than(best):
            return None
        return best

    def meant(self, message: Message, otherwise: Agent) -> Agent:
        """Who a message is for: the agent that its session was handed over to, else the one whose routes name it most
        closely, else ``otherwise``."""
        handed = self.hub.conversations.notes.agent(message.session)
        if handed is not None and (agent := self.hub.agents.get(handed)) is not None:
            return agent
        routed = [agent for agent in self.hub.agents if agent.routed]
        if not routed:
            return otherwise
        person = self.hub.config.people.of(message.channel, message.sender)
        asked = Asked(message.channel, message.chat, person, message.text, message.owner)
        fits = {agent: agent.wants(asked) for agent in routed}
        best = max(routed, key=lambda agent: fits[agent])
        return best if fits[best] else otherwise

    async def named(self, name: str) -> Agent | None:
        """The agent that a message asks for; one that just left, or may still come at the start, is waited for."""
        try:
            async with asyncio.timeout(self.grace):
                while (agent := self.hub.agents.get(name)) is None:
                    if self.hub.phase is Phase.RUNNING and not self.hub.agents.just_left(self.grace, name):
                        return None
                    await self.hub.agents.changed()
        except TimeoutError:
            return None
        return agent

    def miss(self) -> None:
        """Messages wait for somebody."""
        if self._missing is None:
            self._missing = asyncio.get_running_loop().call_later(MISSED_AFTER, self._tell)

    def _expects_better_than(self, best: Agent) -> bool:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._left = {
            name: (rank, until)
            for name, (rank, until) in self._left.items()
            if until > now and name not in self.hub.agents
        }
        expected = [until for rank, until in self._left.values() if rank > best.rank]
        if expected and self._timer is None:
            self._timer = loop.call_at(max(expected) + 0.001, self._changed)
        return bool(expected)

    def _changed(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.choose() is not None:
            if self._missing is not None:
                self._missing.cancel()
                self._missing = None
            self.hub.issues.resolve(ISSUE)
        self._again()

    def _tell(self) -> None:
        name = self.hub.config.agent
        if name:
            _log.warning("messages wait for the agent '%s', which is not there", name)
            self.hub.issues.create(ISSUE, "issues.agent_missing", agent=name)
        else:
            _log.warning("messages wait, but no agent is configured or ready to answer them")
            self.hub.issues.create(ISSUE, "issues.no_agent")
