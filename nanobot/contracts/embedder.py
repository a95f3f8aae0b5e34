"""An embedder: turns texts into vectors that are near each other where the texts mean the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from nanobot.contracts.model import Price


@dataclass(frozen=True, slots=True)
class Embeddings:
    """``vectors`` in the order of the texts, all of one length, with finite numbers. ``tokens``: what it took, None
    where that is not told."""

    vectors: list[list[float]]
    tokens: int | None = None


class Embedder(ABC):
    """``name`` is unique in the hub, whichever integration brings it. It asks once; whoever uses it tries again."""

    timeout: float = 120.0
    """Seconds that an answer may take."""
    price: Price | None = None
    """None: nobody knows."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def space(self) -> str:
        """The model and whatever else shapes its vectors: only those of the same space can be compared."""

    @abstractmethod
    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Embeddings:
        """The vectors of some texts, a few dozen at most. ``question``: they are what is searched for, which some
        models want to be told. Raises what ``Model.stream`` does: ``NotReady`` for what may pass, ``AuthFailed`` for a
        refused key, and ``ModelError`` when this request will never be answered."""
