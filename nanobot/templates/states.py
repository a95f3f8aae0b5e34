"""What templates read of the hub's states. What is read is noted while somebody wants to know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from nanobot.hub.hub import Hub
from nanobot.hub.states import State, is_entity_id
from nanobot.templates.errors import Refused, short
from nanobot.templates.info import RenderInfo
from nanobot.templates.limits import Budget, light
from nanobot.templates.sandbox import with_unit
from nanobot.templates.texts import kind

UNKNOWN = "unknown"
NO_VALUE = frozenset({"unknown", "unavailable"})

_DOMAIN = re.compile(r"(?!_)[a-z0-9_]+(?<!_)")
_LENIENT_ID = re.compile(r"(?!.+__)(?!_)[\da-z_]+(?<!_)\.(?!_)[\da-z_]+(?<!_)")

Table = dict[str, Callable[..., Any]]


class Reading:
    """Who is told what the running render reads. Rendering never waits, so there is one at a time in a hub."""

    __slots__ = ("info",)

    def __init__(self) -> None:
        self.info: RenderInfo | None = None


class AllStates:
    """``states('sensor.x')``, ``states.sensor.x``, ``states['sensor.x']``, ``states.sensor``, all of them in a loop."""

    __slots__ = ("_domains", "_get", "_hub", "_reading", "_states")

    def __init__(self, hub: Hub, reading: Reading) -> None:
        self._hub = hub
        self._states = hub.states
        self._get = hub.states.get
        self._reading = reading
        self._domains: dict[str, DomainStates] = {}

    def __call__(self, entity_id: str, rounded: Any = None, with_unit: bool = False) -> str:
        state = self.look(entity_id)
        if state is None:
            return UNKNOWN
        return _with_unit(state) if with_unit else state.state

    def look(self, entity_id: str) -> State | None:
        """The state, or None, also for text that is no entity id. Raises ``Refused`` for what is no text."""
        if not isinstance(entity_id, str):
            raise Refused(f"Invalid entity ID: it is {kind(entity_id)}, not a text like 'sensor.kitchen'")
        info = self._reading.info
        if info is not None:
            note(info, entity_id)
        return self._get(entity_id)

    def find(self, entity_id: str) -> State | None:
        """The state, or None. Raises ``Refused`` for what is no entity id."""
        state = self.look(entity_id)
        if state is None and not _is_id(entity_id):
            raise Refused(f"Invalid entity ID {short(entity_id)}; write it like 'sensor.kitchen'")
        return state

    def read(self, name: str) -> Any:
        """``states.<name>``"""
        if "." in name:
            return self.find(name)
        if name.startswith("_"):
            raise KeyError(name)
        found = self._domains.get(name)
        if found is None:
            if not _DOMAIN.fullmatch(name):
                raise Refused(f"Invalid domain name {short(name)}")
            found = self._domains[name] = DomainStates(self._hub, self._reading, name)
        return found

    def __iter__(self) -> Iterator[State]:
        info = self._reading.info
        if info is not None:
            info.all_states = True
        return iter(sorted(self._states.all(), key=_by_id))

    def __len__(self) -> int:
        info = self._reading.info
        if info is not None:
            info.all_states_lifecycle = True
        return len(self._states)

    def __repr__(self) -> str:
        return "<template AllStates>"


class DomainStates:
    """``states.sensor``: those of one domain."""

    __slots__ = ("_domain", "_get", "_prefix", "_reading", "_states")

    def __init__(self, hub: Hub, reading: Reading, domain: str) -> None:
        self._states = hub.states
        self._get = hub.states.get
        self._reading = reading
        self._domain = domain
        self._prefix = f"{domain}."

    def read(self, name: str) -> State | None:
        """``states.sensor.<name>``"""
        entity_id = self._prefix + name
        info = self._reading.info
        if info is not None:
            note(info, entity_id)
        state = self._get(entity_id)
        if state is None and not _is_id(entity_id):
            raise Refused(f"Invalid entity ID {short(entity_id)}")
        return state

    def __iter__(self) -> Iterator[State]:
        info = self._reading.info
        if info is not None:
            info.domains.add(self._domain)
        return iter(sorted(self._states.all(self._domain), key=_by_id))

    def __len__(self) -> int:
        info = self._reading.info
        if info is not None:
            info.domains_lifecycle.add(self._domain)
        return len(self._states.all(self._domain))

    def __repr__(self) -> str:
        return f"<template DomainStates('{self._domain}')>"


_with_unit = with_unit
_by_id = attrgetter("entity_id")


def _is_id(entity_id: Any) -> bool:
    return isinstance(entity_id, str) and (
        is_entity_id(entity_id) or _LENIENT_ID.fullmatch(entity_id.lower()) is not None
    )


def note(info: RenderInfo, entity_id: str) -> None:
    """An entity was read, be it there or not."""
    info.entities.add(entity_id.lower())


def make(hub: Hub, reading: Reading, budget: Budget) -> tuple[Table, Table, Table]:
    """Globals, filters and tests that read the states of a hub."""
    states = AllStates(hub, reading)
    find = states.look

    def state_attr(entity_id: str, name: str) -> Any:
        state = find(entity_id)
        return None if state is None else state.attributes.get(name)

    def is_state(entity_id: str, state: Any) -> bool:
        found = find(entity_id)
        return found is not None and (
            found.state == state or (isinstance(state, (list, tuple, set)) and found.state in state)
        )

    def is_state_attr(entity_id: str, name: str, value: Any) -> bool:
        found = state_attr(entity_id, name)
        return found is not None and bool(found == light(value))

    def has_value(entity_id: str) -> bool:
        found = find(entity_id)
        return found is not None and found.state not in NO_VALUE

    def state_translated(entity_id: str) -> str:
        return states(entity_id)

    def is_hidden_entity(entity_id: str) -> bool:
        return hub.entities.is_hidden(entity_id)

    def expand(*wanted: Any) -> list[State]:
        left: list[Any] = [*wanted]
        found: dict[str, State] = {}
        groups: set[str] = set()
        while left:
            budget.tick()
            one = left.pop()
            if isinstance(one, str):
                one = find(one)
            if isinstance(one, State):
                members = one.attributes.get("entity_id")
                if isinstance(members, (list, tuple)):
                    if one.entity_id not in groups:
                        groups.add(one.entity_id)
                        if reading.info is not None:
                            note(reading.info, one.entity_id)
                        left.extend(members)
                else:
                    if reading.info is not None:
                        note(reading.info, one.entity_id)
                    found[one.entity_id] = one
            elif isinstance(one, Iterable) and not isinstance(one, Mapping | bytes):
                left.extend(one)
        return list(found.values())

    shared: Table = {
        "state_attr": state_attr,
        "is_state": is_state,
        "is_state_attr": is_state_attr,
        "has_value": has_value,
        "state_translated": state_translated,
        "is_hidden_entity": is_hidden_entity,
        "expand": expand,
    }
    tests = {name: shared[name] for name in ("is_state", "is_state_attr", "has_value", "is_hidden_entity")}
    return {**shared, "states": states}, {**shared, "states": states.__call__}, tests
