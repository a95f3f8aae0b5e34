"""``this``: the state of the entity itself, as its templates see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nanobot.contracts.entity import UNKNOWN
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.templates.sandbox import read
from nanobot.templates.template import environments

_NAMES = (
    "entity_id",
    "state",
    "attributes",
    "name",
    "domain",
    "object_id",
    "last_changed",
    "last_updated",
    "last_reported",
    "context",
    "state_with_unit",
)


class This(Mapping[str, Any]):
    """Always the present state; a template that reads it is rendered again when that changes."""

    __slots__ = ("_entity_id", "_hub")

    def __init__(self, hub: Hub, entity_id: str) -> None:
        self._hub = hub
        self._entity_id = entity_id

    def __getitem__(self, name: str) -> Any:
        if name not in _NAMES:
            raise KeyError(name)
        reading = environments(self._hub).environment().reading.info
        if reading is not None:
            reading.entities.add(self._entity_id)
        state = self._hub.states.get(self._entity_id)
        return read(State(self._entity_id, UNKNOWN, {}, 0.0, 0.0, None) if state is None else state, name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)
