"""The states: what is known right now, by entity id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from nanobot.hub.bus import Bus, Call, Event, Remove
from nanobot.hub.context import Context
from nanobot.util.dt import Clock, iso

MAX_STATE_LENGTH = 255
MAX_ID_LENGTH = 255
STATE_CHANGED = "state_changed"
STATE_REPORTED = "state_reported"

_ENTITY_ID = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*\.[a-z0-9_]+")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def is_entity_id(text: str) -> bool:
    """``domain.object_id`` of small letters, digits and underscores."""
    return len(text) <= MAX_ID_LENGTH and _ENTITY_ID.fullmatch(text) is not None


class State:
    """One state, which never changes: a change makes a new one. Times are seconds since the epoch.

    ``last_changed``: the state itself became another. ``last_updated``: state or attributes did.
    ``last_reported``: somebody wrote it, be it the same.
    """

    __slots__ = (
        "_context",
        "attributes",
        "entity_id",
        "json",
        "last_changed",
        "last_reported",
        "last_updated",
        "state",
    )

    def __init__(
        self,
        entity_id: str,
        state: str,
        attributes: Mapping[str, Any],
        last_changed: float,
        last_updated: float,
        context: Context | None,
    ) -> None:
        self.entity_id = entity_id
        self.state = state
        self.attributes = attributes
        self.last_changed = last_changed
        self.last_updated = last_updated
        self.last_reported = last_updated
        self._context = context
        self.json: bytes | None = None
        """This state as JSON, once somebody has read it so; see ``nanobot.hub.shapes``."""

    @property
    def context(self) -> Context:
        """What caused this state."""
        if self._context is None:
            self._context = Context()
        return self._context

    @property
    def domain(self) -> str:
        """The part of the entity id before the dot."""
        return self.entity_id.partition(".")[0]

    @property
    def object_id(self) -> str:
        """The part of the entity id behind the dot."""
        return self.entity_id.partition(".")[2]

    @property
    def name(self) -> str:
        """The friendly name, or one made of the object id."""
        name = self.attributes.get("friendly_name")
        return str(name) if name else self.object_id.replace("_", " ")

    @property
    def changed_at(self) -> datetime:
        """``last_changed`` in UTC."""
        return datetime.fromtimestamp(self.last_changed, UTC)

    def as_dict(self) -> dict[str, Any]:
        """The shape of Home Assistant's REST and WebSocket APIs (2025.4)."""
        updated = iso(self.last_updated)  # most often all three are one moment
        return {
            "entity_id": self.entity_id,
            "state": self.state,
            "attributes": dict(self.attributes),
            "last_changed": updated if self.last_changed == self.last_updated else iso(self.last_changed),
            "last_reported": updated if self.last_reported == self.last_updated else iso(self.last_reported),
            "last_updated": updated,
            "context": self.context.as_dict(),
        }

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, State)
            and other.entity_id == self.entity_id
            and other.state == self.state
            and other.attributes == self.attributes
            and other.last_updated == self.last_updated
        )

    def __hash__(self) -> int:
        return hash((self.entity_id, self.state, self.last_updated))

    def __repr__(self) -> str:
        return f"<State {self.entity_id}={self.state}>"


