"""Messages that somebody waits for: they are given to whoever waits, and to no agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from nanobot.contracts.agent import Agent, Part, Turn
from nanobot.conversations.message import BROUGHT

if TYPE_CHECKING:
    from nanobot.conversations.message import Message

Take = Callable[["Message"], bool]


class Nobody(Agent):
    """Stands for the agent that is not there while somebody who waited for a message gets it."""

    def __init__(self) -> None:
        super().__init__("")

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        nothing: tuple[Part, ...] = ()
        for part in nothing:
            yield part


class Claims:
    """Who began to wait last is asked first."""

    def __init__(self) -> None:
        self._takes: list[Take] = []

    def __len__(self) -> int:
        return len(self._takes)

    def add(self, take: Take) -> Callable[[], None]:
        """Have ``take(message)`` called for each message before an agent gets it; True keeps it from the agent.

        The function returned ends that. It is called again for the same message after a crash.
        """
        self._takes.insert(0, take)

        def remove() -> None:
            if take in self._takes:
                self._takes.remove(take)

        return remove

    def offer(self, message: Message) -> bool:
        """Whether somebody took it. What nobody wrote, nobody has waited for."""
        return BROUGHT not in message.extra and any(take(message) for take in list(self._takes))
