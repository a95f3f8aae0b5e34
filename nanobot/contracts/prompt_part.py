"""A part of the prompt: what a model is told before the conversation, besides who it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanobot.contracts.agent import Turn


class PromptPart(ABC):
    """``name`` is unique in the hub. The parts follow one another by ``order``: what seldom changes comes first, so
    that providers can keep it; 0 to 99 is for what only an edit changes, 100 and more for what changes with time, the
    person or the message."""

    order: int = 50

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    async def text(self, turn: Turn, agent: str) -> str:
        """What to tell for this turn of that agent, "" for nothing. Shown only to whoever may know it: a guest gets
        nothing that an owner told. A failure is logged, and the part left out."""
