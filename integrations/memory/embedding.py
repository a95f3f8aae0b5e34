"""Embedding: what is remembered gets vectors in the background, so that it is found by what it means, too.

What is missing stands in the database. So a provider that is away, a budget that is used up, or a crash delays it, and
nothing is embedded twice. Whoever searches meanwhile finds by words.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nanobot.agent.asking import Refusal
from nanobot.agent.embedding import embed
from nanobot.contracts.embedder import Embedder
from nanobot.contracts.meter import Spender
from nanobot.errors import AuthFailed, ModelError, NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Phase
from nanobot.hub.issues import Severity
from nanobot.util.backoff import Backoff

from .books import agent_in, person_in
from .index import Index

BACKOFF = Backoff(first=5.0, limit=3600.0)
DELAY = 1.0  # s after a change, for more may follow
GRACE = 10.0  # s in which the embedder is expected: it may be reloaded, or come later at the start
PATIENCE = 2.0  # s that a search waits for the vector of its question
REFUSED_FOR = 900.0  # s after which somebody whose budget was used up is tried again
BATCH = 32  # texts of one request
LONGEST = 2000  # characters of a text that count
REMEMBERED = 256  # questions whose vectors are at hand
NEAREST = 10
ISSUE_AFTER = 5  # failures in a row
PROBE = "Good morning"
"""A text that every embedder takes."""


class Rest:
    """How long somebody is left alone after failures."""

    def __init__(self) -> None:
        self.failures = 0
        self.until = 0.0

    def fail(self, backoff: Backoff, now: float, at_least: float = 0.0) -> None:
        """Once more in a row."""
        self.failures += 1
        self.until = now + max(backoff.delay(self.failures), min(at_least, backoff.limit))

    def end(self) -> None:
        """It works."""
        self.failures, self.until = 0, 0.0


class Embedding:
    """One batch after the other, the texts of one person at a time: the cost counts as that person's."""

    def __init__(self, entry: Entry, index: Index) -> None:
        self.entry = entry
        self.hub = entry.hub
        self.index = index
        self.backoff = BACKOFF
        self.patience = PATIENCE
        self.delay = DELAY
        self.grace = GRACE
        self._wake = asyncio.Event()
        self._questions: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self.configure(entry.config)

    def open(self) -> None:
        """Go on where it was."""
        self.entry.on_unload(self.hub.embedders.watch(self._anew))
        self.entry.listen("config_applied", lambda _: self._anew())
        self.entry.run(self._work, name="embedding")

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take over a configuration."""
        self._name: str | None = config.get("embeddings")
        self._background, self._asking = Rest(), Rest()
        self._refused: dict[str, float] = {}
        self._length: dict[str, int] = {}
        self._absent_since: float | None = None
        for key in ("embeddings_unknown", "embeddings_behind"):
            self.entry.resolve(key)
        self._wake.set()

    def wake(self) -> None:
        """Something was written."""
        self._wake.set()

    def _anew(self) -> None:
        """It may be another model now, or have the right key: what failed before says nothing."""
        self._background.end()
        self._asking.end()
        self._wake.set()

    async def near(self, text: str, books: Collection[str], spender: Spender) -> list[int]:
        """The entries of these books that mean most alike, best first; none where that cannot be told in time."""
        embedder = self._embedder()
        if embedder is None or not books:
            return []
        space = embedder.space
        vector = await self._vector_of(embedder, self._clean(text), spender)
        return [] if vector is None else await self.index.vectors.nearest(vector, space, books, NEAREST)

    # -- questions ------------------------------------------------------------------------------

    async def _vector_of(self, embedder: Embedder, text: str, spender: Spender) -> list[float] | None:
        key = (embedder.space, text)
        if (known := self._questions.get(key)) is not None:
            self._questions.move_to_end(key)
            return known
        now = asyncio.get_running_loop().time()
        if now < max(self._asking.until, self._background.until) or not text:
            return None
        try:
            async with asyncio.timeout(self.patience):
                [vector] = await embed(self.hub, embedder, [text], spender, question=True)
        except Refusal:
            return None
        except (TimeoutError, NanobotError) as error:
            why = f"no answer within {self.patience:g} s" if isinstance(error, TimeoutError) else self._scrubbed(error)
            self._asking.fail(self.backoff, now)
            if self._asking.failures == 1:
                self.entry.log.warning("what was searched for was found by its words alone: %s", why)
            return None
        self._asking.end()
        self._questions[key] = vector
        while len(self._questions) > REMEMBERED:
            self._questions.popitem(last=False)
        return vector

    # -- the work -------------------------------------------------------------------------------

    async def _work(self) -> None:
        self.entry.beat()
        while True:
            self._wake.clear()
            wait = await self._round()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
                    await asyncio.sleep(self.delay)

    async def _round(self) -> float | None:
        """Embed what is missing. Seconds after which to look again; None: when there is a reason."""
        now = asyncio.get_running_loop().time()
        if now < self._background.until:
            return self._background.until - now
        try:
            if self._name is None:
                await self.index.vectors.drop_others("")
                return None
            embedder = self._embedder()
            if embedder is None:
                return self._absent(now)
            self._absent_since = None
            self.entry.resolve("embeddings_unknown")
            await self.index.refresh()
            while await self._batch(embedder):
                pass
        except NanobotError as error:
            return self._failed(error)
        self._background.end()
        self.entry.resolve("embeddings_behind")
        return REFUSED_FOR if self._refused else None

    async def _batch(self, embedder: Embedder) -> bool:
        """Whether there may be more."""
        now = asyncio.get_running_loop().time()
        self._refused = {book: until for book, until in self._refused.items() if until > now}
        space = embedder.space
        book, missing = await self.index.vectors.missing(space, BATCH, self._refused)
        if not missing:
            if not self._refused:
                await self.index.vectors.drop_others(space)
            return False
        spender = Spender(agent_in(book), person_in(book), origin="memory")
        try:
            vectors = await self._vectors(embedder, [self._clean(one.text) for one in missing], spender)
        except Refusal as refusal:
            self.entry.log.debug("what is remembered in %r is embedded later: %s", book, refusal)
            self._refused[book] = now + REFUSED_FOR
            return True
        self._check(space, vectors)
        await self.index.vectors.keep(space, {one.key: vector for one, vector in zip(missing, vectors, strict=True)})
        return True

    async def _vectors(self, embedder: Embedder, texts: Sequence[str], spender: Spender) -> list[list[float] | None]:
        """None for a text that the embedder refuses although it takes others: it must not keep those waiting."""
        try:
            return [*await embed(self.hub, embedder, texts, spender)]
        except ModelError:
            if len(texts) == 1:
                return [await self._once_more(embedder, texts[0], spender)]
        half = len(texts) // 2
        first = await self._vectors(embedder, texts[:half], spender)
        return [*first, *await self._vectors(embedder, texts[half:], spender)]

    async def _once_more(self, embedder: Embedder, text: str, spender: Spender) -> list[float] | None:
        """Whether it is the text that is refused: it is tried again after one that is not."""
        await embed(self.hub, embedder, [PROBE], spender)
        try:
            [vector] = await embed(self.hub, embedder, [text], spender)
        except ModelError:
            return None
        return vector

    def _check(self, space: str, vectors: Sequence[Sequence[float] | None]) -> None:
        """Vectors of different lengths would be embedded anew for ever. Raises ``ModelError``."""
        for length in {len(vector) for vector in vectors if vector is not None}:
            before = self._length.setdefault(space, length)
            if length != before:
                raise ModelError(f"{space} gave vectors of {before} numbers before and gives {length} now")

    def _failed(self, error: NanobotError) -> float:
        rest, now = self._background, asyncio.get_running_loop().time()
        rest.fail(self.backoff, now, getattr(error, "retry_after", None) or 0.0)
        why = self._scrubbed(error)
        if rest.failures == 1:
            self.entry.log.warning("what is remembered is embedded later, and found by its words: %s", why)
        if rest.failures == ISSUE_AFTER or isinstance(error, AuthFailed):
            self.entry.issue("embeddings_behind", severity=Severity.WARNING, error=why)
        return rest.until - now

    def _absent(self, now: float) -> float | None:
        if self._absent_since is None:
            self._absent_since = now
        wait = self._absent_since + self.grace - now
        if wait > 0 or self.hub.phase is Phase.STARTING:
            return max(wait, 1.0)
        names = ", ".join(self.hub.embedders.names()) or "–"
        self.entry.issue("embeddings_unknown", severity=Severity.WARNING, name=self._name, names=names)
        return None

    def _embedder(self) -> Embedder | None:
        return None if self._name is None else self.hub.embedders.get(self._name)

    def _clean(self, text: str) -> str:
        return self.hub.scrubber.scrub(" ".join(text.split()))[:LONGEST]

    def _scrubbed(self, error: Exception) -> str:
        return self.hub.scrubber.scrub(str(error)).rstrip(".")
