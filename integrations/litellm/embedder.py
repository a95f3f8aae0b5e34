"""An embedder that is asked through the library."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nanobot.agent.models.embedding import OfferedEmbedder, embeddings_of
from nanobot.agent.models.failure import Trouble
from nanobot.contracts.embedder import Embeddings
from nanobot.contracts.model import Price
from nanobot.hub.entry import Entry

from .call import GRACE, place_of
from .failure import error_of
from .library import Library
from .options import EmbedderSettings

AT_ONCE = 4  # texts in a call: the library takes 6 ms of the event loop for each vector of 1,536 numbers


class Never(int):
    """No tries after the first. The library takes a plain 0 for nothing said, and tries twice more."""

    def __bool__(self) -> bool:
        return True


class LiteLLMEmbedder(OfferedEmbedder[EmbedderSettings]):
    """Asks once: the library is told neither to try again nor to fall back."""

    def __init__(self, name: str, entry: Entry, library: Library, settings: EmbedderSettings) -> None:
        super().__init__(name, entry.id, settings)
        self._library = library
        self._hub = entry.hub

    def know(self, price: Price | None) -> None:
        """Take over what the library knows of it. What is configured counts more."""
        if self.settings.price is None:
            self.price = price

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Embeddings:
        settings = self.settings
        trouble = Trouble(self.name, settings.place, settings.key is not None, self._hub.scrubber.scrub)
        async for _ in self._library.waiting(trouble):
            pass
        parts = [texts[place : place + AT_ONCE] for place in range(0, len(texts), AT_ONCE)]
        bodies = [settings.body(part, question=question) for part in parts]
        found = [await self._some(body, settings, trouble) for body in bodies]
        tokens = [some.tokens for some in found if some.tokens is not None]
        vectors = [vector for some in found for vector in some.vectors]
        if len(set(map(len, vectors))) > 1:
            raise trouble.unreadable()
        return Embeddings(vectors, sum(tokens) if len(tokens) == len(found) else None)

    async def _some(self, body: dict[str, Any], settings: EmbedderSettings, trouble: Trouble) -> Embeddings:
        litellm = self._library.get(trouble)
        asking = asyncio.ensure_future(litellm.aembedding(**_arguments(litellm, settings, body)))
        try:
            async with self._library.patience(settings.timeout):
                reply = await asyncio.shield(asking)
        except asyncio.CancelledError:
            self._library.leave(asking)
            raise
        except Exception as error:  # hundreds of providers raise whatever they like
            self._library.leave(asking)
            if self._library.closed:
                raise trouble.closed() from error
            now = self._hub.clock.time()
            raise error_of(error, trouble, seconds=settings.timeout, now=now, begun=False) from error
        return embeddings_of(_document(reply), len(body["input"]), settings, trouble)


def _arguments(litellm: Any, settings: EmbedderSettings, body: dict[str, Any]) -> dict[str, Any]:
    found = body | place_of(litellm, settings)
    found["api_base"] = found.pop("base_url", None)  # the name that all of its calls know; this one would overlook ours
    if litellm.get_llm_provider(settings.id)[1] == "openai":
        found.setdefault("encoding_format", "float")  # its client would ask for base64, which few servers know
        found.setdefault("allowed_openai_params", ["dimensions"])  # also of models that OpenAI does not have
        found["max_retries"] = Never()
    return {"max_retries": 0, "num_retries": 0, **found, "timeout": settings.timeout + GRACE}


def _document(reply: Any) -> dict[str, Any]:
    data = [one if isinstance(one, dict) else dict(one) for one in reply.data or ()]
    return {"data": data, "usage": reply.usage}
