"""A model that is asked through the library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from nanobot.agent.models.answer import Answer
from nanobot.agent.models.failure import Trouble
from nanobot.agent.models.offer import Offered
from nanobot.contracts.model import Delta, Request
from nanobot.hub.entry import Entry

from .call import Call
from .library import Library
from .options import Settings

BREATH = 0.01  # s of work on pieces that have arrived, at about 1 ms each, after which others have their turn
SIGN_OF_LIFE = 1.0  # s after which an empty piece says that something arrives, though nothing to pass on


class LiteLLMModel(Offered[Settings]):
    """Asks once: the library is told neither to try again nor to fall back."""

    def __init__(self, name: str, entry: Entry, library: Library, settings: Settings) -> None:
        super().__init__(name, entry.id, settings)
        self._library = library
        self._hub = entry.hub

    def take(self, settings: Settings) -> None:
        super().take(settings)
        self._counts_usage = True  # whether the server takes ``stream_options``; found out at the first call

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        settings = self.settings
        trouble = Trouble(self.name, settings.place, settings.key is not None, self._hub.scrubber.scrub)
        async for _ in self._library.waiting(trouble):
            yield Delta()
        call = Call(self._library, settings, trouble, self._hub.clock)
        answer = Answer(trouble)
        now = asyncio.get_running_loop().time
        told = breathed = now()
        try:
            self._counts_usage = await call.ask(request, count=self._counts_usage)
            while (document := await call.next()) is not None:
                if now() - breathed > BREATH:
                    await asyncio.sleep(0)
                    breathed = now()
                delta = answer.add(document)
                if delta is None and now() - told > SIGN_OF_LIFE:
                    delta = Delta()
                if delta is not None:
                    yield delta
                    told = now()
                if answer.finish is not None:
                    answer.add({"usage": await call.rest()})
                    break
        finally:
            await call.close()
        last = answer.last(clean=True)
        self.trust()
        yield last
