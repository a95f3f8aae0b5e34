"""What has to be done before the hub stops, while everything still works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from nanobot.util.aio import Tasks

LIMIT = 20.0  # s for all of it, as in Home Assistant 2025.4

Farewell = Callable[[], Awaitable[Any]]

_log = logging.getLogger(__name__)


class Farewells:
    """All are begun at once, and waited for."""

    def __init__(self) -> None:
        self.limit = LIMIT
        self._farewells: dict[int, Farewell] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._farewells)

    def add(self, farewell: Farewell) -> Callable[[], None]:
        """Have it done when the hub is told to stop. The function returned takes that back."""
        self._count += 1
        key = self._count
        self._farewells[key] = farewell

        def remove() -> None:
            self._farewells.pop(key, None)

        return remove

    async def say(self) -> None:
        """Do them all. What takes longer than the limit goes on, and is cut off with the rest."""
        if not self._farewells:
            return
        tasks = Tasks("farewells")
        work = [tasks.spawn(_await(farewell)) for farewell in self._farewells.values()]
        _, left = await asyncio.wait(work, timeout=self.limit)
        if left:
            _log.warning("%d of what is to be done before the stop took more than %g s", len(left), self.limit)


async def _await(farewell: Farewell) -> None:
    await farewell()
