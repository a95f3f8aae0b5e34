"""One group: its state follows that of its members, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nanobot.contracts.entity import UNKNOWN, Entity
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.groups import GROUP, PREFIX
from nanobot.hub.states import State

from .kinds import KINDS, ON, ON_FOR_OFF, PLAIN, SILENT, Kind


@dataclass(frozen=True, slots=True)
class Definition:
    """What a group is to be. ``every``: it is on when all members are, rather than any."""

    name: str
    members: tuple[str, ...]
    icon: str | None = None
    every: bool = False


class Group(Entity):
    """Members that are not there say nothing; ``unavailable`` and ``unknown`` ones are not on.

    It is ``unknown`` until a member had a state that is on or off.
    """

    def __init__(
        self,
        entry: Entry,
        entity_id: str,
        definition: Definition,
        find: Callable[[str], Group | None],
        *,
        order: int,
        by_service: bool,
    ) -> None:
        self.entity_id = entity_id
        self.order = order
        self.by_service = by_service
        self.definition = definition
        self._entry = entry
        self._find = find
        self._states = entry.hub.states
        self._untrack: Callable[[], None] | None = None
        self._watched: tuple[str, ...] = ()
        self._nested: tuple[str, ...] = ()
        self._domains: frozenset[str] = frozenset()
        self._seen: set[str] = set()
        self._on: set[str] = set()
        self._assumed: set[str] = set()
        self._opposites: set[str] = set()
        """The on-states that members have shown to be theirs."""
        self._state = UNKNOWN
        self._is_assumed = False
        self.take(definition)

    @property
    def state(self) -> str:
        return self._state

    @property
    def attributes(self) -> Mapping[str, Any]:
        shown: dict[str, Any] = {"entity_id": list(self.definition.members), "order": self.order}
        if self.by_service:
            shown["auto"] = True
        if self._is_assumed:
            shown["assumed_state"] = True
        return shown

    def take(self, definition: Definition) -> None:
        """Become this; ``look`` shows it."""
        self.definition = definition
        self.name = definition.name
        self.icon = definition.icon
        watched = tuple(one for one in definition.members if one.partition(".")[0] not in SILENT)
        if watched != self._watched or self._untrack is None:
            self._watched = watched
            self._nested = tuple(one for one in watched if one.startswith(PREFIX))
            self._domains = frozenset(one.partition(".")[0] for one in watched) - {GROUP}
            self._forget()
            if self._untrack is not None:
                self._untrack()
            self._untrack = self._entry.track(list(watched), self._member_changed)

    def drop(self) -> None:
        """Look at no member any more."""
        if self._untrack is not None:
            self._untrack()
            self._untrack = None

    def kind(self, known: dict[str, Kind | None] | None = None) -> Kind | None:
        """What all its members have in common, None when they differ or there are none.

        ``known``: what groups have answered; one that contains itself has nothing to say the second time.
        """
        known = {} if known is None else known
        if self.entity_id in known:
            return known[self.entity_id]
        known[self.entity_id] = None
        kinds = {KINDS.get(domain, PLAIN) for domain in self._domains}
        kinds |= {kind for group in self._nested if (kind := _kind_of(self._find(group), known))}
        known[self.entity_id] = next(iter(kinds)) if len(kinds) == 1 else None
        return known[self.entity_id]

    def look(self, context: Context | None = None) -> None:
        """Work the state out and show it."""
        self._weigh()
        self.changed(context)

    def _forget(self) -> None:
        """See all members anew."""
        self._seen.clear()
        self._on.clear()
        self._assumed.clear()
        self._opposites.clear()
        for member in self._watched:
            if (state := self._states.get(member)) is not None:
                self._see(state)

    def _see(self, state: State) -> None:
        kind = KINDS.get(state.domain)
        if kind is not None:
            is_on = state.state in kind.states
            self._opposites |= kind.states
        elif is_on := state.state in ON:
            self._opposites.add(state.state)
        elif (opposite := ON_FOR_OFF.get(state.state)) is not None:
            self._opposites.add(opposite)
        self._seen.add(state.entity_id)
        _put(self._on, state.entity_id, is_in=is_on)
        _put(self._assumed, state.entity_id, is_in=bool(state.attributes.get("assumed_state")))

    def _member_changed(self, event: Event) -> None:
        before = self._state, self._is_assumed
        state: State | None = event.data["new_state"]
        if state is None:
            self._forget()
        else:
            self._see(state)
        self._weigh()
        if (self._state, self._is_assumed) != before:
            self.changed(event.context)

    def _weigh(self) -> None:
        if not self._seen:
            return  # nobody is there to say anything else
        enough = len(self._seen) if self.definition.every else 1
        self._is_assumed = len(self._assumed) >= enough
        if not self._opposites:
            self._state = UNKNOWN
        elif len(self._on) < enough:
            self._state = (self.kind() or PLAIN).off
        elif len(self._opposites) == 1:
            self._state = next(iter(self._opposites))
        else:
            self._state = (self.kind() or PLAIN).on


def _kind_of(group: Group | None, known: dict[str, Kind | None]) -> Kind | None:
    """That of a group in a group, which may be none that there is."""
    return None if group is None else group.kind(known)


def _put(members: set[str], member: str, *, is_in: bool) -> None:
    if is_in:
        members.add(member)
    else:
        members.discard(member)
