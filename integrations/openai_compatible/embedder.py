"""An embedder behind OpenAI's embeddings API."""

from __future__ import annotations

from collections.abc import Sequence

from nanobot.agent.models.embedding import OfferedEmbedder, Settings, embeddings_of
from nanobot.contracts.embedder import Embeddings

from .server import Server


class ServerEmbedder(OfferedEmbedder[Settings]):
    """Asks a server."""

    def __init__(self, name: str, owner: str, server: Server, settings: Settings) -> None:
        super().__init__(name, owner, settings)
        self._server = server

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Embeddings:
        settings, trouble = self.settings, self._server.trouble(self.name)
        document = await self._server.embed(settings.body(texts, question=question), settings.timeout, trouble)
        return embeddings_of(document, len(texts), settings, trouble)
