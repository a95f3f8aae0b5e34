"""All schedules: set up, and brought to what an edit made of them, each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nanobot.automation.keeping import Keeping
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.restore import LastStates

from .blocks import Blocks
from .entity import Schedule
from .item import Item

SLICE = 25  # schedules set up in one go; then others have their turn


class Schedules:
    """By key. Each one is a part of the entry, so that it can be replaced alone."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._schedules: dict[str, Schedule | Blocks] = {}
        self._last = LastStates(entry)
        self._keeping = Keeping(entry)
        self._zone = hub.clock.zone
        self._started = hub.phase not in (Phase.NOT_RUNNING, Phase.STARTING)

    async def open(self) -> None:
        """Set all up. At the start of the hub, they begin when everything else is there."""
        await self._last.load()
        await self._keeping.load()
        if not self._started:
            self._entry.listen("homeassistant_started", self._hub_started, once=True)
        self._entry.listen("core_config_updated", self._core_changed)
        await self.update(self._entry.config)

    async def update(self, items: Mapping[str, Item]) -> None:
        """Become what is configured now. Unchanged ones notice nothing."""
        for key in [key for key in self._schedules if key not in items]:
            await self._remove(key)
        for count, (key, item) in enumerate(items.items()):
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            await self._bring(key, item)
        self._last.only(items.keys())

    # -- inside ---------------------------------------------------------------------------------

    async def _bring(self, key: str, item: Item) -> None:
        schedule = self._schedules.get(key)
        if schedule is None:
            await self._add(key, item)
        elif item.same_as(schedule.item):
            schedule.refuse(None)
        elif item.config is None and schedule.item.config is not None:
            schedule.refuse(item)
        elif item.kind != schedule.item.kind:
            await self._remove(key)
            await self._add(key, item)
        else:
            await schedule.take(item)

    async def _add(self, key: str, item: Item) -> None:
        part = self._entry.part(key)
        schedule: Schedule | Blocks
        if item.kind == "weekly":
            schedule = Blocks(part, item)
        else:
            schedule = Schedule(part, item, self._last, self._keeping, started=self._started)
        self._schedules[key] = schedule
        try:
            schedule.open()
        except BaseException:
            del self._schedules[key]
            await part.release()
            raise

    async def _remove(self, key: str) -> None:
        del self._schedules[key]
        await self._entry.parts[key].release()
        self._keeping.forget(key)

    async def _hub_started(self, event: Event) -> None:
        self._started = True
        for schedule in list(self._schedules.values()):
            schedule.begin()  # takes some ms where much was missed
            await asyncio.sleep(0)

    def _core_changed(self, event: Event) -> None:
        if self._zone != self._hub.clock.zone:
            self._zone = self._hub.clock.zone
            for schedule in list(self._schedules.values()):
                schedule.zone_changed()
