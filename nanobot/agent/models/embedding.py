"""The embedders of one entry, and the vectors in an answer of OpenAI's embeddings API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Any, Generic, TypeVar

import orjson

from nanobot.contracts.embedder import Embedder, Embeddings
from nanobot.contracts.model import Price
from nanobot.errors import ModelError

from .failure import Trouble
from .usage import usage_of


@dataclass(frozen=True, slots=True)
class Settings:
    """What is configured of one embedder. ``id`` is the model's name on the server; ``timeout`` in seconds;
    ``dimensions``: so many numbers in a vector, None for as many as the model gives; ``prefixes``: what stands before
    each text, and before each question."""

    id: str
    timeout: float
    dimensions: int | None
    prefixes: tuple[str, str]
    parameters: Mapping[str, Any]
    price: Price | None

    def body(self, texts: Sequence[str], *, question: bool) -> dict[str, Any]:
        """The request as the API wants it."""
        prefix = self.prefixes[question]
        body = {**self.parameters, "model": self.id, "input": [prefix + text for text in texts]}
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        return body


S = TypeVar("S", bound=Settings)


class OfferedEmbedder(Embedder, Generic[S]):
    """An embedder that is configured. An edit reaches the next call."""

    def __init__(self, name: str, owner: str, settings: S) -> None:
        super().__init__(name)
        self.owner = owner
        """The id of the entry that brings it."""
        self.take(settings)

    def take(self, settings: S) -> None:
        """Take over a configuration."""
        self.settings = settings
        self.timeout = settings.timeout
        self.price = settings.price

    @property
    def space(self) -> str:
        """Where the same model runs does not matter."""
        settings = self.settings
        shaped = (settings.dimensions, settings.parameters, settings.prefixes[0])
        if not any(shaped):
            return settings.id
        shape = orjson.dumps(shaped, option=orjson.OPT_SORT_KEYS)
        return f"{settings.id}#{sha256(shape).hexdigest()[:16]}"


def embeddings_of(document: Any, count: int, settings: Settings, trouble: Trouble) -> Embeddings:
    """What an answer to ``count`` texts says. Raises ``NotReady`` for one that makes no sense, and ``ModelError`` for
    vectors of another length than was asked for."""
    data = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(data, list) or len(data) != count:
        raise trouble.unreadable()
    found: list[list[float] | None] = [None] * count
    for place, one in enumerate(data):
        index = one.get("index") if isinstance(one, Mapping) else None
        vector = one.get("embedding") if isinstance(one, Mapping) else None
        index = place if index is None else index
        if type(index) is not int or not 0 <= index < count or found[index] is not None or not _is_vector(vector):
            raise trouble.unreadable()
        found[index] = vector
    vectors = [vector for vector in found if vector is not None]
    if len(set(map(len, vectors))) > 1:
        raise trouble.unreadable()
    if settings.dimensions is not None and vectors and len(vectors[0]) != settings.dimensions:
        raise ModelError(
            f"{trouble.model}: {trouble.address} gives vectors of {len(vectors[0])} numbers"
            f" instead of {settings.dimensions}; correct or leave out 'dimensions'"
        )
    tokens = usage_of(document.get("usage") or {}).get("prompt_tokens")
    return Embeddings(vectors, tokens)


def _is_vector(vector: Any) -> bool:
    """Whether it points anywhere: numbers, all of them finite, and not all of them 0."""
    if not isinstance(vector, list):
        return False
    try:
        return isfinite(sum(number * number for number in vector)) and any(vector)
    except TypeError:
        return False
