"""What is looked for among the states of a trial and is not there: what has to be asked of the records as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nanobot.hub.hub import Hub
from nanobot.hub.states import State, is_entity_id
from nanobot.lifecycle.records import EVERYTHING


class Reads:
    """Of one hub, from the beginning: templates keep what they read with. ``entities`` were asked for and had no state;
    of ``domains`` all entities were wanted, of ``types`` the events."""

    def __init__(self, hub: Hub) -> None:
        self.entities: set[str] = set()
        self.domains: set[str] = set()
        self.types: set[str] = set()
        states: Any = hub.states
        bus: Any = hub.bus
        listen = bus.listen
        look, every, track, track_domain = states.get, states.all, states.track, states.track_domain

        def get(entity_id: str) -> State | None:
            found: State | None = look(entity_id)
            if found is None:
                self._lacks(entity_id)
            return found

        def of(domain: str | None = None) -> list[State]:
            self.domains.add(domain or EVERYTHING)
            found: list[State] = every(domain)
            return found

        def follow(entity_ids: str | Iterable[str], callback: Any) -> Callable[[], None]:
            wanted = [entity_ids] if isinstance(entity_ids, str) else list(entity_ids)
            for entity_id in wanted:
                if entity_id not in states:
                    self._lacks(entity_id)
            remove: Callable[[], None] = track(wanted, callback)
            return remove

        def follow_domain(domains: str | Iterable[str], callback: Any) -> Callable[[], None]:
            wanted = [domains] if isinstance(domains, str) else list(domains)
            self.domains.update(wanted)
            remove: Callable[[], None] = track_domain(wanted, callback)
            return remove

        def hear(event_type: str, *more: Any, **how: Any) -> Callable[[], None]:
            self.types.add(event_type)
            remove: Callable[[], None] = listen(event_type, *more, **how)
            return remove

        bus.listen = hear
        states.get, states.all, states.track, states.track_domain = get, of, follow, follow_domain

    def _lacks(self, entity_id: str) -> None:
        if is_entity_id(entity_id.lower()):
            self.entities.add(entity_id.lower())
