"""A meter: whoever counts what models cost, and says when there was enough."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanobot.contracts.embedder import Embedder
    from nanobot.contracts.model import Model

ORIGIN = "origin"
"""In the extras of a turn: the entity or the integration that began it without a person."""


@dataclass(frozen=True, slots=True)
class Spender:
    """On whose behalf a model is asked.

    ``person`` is ``<channel>:<sender>``, "" where nobody asked. ``origin`` is the entity or the integration that began
    it without a person (``automation.morning``, ``schedule.report``, ``subagent``), "" for a message.
    """

    agent: str = ""
    person: str = ""
    channel: str = ""
    session: str = ""
    turn: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one answer took. ``cost`` in US dollars, None where nobody knows the price. ``at``: seconds since the epoch.

    ``cached`` tokens are part of ``prompt``. ``seconds`` until the answer was complete, ``first`` until its first
    piece. ``estimated``: the model did not say how many tokens, they were counted roughly. ``error``: why it failed, as
    a sentence; a failed request takes tokens only when something of an answer came. ``expected``: see ``Meter.begun``.
    """

    spender: Spender
    model: str
    at: float
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cost: float | None = None
    seconds: float = 0.0
    first: float = 0.0
    failed: bool = False
    estimated: bool = False
    error: str = ""
    expected: int = 0


class Meter(ABC):
    """Added to the hub; told of every answer, and asked before each. ``name`` is unique in the hub."""

    def __init__(self, name: str) -> None:
        self.name = name

    def refusal(self, spender: Spender, model: str) -> str | None:
        """A sentence for the person when no more may be spent, else None. Quick. When it raises, nothing is asked."""
        return None

    def begun(self, spender: Spender, model: Model | Embedder, expected: int) -> None:
        """A request is sent, as nobody refused; ``spent`` follows in any case. ``expected``: its tokens, roughly,
        without the answer. Quick, and raises nothing."""
        return

    @abstractmethod
    def spent(self, spent: Spent) -> None:
        """Quick, and raises nothing."""

    async def calls_of(self, turn: str) -> Sequence[Spent]:
        """What was asked of models in a turn, in the order in which it ended; nothing where nobody keeps it."""
        return ()
