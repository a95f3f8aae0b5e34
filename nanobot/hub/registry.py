"""A registry: the things of one contract that are there right now, by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Outlives those who add and those who look up, so either side may be reloaded alone."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.revision = 0
        """Another number whenever something was added or removed."""
        self._things: dict[str, T] = {}
        self._left: dict[str, float] = {}
        """When things left last, by name."""
        self._watchers: list[Callable[[], None]] = []
        self._waiting: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._things)

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._things.values()))

    def names(self) -> list[str]:
        """In the order of their arrival."""
        return list(self._things)

    def get(self, name: str) -> T | None:
        """The thing of that name, or None."""
        return self._things.get(name)

    def add(self, name: str, thing: T) -> Callable[[], None]:
        """Raises ``ValueError`` when the name is taken. The function returned removes it again."""
        if name in self._things:
            raise ValueError(f"there is already a {self.what} named {name!r}")
        self._things[name] = thing
        self._changed()

        def remove() -> None:
            if self._things.get(name) is thing:
                del self._things[name]
                self._left[name] = time.monotonic()
                self._changed()

        return remove

    def just_left(self, within: float, name: str | None = None) -> bool:
        """Whether something, or what had that name, left in the last seconds: in a reload it is back in a moment."""
        since = time.monotonic() - within
        return any(at > since for who, at in self._left.items() if name in (None, who))

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever something was added or removed."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback) if callback in self._watchers else None

    async def changed(self) -> None:
        """Wait until something is added or removed."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _changed(self) -> None:
        self.revision += 1
        for callback in list(self._watchers):
            callback()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
