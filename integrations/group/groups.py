"""All groups: the configured ones, brought to what an edit made of them, and those that a service made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.groups import PREFIX
from nanobot.util.text import slugify

from .group import Definition, Group


class Groups:
    """By entity id."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._groups: dict[str, tuple[Group, Callable[[], None]]] = {}
        self._next_order = 0

    def get(self, entity_id: str) -> Group | None:
        """The group of that id, or None."""
        known = self._groups.get(entity_id)
        return known[0] if known else None

    def update(self, config: Mapping[str, Mapping[str, Any]]) -> None:
        """Become what is configured now. What is as configured notices nothing; what a service made stays."""
        wanted = _definitions(config)
        for entity_id, (group, _) in list(self._groups.items()):
            if group.by_service == (entity_id in wanted):
                self.remove(entity_id)
        for entity_id, definition in wanted.items():
            self.put(entity_id, definition)

    def put(
        self, entity_id: str, definition: Definition, context: Context | None = None, *, by_service: bool = False
    ) -> None:
        """Make the group, or make it another one."""
        group = self.get(entity_id)
        if group is None:
            group = Group(self._entry, entity_id, definition, self.get, order=self._next_order, by_service=by_service)
            self._next_order += 1
            self._groups[entity_id] = (group, group.drop)  # others may ask for it as soon as it has a state
            group.look()
            try:
                self._groups[entity_id] = (group, self._entry.add(group))
            except ValueError:
                self.remove(entity_id)
                raise
        elif group.definition != definition:
            group.take(definition)
            group.look(context)

    def remove(self, entity_id: str) -> None:
        """Take a group away."""
        group, remove = self._groups.pop(entity_id)
        group.drop()
        remove()


def _definitions(config: Mapping[str, Mapping[str, Any]]) -> dict[str, Definition]:
    """By entity id. Names that come to the same id are numbered, as in Home Assistant."""
    found: dict[str, Definition] = {}
    for key, item in config.items():
        wanted = PREFIX + slugify(str(key))
        entity_id, count = wanted, 1
        while entity_id in found:
            count += 1
            entity_id = f"{wanted}_{count}"
        found[entity_id] = Definition(
            item.get("name", str(key)), tuple(item["entities"]), item.get("icon"), item["all"]
        )
    return found
