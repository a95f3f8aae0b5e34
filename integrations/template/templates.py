"""All template entities: set up, and brought to what an edit made of them, each on its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.issues import Severity
from nanobot.hub.restore import LastStates
from nanobot.hub.states import MAX_ID_LENGTH
from nanobot.templates import TemplateError
from nanobot.templates.track import Update
from nanobot.util.text import slugify

from .controls import Button, Number, Select, Switch, Text
from .entity import TemplateEntity
from .feed import Feed
from .section import Section, Spec
from .sensors import BinarySensor, Sensor

RELOADED = "event_template_reloaded"
SLICE = 10  # entities set up in one go, a few milliseconds; then others have their turn
DEEPEST = 100  # template entities each of which follows the one before; more are a circle

KINDS: Mapping[str, type[TemplateEntity]] = {
    "sensor": Sensor,
    "binary_sensor": BinarySensor,
    "select": Select,
    "number": Number,
    "button": Button,
    "switch": Switch,
    "text": Text,
}


class Templates:
    """Entities and feeds by their keys. Each one is a part of the entry, so that it can be replaced alone."""

    def __init__(self, hub: Hub, entry: Entry) -> None:
        self._hub = hub
        self._entry = entry
        self._entities: dict[str, TemplateEntity] = {}
        self._feeds: dict[str, Feed] = {}
        self._members: dict[str, list[TemplateEntity]] = {}
        self._last = LastStates(entry)
        self._waiting: deque[tuple[TemplateEntity, list[Update], int]] = deque()
        self._depth: int | None = None
        self.started = hub.phase not in (Phase.NOT_RUNNING, Phase.STARTING)
        """Whether the hub is; before, nothing is rendered, as what templates read may not be there yet."""
        self.announced = 0
        """Reloads under way whose callers fire ``event_template_reloaded`` themselves, with their context."""

    async def open(self) -> None:
        """Set all up."""
        await self._last.load()
        if not self.started:
            self._entry.listen("homeassistant_start", self._render_all, once=True)
            self._entry.listen("homeassistant_started", self._attach_all, once=True)
        await self._bring(self._entry.config)

    async def update_all(self, sections: Sequence[Section]) -> None:
        """Become what is configured now. Unchanged ones notice nothing."""
        await self._bring(sections)
        if not self.announced:
            self._hub.bus.fire(RELOADED)

    def remember(self, entity: TemplateEntity) -> None:
        """Keep over a restart what an entity wants to find again."""
        if kept := entity.keep():
            self._last.put(entity.spec.key, kept)

    def update(self, entity: TemplateEntity, updates: list[Update]) -> None:
        """Templates of an entity have other results.

        What one writes may change what others follow. They have their turn one after the other, not one within the
        other, and a circle ends.
        """
        depth = 0 if self._depth is None else self._depth + 1
        if depth > DEEPEST:
            entity.looped()
            return
        self._waiting.append((entity, updates, depth))
        if self._depth is not None:
            return
        try:
            while self._waiting:
                entity, updates, self._depth = self._waiting.popleft()
                try:
                    entity.inputs_changed(updates)
                except Exception:  # a fault of ours in one entity must not keep the others from their values
                    self._entry.log.exception("%s cannot be updated", entity.entity_id)
        finally:
            self._depth = None

    # -- inside ---------------------------------------------------------------------------------

    async def _bring(self, sections: Sequence[Section]) -> None:
        specs, wrong = self._sort(sections)
        kept_feeds = {section.key for section in sections if section.is_triggered or section.head is None}
        for key, entity in list(self._entities.items()):
            spec = specs.get(key)
            gone = spec is None and key not in wrong
            moved = spec is not None and spec.config.get("default_entity_id") != entity.spec.config.get(
                "default_entity_id"
            )
            if gone or moved:
                del self._entities[key]
                await self._entry.parts[key].release()
        for key in [key for key in self._feeds if key not in kept_feeds]:
            await self._end_feed(key)
        for section in sections:
            if section.is_triggered:
                await self._bring_feed(section)
        for count, (key, spec) in enumerate(specs.items()):
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            await self._bring_one(key, spec)
        for key, error in wrong.items():
            if key in self._entities and key not in specs:
                self._entities[key].refuse(error)
        self._members = {}
        for entity in self._entities.values():
            if entity.spec.feed is not None:
                self._members.setdefault(entity.spec.feed, []).append(entity)
        self._last.only({*specs, *wrong})

    def _sort(self, sections: Sequence[Section]) -> tuple[dict[str, Spec], dict[str, str]]:
        """The entities that are wanted, and those that are wrong with the reason, by their keys."""
        specs: dict[str, Spec] = {}
        wrong: dict[str, str] = {}
        twice: list[str] = []
        for section in sections:
            for key in section.wrong:
                wrong[key] = section.error or ""
            for spec in section.specs:
                if spec.key in specs:
                    twice.append(spec.key)
                else:
                    specs[spec.key] = spec
        if twice:
            self._entry.issue("unique_id_twice", severity=Severity.WARNING, names=", ".join(twice))
        else:
            self._entry.resolve("unique_id_twice")
        return specs, wrong

    async def _bring_one(self, key: str, spec: Spec) -> None:
        entity = self._entities.get(key)
        if entity is None:
            self._add(spec)
        elif spec.same_as(entity.spec):
            entity.spec = spec
            entity.refuse(None)
        else:
            await entity.take(spec)
            entity.changed()

    def _add(self, spec: Spec) -> None:
        part = self._entry.part(spec.key)
        try:
            last = self._last.get(spec.key) or {}
            entity = KINDS[spec.domain](part, spec, self._id_of(spec, last), self)
            entity.restore(last)
            if self.started:
                entity.begin()
            part.add(entity)
        except BaseException:
            self._entry.spawn(part.release(), "undo")
            raise
        self._entities[spec.key] = entity
        self.remember(entity)

    def _id_of(self, spec: Spec, last: Mapping[str, Any]) -> str:
        """As it was before, for one with a unique id; else as wanted, with a number behind it where that is taken."""
        known = last.get("entity_id")
        default = spec.config.get("default_entity_id")
        if known is not None and self._is_free(known):
            return str(known)
        if default is not None:
            wanted = f"{spec.domain}.{default.partition('.')[2]}"
        else:
            wanted = f"{spec.domain}.{slugify(self._name_of(spec)) or 'unnamed_device'}"[: MAX_ID_LENGTH - 5]
        entity_id, count = wanted, 1
        while not self._is_free(entity_id):
            count += 1
            entity_id = f"{wanted}_{count}"
        return entity_id

    def _is_free(self, entity_id: str) -> bool:
        entities = self._hub.entities
        if entity_id in self._hub.states and entities.get(entity_id) is None:
            return False
        return entities.is_free(entity_id)

    def _name_of(self, spec: Spec) -> str:
        template = spec.config.get("name")
        if template is not None:
            try:
                return str(template.render(self._hub, {"this": {}}, native=False))
            except TemplateError:
                pass  # its own template says so, once it is shown
        return f"template {spec.unique_id}" if spec.unique_id else ""

    async def _bring_feed(self, section: Section) -> None:
        known = self._feeds.get(section.key)
        if known is not None and known.same_as(section):
            return
        if known is not None:
            await self._end_feed(section.key)
        part = self._entry.part(_feed_part(section.key))
        feed = self._feeds[section.key] = Feed(part, section, self._give)
        if self.started:
            await feed.begin(starting=False)

    async def _end_feed(self, key: str) -> None:
        del self._feeds[key]
        await self._entry.parts[_feed_part(key)].release()

    def _give(self, key: str, variables: Mapping[str, Any], context: Context | None) -> None:
        for entity in self._members.get(key, ()):
            entity.feed(variables, context)

    def _render_all(self, event: Event) -> None:
        self.started = True
        for entity in list(self._entities.values()):
            entity.begin()
            entity.changed()

    async def _attach_all(self, event: Event) -> None:
        for feed in list(self._feeds.values()):
            await feed.begin(starting=True)


def _feed_part(key: str) -> str:
    return f"triggers of {key}"
