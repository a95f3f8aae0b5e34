"""All automations: set up, and brought to what an edit made of them, each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nanobot.automation.keeping import Keeping
from nanobot.contracts.entity import UNAVAILABLE
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.restore import LastStates
from nanobot.util.text import slugify

from .entity import Automation
from .item import Item

RELOADED = "automation_reloaded"
SLICE = 25  # automations set up in one go, about 5 ms; then others have their turn


class Automations:
    """By key. Each one is a part of the entry, so that it can be replaced alone."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._automations: dict[str, Automation] = {}
        self._last = LastStates(entry)
        self._keeping = Keeping(entry)
        self._started = hub.phase not in (Phase.NOT_RUNNING, Phase.STARTING)
        self.announced = 0
        """Reloads under way whose callers fire ``automation_reloaded`` themselves, with their context."""

    async def open(self) -> None:
        """Set all up. At the start of the hub, triggers are attached when everything else is there."""
        await self._last.load()
        await self._keeping.load()
        if not self._started:
            self._entry.listen("homeassistant_started", self._hub_started, once=True)
        await self._bring(self._entry.config)

    async def update(self, items: Sequence[Item]) -> None:
        """Become what is configured now. Unchanged ones keep their runs, their waits and their pending ``for``."""
        await self._bring(items)
        if not self.announced:
            self._hub.bus.fire(RELOADED)

    async def _bring(self, items: Sequence[Item]) -> None:
        wanted = {item.key: item for item in items}
        for key, automation in list(self._automations.items()):
            item = wanted.get(key)
            if item is None or (item.id is None and item.config is not None and _other_name(item, automation.item)):
                del self._automations[key]
                await self._entry.parts[key].release()
                self._keeping.forget(key)
                if item is None and automation.item.id is not None:
                    self._remember(automation)
        for count, item in enumerate(items):
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            await self._bring_one(item)
        self._last.only(wanted.keys())

    async def _bring_one(self, item: Item) -> None:
        automation = self._automations.get(item.key)
        if automation is None:
            await self._add(item)
        elif item.same_as(automation.item):
            automation.refuse(None)
        elif item.config is None and automation.item.config is not None:
            automation.refuse(item)
        else:
            await automation.take(item)

    async def _add(self, item: Item) -> None:
        part = self._entry.part(item.key)
        entity_id = self._known_id(item) or self._free_id(item.name)
        automation = Automation(part, entity_id, item, self._last, self._keeping, started=self._started)
        self._automations[item.key] = automation
        try:
            await automation.open()
        except BaseException:
            del self._automations[item.key]
            await part.release()
            raise

    def _remember(self, automation: Automation) -> None:
        """One that had an id stays visible until the next start, as in Home Assistant."""
        shown = {
            "id": automation.item.id,
            "restored": True,
            "supported_features": 0,
            "friendly_name": automation.item.name,
        }
        self._entry.set_state(automation.entity_id, UNAVAILABLE, shown)

    def _known_id(self, item: Item) -> str | None:
        """The entity id that it had before: one with an id keeps it, whatever it is called now."""
        last = self._last.get(item.key) if item.id is not None else None
        entity_id = None if last is None else last.get("entity_id")
        return entity_id if entity_id is not None and self._hub.entities.is_free(entity_id) else None

    def _free_id(self, name: str) -> str:
        wanted = f"automation.{slugify(name)}"
        entity_id, count = wanted, 1
        while not self._hub.entities.is_free(entity_id):
            count += 1
            entity_id = f"{wanted}_{count}"
        return entity_id

    async def _hub_started(self, event: Event) -> None:
        self._started = True
        for count, automation in enumerate(list(self._automations.values())):
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            await automation.begin()


def _other_name(item: Item, other: Item) -> bool:
    return slugify(item.name) != slugify(other.name)
