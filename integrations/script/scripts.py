"""All scripts: set up, and brought to what an edit made of them, each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nanobot.automation.keeping import Keeping
from nanobot.contracts.entity import UNAVAILABLE
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.restore import LastStates

from .entity import Script
from .item import Item

SLICE = 25  # scripts set up in one go; then others have their turn


class Scripts:
    """By key. Each one is a part of the entry, so that it can be replaced alone."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._scripts: dict[str, Script] = {}
        self._last = LastStates(entry)
        self._keeping = Keeping(entry)
        self._started = hub.phase not in (Phase.NOT_RUNNING, Phase.STARTING)

    async def open(self) -> None:
        """Set all up."""
        await self._last.load()
        await self._keeping.load()
        if not self._started:
            self._entry.listen("homeassistant_started", self._hub_started, once=True)
        await self.update(self._entry.config)

    async def update(self, items: Mapping[str, Item]) -> None:
        """Become what is configured now. Unchanged ones notice nothing."""
        for key in [key for key in self._scripts if key not in items]:
            script = self._scripts.pop(key)
            await self._entry.parts[key].release()
            self._keeping.forget(key)
            self._remember(script)
        for count, (key, item) in enumerate(items.items()):
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            await self._bring(key, item)
        self._last.only(items.keys())

    def _remember(self, script: Script) -> None:
        """It stays visible until the next start, as in Home Assistant."""
        shown = {"restored": True, "supported_features": 0, "friendly_name": script.item.name}
        self._entry.set_state(script.entity_id, UNAVAILABLE, shown)

    def _hub_started(self, event: Event) -> None:
        self._started = True
        for script in list(self._scripts.values()):
            script.begin()

    async def _bring(self, key: str, item: Item) -> None:
        script = self._scripts.get(key)
        if script is None:
            part = self._entry.part(key)
            script = self._scripts[key] = Script(part, item, self._last, self._keeping)
            try:
                script.open()
                if self._started:
                    script.begin()
            except BaseException:
                del self._scripts[key]
                await part.release()
                raise
        elif item.same_as(script.item):
            script.refuse(None)
        elif item.config is None and script.item.config is not None:
            script.refuse(item)
        else:
            await script.take(item)
