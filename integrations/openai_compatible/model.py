"""A model behind OpenAI's chat completions API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientResponse

from nanobot.agent.models.answer import Answer
from nanobot.agent.models.offer import Offered
from nanobot.agent.models.request import Settings, body_of
from nanobot.contracts.model import Delta, Request

from .server import Server
from .sse import LIMIT, Reader, TooBig

LINGER = 1.0  # s that more is waited for after the model has said that it ended
DRAIN = 0.1  # s that the end of the response is waited for, so that its connection can be used again
SIGN_OF_LIFE = 1.0  # s after which an empty piece says that something arrives, though nothing to pass on


class ChatModel(Offered[Settings]):
    """Asks a server."""

    def __init__(self, name: str, owner: str, server: Server, settings: Settings) -> None:
        super().__init__(name, owner, settings)
        self._server = server
        self._trouble = server.trouble(name)

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
