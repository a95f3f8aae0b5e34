"""The entities: things with a state that services can act on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from nanobot.contracts.entity import UNAVAILABLE, Entity
from nanobot.contracts.mirrored import Mirrored
from nanobot.contracts.service import ServiceCall
from nanobot.hub.context import Context
from nanobot.hub.groups import GROUP, PREFIX, expanded
from nanobot.hub.states import States, is_entity_id

Customized = Callable[[str], Mapping[str, Any]]
"""The attributes that the configuration gives an entity, by its id."""

MOST_TOLD = 10  # entities that are not there

_log = logging.getLogger(__name__)


def _nothing(entity_id: str) -> Mapping[str, Any]:
    return {}


def _none(entity_id: str) -> bool:
    return False


class Entities:
    """All entities by id; writes their states, with what ``customize`` adds."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._entities: dict[str, Entity] = {}
        self._customized: Customized = _nothing
        self._named: Customized = _nothing
        self._is_hidden: Callable[[str], bool] = _none
        self._made: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Entity]:
        return iter(list(self._entities.values()))

    def __len__(self) -> int:
        return len(self._entities)

    def get(self, entity_id: str) -> Entity | None:
        """The entity of that id, or None."""
        return self._entities.get(entity_id)

    def is_free(self, entity_id: str) -> bool:
        """Whether an entity of this house may have that id: a mirrored one would give way."""
        known = self._entities.get(entity_id)
        return known is None or isinstance(known, Mirrored)

    def add(self, entity: Entity) -> Callable[[], None]:
        """Write its state from now on. Raises ``ValueError`` when the id is taken or impossible.

        Another one takes the id of a ``Mirrored``; a mirrored one takes none.
        """
        if not is_entity_id(entity.entity_id):
            raise ValueError(f"{entity.entity_id!r} is no entity id; write it like 'sensor.kitchen'")
        known = self._entities.get(entity.entity_id)
        if known is not None and (not isinstance(known, Mirrored) or isinstance(entity, Mirrored)):
            raise ValueError(f"there is already an entity {entity.entity_id}")
        self._entities[entity.entity_id] = entity
        if known is not None:
            known._write = None  # noqa: SLF001
            known.ousted()
        entity._write = self.write  # noqa: SLF001 - the contract's own hook, for the hub alone

        def remove() -> None:
            if self._entities.get(entity.entity_id) is entity:
                del self._entities[entity.entity_id]
                entity._write = None  # noqa: SLF001
                self._states.remove(entity.entity_id)

        return remove

    def write(self, entity: Entity, context: Context | None = None) -> None:
        """Put the entity's present state and attributes into the states."""
        attributes = dict(entity.attributes)
        entity_id = entity.entity_id
        if name := entity.name:
            attributes["friendly_name"] = name
        if icon := entity.icon:
            attributes["icon"] = icon
        if entity_id in self._made and "editable" in attributes:
            attributes["editable"] = True
        if named := self._named(entity_id):
            attributes.update(named)
        if customized := self._customized(entity_id):
            attributes.update(customized)
        state = entity.state if entity.available else UNAVAILABLE
        self._states.set(entity_id, state, attributes, context)

    def customize(self, attributes_of: Customized) -> None:
        """Have every entity show these attributes over its own, from now on."""
        self._customized = attributes_of
        for entity in self:
            self.write(entity)

    def name(self, attributes_of: Customized, is_hidden: Callable[[str], bool] = _none) -> Callable[[], None]:
        """Have every entity show what people have it called, over its own attributes and under what the configuration
        says, and know which ones they hide. Returns how to end it."""

        def show(now: Customized, hidden: Callable[[str], bool]) -> None:
            self._named, self._is_hidden = now, hidden
            for entity in self:
                self.write(entity)

        show(attributes_of, is_hidden)
        return lambda: show(_nothing, _none)

    def is_hidden(self, entity_id: str) -> bool:
        """Whether people do not want to see it, such as on pages."""
        return self._is_hidden(entity_id)

    def were_made(self, ids: frozenset[str], *, beside: bool = False) -> None:
        """From now on these are the ones that clients made, and may change: what they show as ``editable``.

        ``beside`` those of before, so that what is about to go changes nothing any more.
        """
        before = self._made
        self._made = ids = ids | before if beside else ids
        for entity_id in before ^ ids:
            if (entity := self._entities.get(entity_id)) is not None:
                self.write(entity)

    def targets(self, ids: str | Iterable[str] | None, domain: str | None = None) -> list[Entity]:
        """The entities meant by ``entity_id`` of a call, each once: ids, "all", or None for none.

        A group stands for those of its members that are of ``domain``. Unknown ones are left out with one warning, as
        in Home Assistant: an absent thing fails no call.
        """
        if ids is None:
            return []
        wanted = [ids] if isinstance(ids, str) else list(ids)
        if wanted == ["all"]:
            return [e for e in self if domain is None or e.entity_id.startswith(f"{domain}.")]
        found: dict[str, Entity] = {}
        missing: dict[str, list[str]] = {}
        usual = f"{domain} entity" if domain else "entity"
        for entity_id in dict.fromkeys(wanted):
            if entity_id.startswith(PREFIX) and domain not in (GROUP, None):
                if self._states.get(entity_id) is None:
                    missing.setdefault("group", []).append(entity_id)
                else:
                    found.update(self._members(entity_id, domain))
                continue
            entity = self._entities.get(entity_id)
            if entity is None or (domain and not entity_id.startswith(f"{domain}.")):
                missing.setdefault(usual, []).append(entity_id)
            else:
                found[entity_id] = entity
        for kind, ids in missing.items():
            more = ", …" if len(ids) > MOST_TOLD else ""
            _log.warning("there is no %s %s%s", kind, ", ".join(ids[:MOST_TOLD]), more)
        return list(found.values())

    def _members(self, group: str, domain: str | None) -> Iterator[tuple[str, Entity]]:
        for entity_id in expanded(self._states, group):
            entity = self._entities.get(entity_id)
            if entity is not None and entity_id.startswith(f"{domain}."):
                yield entity_id, entity

    def service(
        self, domain: str, action: Callable[[Any, ServiceCall], Awaitable[None] | None]
    ) -> Callable[[ServiceCall], Awaitable[None] | None]:
        """A service handler that does ``action(entity, call)`` for each targeted entity of ``domain``; what is mirrored
        does it where it lives.

        All are tried, also when one fails; the first failure is raised then.
        """

        def handle(call: ServiceCall) -> Awaitable[None] | None:
            waiting: list[Awaitable[None]] = []
            failure: Exception | None = None
            for entity in self.targets(call.data.get("entity_id"), domain):
                try:
                    result = entity.serve(call) if isinstance(entity, Mirrored) else action(entity, call)
                except Exception as error:
                    failure = failure or error
                    continue
                if result is not None:
                    waiting.append(result)
            if waiting:
                return _all(waiting, failure)
            if failure is not None:
                raise failure
            return None

        return handle


async def _all(waiting: list[Awaitable[None]], failure: Exception | None) -> None:
    if len(waiting) == 1 and failure is None:
        await waiting[0]
        return
    for done in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(done, BaseException):
            failure = failure or (done if isinstance(done, Exception) else None)
    if failure is not None:
        raise failure
