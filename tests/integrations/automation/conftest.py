"""What the automations of these tests say: the events ``out`` that they fire."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.hub.bus import Event
from nanobot.hub.hub import Hub


class Out:
    """The events ``out``, in their order."""

    def __init__(self, hub: Hub) -> None:
        self.events: list[Event] = []
        self._more = asyncio.Event()
        hub.bus.listen("out", self._happened)

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()

    @property
    def said(self) -> list[Any]:
        """``k`` of each."""
        return [event.data.get("k") for event in self.events]

    async def wait(self, count: int) -> list[Any]:
        """Until that many have come, 10 s at most; then whatever else is under way."""
        async with asyncio.timeout(10):
            while len(self.events) < count:
                self._more.clear()
                await self._more.wait()
        await settle()
        return self.said


async def settle() -> None:
    """Let everything run that does not wait for time or for anybody."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def out(hub: Hub) -> Out:
    return Out(hub)
