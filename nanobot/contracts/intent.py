"""An intent: something to do that has a name, so that sentences and programs may ask for it in any words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanobot.hub.context import Context


@dataclass(frozen=True, slots=True)
class Asked:
    """By a sentence or a program. ``slots``: what it is about, by name."""

    language: str
    context: Context
    slots: Mapping[str, Any] = field(default_factory=dict)


class Intent(ABC):
    """Added to the hub, where ``name`` is unique; one named as an intent that is built in is asked instead of it."""

    name: str
    description: str = ""

    @abstractmethod
    async def handle(self, asked: Asked) -> str:
        """What to answer, "" for nothing. Raises ``NanobotError`` with a sentence when it cannot be done."""
