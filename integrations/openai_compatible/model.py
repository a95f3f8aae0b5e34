"""A model behind OpenAI's chat completions API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import ClientError, ClientResponse

from nanobot.contracts.model import Delta, Model, Request

from .answer import Answer
from .request import Settings, body_of
from .server import Server
from .sse import LIMIT, Reader, TooBig

LINGER = 1.0  # s that more is waited for after the model has said that it ended
DRAIN = 0.1  # s that the end of the response is waited for, so that its connection can be used again
SIGN_OF_LIFE = 1.0  # s after which an empty piece says that something arrives, though nothing to pass on


class ChatModel(Model):
    """Asks a server. An edit reaches the next call; one that runs ends as it began."""

    def __init__(self, name: str, owner: str, server: Server, settings: Settings) -> None:
        super().__init__(name)
        self.owner = owner
        """The id of the entry that brings it."""
        self.trusted: Callable[[], None] | None = None
        """Called once when it answers, for whoever doubts that it is there."""
        self._server = server
        self._trouble = server.trouble(name)
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Take over a configuration."""
        self.settings = settings
        self.timeout = settings.timeout
        self.retries = settings.retries
        self.fallbacks = settings.fallbacks

    def trust(self) -> None:
        """It is there."""
        told, self.trusted = self.trusted, None
        if told is not None:
            told()

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        timeout, trouble = self.timeout, self._trouble
        now = asyncio.get_running_loop().time
        response = await self._server.ask(body_of(self.settings, request), timeout, trouble)
        try:
            answer, reader = Answer(trouble), Reader()
            told = now()
            chunk = b"more"
            while chunk and not answer.over:
                chunk = await self._next_chunk(response, answer, timeout)
                try:
                    payloads = reader.feed(chunk) if chunk else reader.end()
                except TooBig as error:
                    raise trouble.too_big(LIMIT) from error
                for payload in payloads:
                    delta = answer.take(payload)
                    if delta is not None:
                        yield delta
                        told = now()
                if now() - told > SIGN_OF_LIFE:
                    yield Delta()
                    told = now()
            if reader.whole and answer.begun:
                answer.over = True
            last = answer.last(clean=_has_an_end(response))
            await _drain(response)
        finally:
            self._server.end(response)
        self.trust()
        yield last

    async def _next_chunk(self, response: ClientResponse, answer: Answer, timeout: float) -> bytes:
        """What has arrived; empty at the end. After the model's last word, any end will do."""
        ended = answer.finish is not None
        try:
            async with asyncio.timeout(LINGER if ended else timeout):
                return await response.content.readany()
        except TimeoutError as error:
            if not ended:
                raise self._trouble.silent(timeout) from error
        except (ClientError, OSError) as error:
            if not ended:
                raise (self._trouble.closed() if self._server.closed else self._trouble.broke_off()) from error
        return b""


async def _drain(response: ClientResponse) -> None:
    try:
        async with asyncio.timeout(DRAIN):
            while await response.content.readany():
                pass
    except (ClientError, OSError):  # also TimeoutError; the connection is closed, no more
        pass


def _has_an_end(response: ClientResponse) -> bool:
    """Whether HTTP itself marks the end; without it, an answer that was cut looks like a whole one."""
    return response.content_length is not None or "chunked" in response.headers.get("Transfer-Encoding", "").lower()
