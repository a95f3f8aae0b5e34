"""What tests of triggers share: a hub, a wall clock over virtual time, and what was fired."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nanobot.automation import parse
from nanobot.automation.attach import attach
from nanobot.hub.context import Context
from nanobot.hub.hub import Hub, Phase
from nanobot.util.dt import Clock

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


class Bench:
    """``await bench.attach({"trigger": "state", …})``; ``bench.fired`` are the ``trigger`` variables.

    The hub is one in which nothing is configured; its clock goes with the time of the loop.
    """

    def __init__(self, folder: Path) -> None:
        self._offset: float | None = None  # fixtures are made before the time of the loop is virtual
        self.hub = Hub(folder, clock=Clock(self._time, AMSTERDAM))
        self._offset = None
        self.hub.phase = Phase.RUNNING
        self.fired: list[Mapping[str, Any]] = []
        self.contexts: list[Context | None] = []
        self.kept: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.failed: list[str] = []
        self.answer: Any = None
        self._detach: list[Callable[[], None]] = []

    def shows(self, wall: str) -> None:
        """Set the wall clock."""
        moment = datetime.fromisoformat(wall).replace(tzinfo=AMSTERDAM).timestamp()
        self._offset = moment - asyncio.get_running_loop().time()

    async def attach(
        self, *written: Mapping[str, Any], variables: Mapping[str, Any] | None = None, starting: bool = False
    ) -> None:
        """Attach triggers as they stand in the YAML."""
        detach, failed = await attach(
            self.hub,
            parse.triggers([dict(one) for one in written]),
            self._triggered,
            logging.getLogger("test"),
            variables=variables,
            kept=lambda index: self.kept.setdefault(index, {}),
            starting=starting,
        )
        self._detach.append(detach)
        self.failed += failed

    def detach(self) -> None:
        """Detach them all."""
        while self._detach:
            self._detach.pop()()

    def set(self, entity_id: str, state: str, **attributes: Any) -> None:
        """Write a state."""
        self.hub.states.set(entity_id, state, attributes)

    async def said(self, name: str = "entity_id") -> list[Any]:
        """What the triggers that fired have under that name, after everything was told to everybody."""
        for _ in range(5):
            await asyncio.sleep(0)
        return [trigger.get(name) for trigger in self.fired]

    async def said_at(self) -> list[str]:
        """What the wall showed when it fired."""
        return [now.strftime("%a %H:%M:%S") for now in await self.said("now")]

    def _time(self) -> float:
        if self._offset is None:
            self.shows("2026-06-01T12:00:00")
        assert self._offset is not None
        return self._offset + asyncio.get_running_loop().time()

    def _triggered(self, trigger: Mapping[str, Any], context: Context | None, own: Mapping[str, Any]) -> Any:
        self.fired.append(trigger)
        self.contexts.append(context)
        return _Run(self.answer)


class _Run:
    """A run that is over."""

    def __init__(self, response: Any) -> None:
        self.conversation_response = response

    async def wait(self) -> None:
        """It is."""
