"""All scenes: the configured ones, brought to what an edit made of them, and those that a service made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nanobot.contracts.entity import UNAVAILABLE, UNKNOWN, Entity
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.restore import LastStates
from nanobot.util.dt import iso
from nanobot.util.text import slugify

from .item import Item
from .reproduce import reproduce

DOMAIN = "scene"
RELOADED = "scene_reloaded"


class Scene(Entity):
    """Its state is when it was last turned on, ISO 8601 in UTC."""

    def __init__(self, hub: Hub, entity_id: str, item: Item, keep: Callable[[Item, str], None] | None) -> None:
        self.entity_id = entity_id
        self._hub = hub
        self._keep = keep
        self._turned_on = UNKNOWN
        self.take(item)

    @property
    def by_service(self) -> bool:
        """Made by ``scene.create``: it is not configured, and gone after a restart."""
        return self._keep is None

    @property
    def state(self) -> str:
        return self._turned_on

    @property
    def attributes(self) -> Mapping[str, Any]:
        shown: dict[str, Any] = {"entity_id": [one.entity_id for one in self.item.wanted]}
        if self.item.id is not None:
            shown["id"] = self.item.id
        return shown

    def take(self, item: Item) -> None:
        """Become what is configured."""
        self.item = item
        self.name = item.name
        self.icon = item.icon

    def restore(self, turned_on: str) -> None:
        """Go on from before the restart."""
        self._turned_on = turned_on

    async def turn_on(self, context: Context, transition: float | None = None) -> None:
        """Make everything so. Raises what a service of a member raises, when all others are done."""
        self._turned_on = iso(self._hub.clock.time())
        if self._keep is not None:
            self._keep(self.item, self._turned_on)
        self.changed(context)
        await reproduce(self._hub, self.item.wanted, context, transition=transition)


class Scenes:
    """The configured ones by key, those of services by entity id."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._last = LastStates(entry)
        self._configured: dict[str, tuple[Scene, Callable[[], None]]] = {}
        self._made: dict[str, Callable[[], None]] = {}
        self.announced = 0
        """Reloads under way whose callers fire ``scene_reloaded`` themselves, with their context."""

    async def open(self) -> None:
        """Set all up, as they were when nanobot stopped."""
        await self._last.load()
        self._bring(self._entry.config)

    def update(self, items: Sequence[Item]) -> None:
        """Become what is configured now. What is as configured before notices nothing."""
        self._bring(items)
        if not self.announced:
            self._hub.bus.fire(RELOADED)

    def make(self, item: Item) -> bool:
        """Make a scene, or put this one in the place of one that was made before. False: that one is configured."""
        entity_id = f"{DOMAIN}.{item.key}"
        if entity_id not in self._made and not self._hub.entities.is_free(entity_id):
            return False
        self.discard(entity_id)
        self._made[entity_id] = self._entry.add(Scene(self._hub, entity_id, item, None))
        return True

    def discard(self, entity_id: str) -> None:
        """Take away a scene that a service made, if it is one."""
        if (remove := self._made.pop(entity_id, None)) is not None:
            remove()

    def discard_all(self) -> None:
        """All those that services made."""
        for entity_id in list(self._made):
            self.discard(entity_id)

    def _bring(self, items: Sequence[Item]) -> None:
        wanted = {item.key: item for item in items}
        for key, (scene, remove) in list(self._configured.items()):
            item = wanted.get(key)
            if item is None or slugify(item.name) != slugify(scene.item.name):
                del self._configured[key]
                remove()
                if item is None and scene.item.id is not None:
                    self._remember(scene)
        for item in items:
            known = self._configured.get(item.key)
            if known is None:
                self._add(item)
            elif known[0].item != item:
                known[0].take(item)
                known[0].changed()
        self._last.only(wanted.keys())

    def _add(self, item: Item) -> None:
        scene = Scene(self._hub, self._free_id(item.name), item, self._keep)
        if (last := self._last.get(item.key)) is not None:
            scene.restore(last["state"])
        self._configured[item.key] = (scene, self._entry.add(scene))

    def _free_id(self, name: str) -> str:
        """What is configured comes before what a service made."""
        wanted = f"{DOMAIN}.{slugify(name)}"
        self.discard(wanted)
        entity_id, count = wanted, 1
        while not self._hub.entities.is_free(entity_id):
            count += 1
            entity_id = f"{wanted}_{count}"
        return entity_id

    def _keep(self, item: Item, turned_on: str) -> None:
        self._last.put(item.key, {"state": turned_on})

    def _remember(self, scene: Scene) -> None:
        """One that had an id stays visible until the next start, as in Home Assistant."""
        shown = {"id": scene.item.id, "restored": True, "friendly_name": scene.item.name}
        self._entry.set_state(scene.entity_id, UNAVAILABLE, shown)
