"""The library on behalf of one entry: loaded in the background, and let go of at unload."""

from __future__ import annotations

import asyncio
import importlib
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nanobot.agent.models.failure import Trouble
from nanobot.agent.models.offer import Facts
from nanobot.contracts.model import Price
from nanobot.errors import ModelError, NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.paths import bundled
from nanobot.util.aio import in_thread
from nanobot.util.text import nearest

from .facts import facts_of, input_price
from .options import Placed

PATIENCE = 8.0  # s that an unload waits for an import that is going on
LOADED_WITHIN = 300.0  # s
SIGN_OF_LIFE = 1.0  # s between two signs that it is still being loaded
IN_THREAD = 0.2  # s that a call spends in a thread at most, at its beginning
END_WITHIN = 5.0  # s
SHARED = "module_level_aclient"
"""The client of providers without one of their own, made at the first call."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A provider that the library does not know, and the nearest one that it does."""

    near: str | None


class Library:
    """``loaded`` is called when it has been loaded."""

    def __init__(self, entry: Entry, loaded: Callable[[], None]) -> None:
        self.closed = False
        self._entry = entry
        self._loaded = loaded
        self._module: ModuleType | None = None
        self._failure = ""
        self._known = asyncio.Event()
        self._loading: asyncio.Task[ModuleType | str] | None = None
        self._waits: set[asyncio.Timeout] = set()

    async def keep(self) -> None:
        """Load it, and stay. Raises ``NotReady`` when it cannot be loaded; to be called again then."""
        self._loading = self._entry.spawn(in_thread(_load), "loading the library")
        found = await asyncio.shield(self._loading)
        if isinstance(found, str):
            raise self._failed(found)
        self._module = found
        self._known.set()
        self._entry.resolve("broken")
        self._entry.beat()
        self._loaded()
        await self._look_for_strangers()
        await asyncio.Event().wait()

    async def waiting(self, trouble: Trouble) -> AsyncIterator[None]:
        """Ends when it is loaded, or cannot be; something comes now and then until that. Raises ``NotReady``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LOADED_WITHIN
        while not self._known.is_set():
            if self.closed:
                raise trouble.closed()
            if loop.time() > deadline:
                raise NotReady(f"{trouble.model}: the library litellm is still being loaded")
            try:
                async with asyncio.timeout(SIGN_OF_LIFE):
                    await self._known.wait()
            except TimeoutError:
                yield None

    def get(self, trouble: Trouble) -> Any:
        """The module. Raises ``NotReady`` while the entry is being reloaded, ``ModelError`` when it is broken."""
        if self.closed:
            raise trouble.closed()
        if self._module is None:
            raise ModelError(f"{trouble.model}: the library litellm cannot be loaded: {self._failure}")
        return self._module

    @asynccontextmanager
    async def patience(self, seconds: float) -> AsyncIterator[None]:
        """Like ``asyncio.timeout``, but ends at unload as well: a closed connection tells nobody who reads from it."""
        async with asyncio.timeout(seconds) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    def leave(self, asking: asyncio.Future[Any]) -> None:
        """Nobody waits for this call any more. It is cancelled, but not before it has come out of its thread: what it
        brings from there wants to be awaited."""
        if not asking.done() or not (asking.cancelled() or asking.exception()):
            self._entry.spawn(_ended(asking), "end of a call")

    def unknown_provider(self, settings: Placed) -> Unknown | None:
        """Whether there is no provider for a model; None also as long as that is not known."""
        litellm: Any = self._module
        if litellm is None:
            return None
        try:
            litellm.get_llm_provider(model=settings.id, api_base=settings.base_url)
        except Exception:  # one of its own, which differs from version to version
            provider, slash, _ = settings.id.partition("/")
            return Unknown(nearest(provider, map(_name, litellm.provider_list)) if slash else None)
        return None

    def facts(self, settings: Placed) -> Facts:
        """What it knows of a model; nothing before it has been loaded."""
        return Facts() if self._module is None else facts_of(self._module, settings)

    def input_price(self, settings: Placed) -> Price | None:
        """What an embedder costs, as far as it knows."""
        return None if self._module is None else input_price(self._module, settings)

    async def close(self) -> None:
        """Let go of it. The connections are those of the process: they are closed when no other entry needs them."""
        self.closed = True
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(asyncio.get_running_loop().time())
        if self._loading is not None:
            await asyncio.wait([self._loading], timeout=PATIENCE)
        self._entry.data = None
        alive = [
            entry for entry in self._entry.hub.entries.values() if entry.domain == self._entry.domain and entry.data
        ]
        if self._module is not None and not alive:
            await _let_go(self._module)

    def _failed(self, why: str) -> NotReady:
        self._failure = _short(self._entry.hub.scrubber.scrub(why))
        self._known.set()
        command = shlex.join([sys.executable, *_REINSTALL, str(bundled("requirements") / "litellm.txt")])
        self._entry.issue("broken", error=self._failure, command=command)
        return NotReady(f"the library litellm cannot be loaded ({self._failure}); install it anew with: {command}")

    async def _look_for_strangers(self) -> None:
        from .start_files import strangers

        if files := ", ".join(await in_thread(strangers)):
            self._entry.issue("start_file", severity=Severity.WARNING, file=files)
            self._entry.log.warning("Python executes %s at each start, and no installed package answers for it", files)


_REINSTALL = ("-m", "pip", "install", "--force-reinstall", "--require-hashes", "-r")


def _load() -> ModuleType | str:
    """The module, or why there is none."""
    loading = importlib.import_module(f"{__package__}.loading")  # aiohttp takes its time
    try:
        module: ModuleType = loading.load()
    except loading.Broken as error:
        return str(error)
    return module


async def _let_go(litellm: Any) -> None:
    """Close the connections that it keeps, and end the task that it starts at the first answer without a stream."""
    cleanup = importlib.import_module("litellm.llms.custom_httpx.async_client_cleanup")
    await cleanup.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()
    if (client := vars(litellm).get(SHARED)) is not None:
        await client.close()  # it stays where it is and opens again when it is needed
    worker = importlib.import_module("litellm.litellm_core_utils.logging_worker")
    await worker.GLOBAL_LOGGING_WORKER.stop()


async def _ended(asking: asyncio.Future[Any]) -> None:
    try:
        await asyncio.wait([asking], timeout=IN_THREAD)
    finally:
        asking.cancel()
    await asyncio.wait([asking])
    if not asking.cancelled() and not asking.exception():
        await end(asking.result())


async def end(reply: Any) -> None:
    """End the connection of a reply, unless it can be used again."""
    if hasattr(reply, "aclose"):
        with suppress(Exception):  # nobody listens any more
            async with asyncio.timeout(END_WITHIN):
                await reply.aclose()


def _name(provider: Any) -> str:
    return str(getattr(provider, "value", provider))


def _short(text: str, limit: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
