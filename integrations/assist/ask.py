"""What an answer is made of: who asks, what for, and in which words to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nanobot.contracts.agent import Turn
from nanobot.conversations.contacts import concerns
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.hub.states import State

from .phrases import Phrases
from .world import World


@dataclass(slots=True)
class Ask:
    """One thing that is wanted. ``slots`` are the parts of the sentence, by name."""

    hub: Hub
    turn: Turn
    say: Phrases
    world: World
    intent: str
    slots: Mapping[str, Any]
    context: Context
    matched: list[State] = field(default_factory=list)
    """For "which switches are on": those that are, for packaged answers."""
    unmatched: list[State] = field(default_factory=list)
    understood: bool = True
    """False: the answer only says that the sentence makes no sense here."""

    @property
    def now(self) -> datetime:
        """In the configured zone."""
        return self.hub.clock.now()

    @property
    def state(self) -> State | None:
        """Of the entity that is meant, None when it is gone."""
        return self.hub.states.get(str(self.slots.get("name", "")))

    def states(self, domain: str | None = None) -> list[State]:
        """All that are any business of the person."""
        return [state for state in self.hub.states.all(domain) if concerns(state, self.turn)]

    async def call(self, service: str, data: Mapping[str, Any] | None = None) -> None:
        """Call ``domain.name`` on behalf of the person."""
        domain, _, name = service.partition(".")
        await self.hub.services.call(domain, name, data, context=self.context)

    async def fetch(self, service: str, data: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Call a service for its response."""
        domain, _, name = service.partition(".")
        found = await self.hub.services.call(domain, name, data, context=self.context, return_response=True)
        return found or {}

    def has(self, service: str) -> bool:
        """Whether this service is there."""
        domain, _, name = service.partition(".")
        return self.hub.services.has(domain, name)

    def place(self) -> dict[str, Any]:
        """Where the person is to be told later. ``id``: a turn that starts over does not set it twice."""
        turn = self.turn
        place = {
            "id": turn.id,
            "channel": turn.channel,
            "chat": turn.chat,
            "session": turn.session,
            "language": self.say.language,
        }
        return {**place, "thread": turn.thread} if turn.thread else place


@dataclass(frozen=True, slots=True)
class Question:
    """An answer that asks back. ``options``: what may be meant, label and value for the slot ``slot``.

    ``wants``: "when" or "text" of a reminder that is otherwise complete.
    """

    text: str
    intent: str
    slots: Mapping[str, Any]
    slot: str = "name"
    options: tuple[tuple[str, str], ...] = ()
    wants: str = ""


Answer = str | Question