class States:
    """All states. Writing one that is the same is a report, not a change."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._states: dict[str, State] = {}
        self._domains: dict[str, dict[str, None]] = {}
        self._trackers: dict[str, tuple[Call, ...]] = {}
        self._domain_trackers: dict[str, tuple[Call, ...]] = {}
        self.json: bytes | None = None
        """All states as JSON, once somebody has read them so and until one changes; see ``nanobot.hub.shapes``."""

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, entity_id: object) -> bool:
        return entity_id in self._states

    def __iter__(self) -> Iterator[State]:
        return iter(list(self._states.values()))

    def get(self, entity_id: str) -> State | None:
        """The state of an entity, or None. Ids are looked up as written, then in small letters."""
        return self._states.get(entity_id) or self._states.get(entity_id.lower())

    def all(self, domain: str | None = None) -> list[State]:
        """All states, or those of one domain, in the order in which they appeared."""
        if domain is None:
            return list(self._states.values())
        return [self._states[entity_id] for entity_id in self._domains.get(domain, ())]

    def set(
        self,
        entity_id: str,
        state: str,
        attributes: Mapping[str, Any] | None = None,
        context: Context | None = None,
        *,
        force: bool = False,
    ) -> None:
        """Write a state; without ``attributes`` it has none. ``force`` makes the same value a change.

        Fires ``state_changed {entity_id, old_state, new_state}``, or ``state_reported`` when all is the same.
        Raises ``ValueError`` for an impossible id or a state of more than 255 characters.
        """
        state = str(state)  # integrations of users write numbers as well, as they may in Home Assistant
        if len(state) > MAX_STATE_LENGTH:
            raise ValueError(f"{entity_id}: a state has at most {MAX_STATE_LENGTH} characters, not {len(state)}")
        now = self._clock.time()
        old = self._states.get(entity_id)
        if old is not None and not force:
            same_attributes = old.attributes == attributes if attributes else not old.attributes
            if old.state == state:
                if same_attributes:
                    self._report(old, now, context)
                    return
                changed = old.last_changed
            else:
                changed = now
            kept = old.attributes if same_attributes else MappingProxyType(dict(attributes or ()))
        else:
            if old is None:
                self._check_id(entity_id)
                self._domains.setdefault(entity_id.partition(".")[0], {})[entity_id] = None
            changed = now
            kept = MappingProxyType(dict(attributes)) if attributes else _NOTHING
        new = State(entity_id, state, kept, changed, now, context)
        self._states[entity_id] = new
        self.json = None
        self._tell(entity_id, old, new, context)

    def remove(self, entity_id: str, context: Context | None = None) -> bool:
        """Forget an entity. Listeners see a change with ``new_state`` None. False: there was none."""
        old = self._states.pop(entity_id, None)
        if old is None:
            return False
        self.json = None
        domain = entity_id.partition(".")[0]
        ids = self._domains[domain]
        del ids[entity_id]
        if not ids:
            del self._domains[domain]
        self._tell(entity_id, old, None, context)
        return True

    def track(
        self, entity_ids: str | Iterable[str], callback: Callable[[Event], None], *, first: bool = False
    ) -> Remove:
        """Call ``callback`` with the ``state_changed`` event of these entities only.

        Costs nothing for the changes of other entities, however many are tracked. ``first``: before all who came
        earlier, for somebody who only tells of changes, and is to do so before others make more of them.
        """
        return _track(self._trackers, entity_ids, callback, first=first)

    def track_domain(self, domains: str | Iterable[str], callback: Callable[[Event], None]) -> Remove:
        """The same for all entities of these domains, those to come included."""
        return _track(self._domain_trackers, domains, callback)

    def is_tracked(self, entity_id: str) -> bool:
        """Whether a callback waits for this entity or its domain."""
        return entity_id in self._trackers or entity_id.partition(".")[0] in self._domain_trackers

    def tracked(self) -> int:
        """How many callbacks wait for single entities or domains."""
        return sum(len(calls) for table in (self._trackers, self._domain_trackers) for calls in table.values())

    def _tell(self, entity_id: str, old: State | None, new: State | None, context: Context | None) -> None:
        trackers = self._trackers.get(entity_id)
        if self._domain_trackers and (more := self._domain_trackers.get(entity_id.partition(".")[0])):
            trackers = (*(trackers or ()), *more)
        route = self._bus.route(STATE_CHANGED)
        if trackers is None and not route:
            return
        if new is not None:
            context = context or new.context
        event = Event(STATE_CHANGED, {"entity_id": entity_id, "old_state": old, "new_state": new}, context)
        # whoever hears of everything hears of a cause before what trackers make of it
        for call in route if trackers is None else (*route, *trackers):
            try:
                call(event)
            except Exception:
                self._bus._failed(call, event)  # noqa: SLF001 - the bus says it in its words

    def _report(self, state: State, now: float, context: Context | None) -> None:
        before, state.last_reported = state.last_reported, now
        state.json = self.json = None
        if self._bus.route(STATE_REPORTED):
            self._bus.fire(
                STATE_REPORTED,
                {"entity_id": state.entity_id, "old_last_reported": before, "new_state": state},
                context,
            )

    def _check_id(self, entity_id: str) -> None:
        if not is_entity_id(entity_id):
            raise ValueError(f"{entity_id!r} is no entity id; write it like 'sensor.kitchen'")


def _track(
    trackers: dict[str, tuple[Call, ...]],
    names: str | Iterable[str],
    callback: Callable[[Event], None],
    *,
    first: bool = False,
) -> Remove:
    wanted = [names] if isinstance(names, str) else list(dict.fromkeys(names))

    def call(event: Event) -> None:
        callback(event)

    call.__qualname__ = getattr(callback, "__qualname__", repr(callback))
    for name in wanted:
        before = trackers.get(name, ())
        trackers[name] = (call, *before) if first else (*before, call)

    def remove() -> None:
        for name in wanted:
            left = tuple(c for c in trackers.get(name, ()) if c is not call)
            if left:
                trackers[name] = left
            else:
                trackers.pop(name, None)

    return remove


def as_change(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a ``state_changed`` that somebody fires by hand, with its states as ``State``: whoever listens relies
    on that. Raises ``ValueError`` with a sentence."""
    try:
        entity_id = data["entity_id"]
        states = {key: _given(data.get(key)) for key in ("old_state", "new_state")}
        if not isinstance(entity_id, str) or not is_entity_id(entity_id):
            raise ValueError("no entity id")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        text = "state_changed takes entity_id, and old_state and new_state as GET /api/states gives them"
        raise ValueError(text) from error
    return {**data, "entity_id": entity_id, **states}


def _given(state: Any) -> State | None:
    if state is None or isinstance(state, State):
        return state
    if not isinstance(state, Mapping) or not is_entity_id(state["entity_id"]):
        raise ValueError("no state")
    changed, updated = (datetime.fromisoformat(state[key]).timestamp() for key in ("last_changed", "last_updated"))
    context = state.get("context") or {}
    cause = Context(id=context.get("id"), parent_id=context.get("parent_id"), user_id=context.get("user_id"))
    attributes = MappingProxyType(dict(state.get("attributes") or {}))
    return State(state["entity_id"], str(state["state"]), attributes, changed, updated, cause)
