"""Says so when the model that an agent is to ask is not there, before anybody asks the agent."""

from __future__ import annotations

import asyncio

from nanobot.agent.asking import GRACE
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity
from nanobot.util.text import nearest


class Missing:
    """An issue for as long as there is no such model; none for one that is only being reloaded."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._models = entry.hub.models
        self._shown: str | None = None
        self._task: asyncio.Task[None] | None = None

    def look_for(self, name: str | None) -> None:
        """From now on for the model of this name, for any one without a name."""
        if self._task is not None:
            self._task.cancel()
        self._hide()
        self._task = self._entry.spawn(self._watch(name), "look for the model")

    async def _watch(self, name: str | None) -> None:
        while True:
            try:
                async with asyncio.timeout(GRACE):
                    await self._until(name, there=True)
            except TimeoutError:
                self._show(name)
                await self._until(name, there=True)
                self._hide()
            await self._until(name, there=False)

    async def _until(self, name: str | None, *, there: bool) -> None:
        while (len(self._models) > 0 if name is None else name in self._models) is not there:
            await self._models.changed()

    def _show(self, name: str | None) -> None:
        near = nearest(name, self._models.names()) if name else None
        self._shown = "no_model" if name is None else "model_missing_near" if near else "model_missing"
        self._entry.issue(self._shown, severity=Severity.WARNING, name=name, near=near)

    def _hide(self) -> None:
        if self._shown is not None:
            self._entry.resolve(self._shown)
            self._shown = None
