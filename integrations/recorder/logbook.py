"""The logbook: what is recorded, and what happens now, in words; rows are those of Home Assistant (2025.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from nanobot.contracts.history import Cause
from nanobot.hub.bus import Event
from nanobot.hub.states import STATE_CHANGED, State

from .chain import causes_of
from .past import Attributes, ids_of
from .rows import MESSAGES, chunks
from .sentences import TOLD, of_event, of_state
from .tables import contexts, entities, events, messages, states

MOST = 10_000  # rows of each kind in one answer
MOST_LEFT_OUT = 5_000  # entities that one statement can leave out
REMEMBERED = 1_000  # contexts whose origin is kept for those who follow
CONTINUOUS = frozenset({"counter", "proximity"})
"""Domains that change all the time; of sensors, those with a unit or a state class."""
_EVENT_TYPES = sorted(TOLD - MESSAGES.keys())

Look = Callable[[str], State | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """The first thing that was done in a context: an event, or the change of a state (``type`` is state_changed)."""

    type: str
    data: Mapping[str, Any]
    time: float


class Teller:
    """Makes rows. ``look`` gives the present state of an entity: names and units are those of today."""

    def __init__(self, look: Look, hub_name: str, language: str) -> None:
        self._look = look
        self._hub_name = hub_name
        self._language = language

    def name(self, entity_id: str) -> str:
        """What people call it."""
        state = self._look(entity_id)
        return state.name if state else entity_id.partition(".")[2].replace("_", " ")

    def state(
        self, when: float, entity_id: str, old: str, state: str, attributes: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The row of a change of state; None for one that is not told."""
        domain = entity_id.partition(".")[0]
        if domain == "integration" and not (state == "loaded" and old in ("retrying", "failed")):
            return None  # what goes wrong is told by an event, with the reason
        row: dict[str, Any] = {
            "when": when,
            "name": self.name(entity_id),
            "state": state,
            "entity_id": entity_id,
            "message": of_state(entity_id, state, attributes, self._language),
        }
        if icon := attributes.get("icon"):
            row["icon"] = icon
        return row

    def event(self, when: float, event_type: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The row of an event; None for one that is not told."""
        told = of_event(event_type, data, self._language, self._hub_name)
        return None if told is None else {"when": when, **told}

    def explain(
        self, row: dict[str, Any], cause: Cause | None, origins: Callable[[str], Origin | None], itself: Origin
    ) -> dict[str, Any]:
        """Add why it happened: the first thing that was done in its context, or what caused that."""
        if cause is None:
            return row
        row["context_id"] = cause.id
        row["context_user_id"] = cause.user_id
        origin = origins(cause.id)
        if origin is None or origin == itself:
            origin = origins(cause.parent_id) if cause.parent_id else None
        if origin is not None and origin != itself:
            self._add_origin(row, origin)
        return row

    def _add_origin(self, row: dict[str, Any], origin: Origin) -> None:
        data = origin.data
        if origin.type == STATE_CHANGED:
            row["context_entity_id"] = data["entity_id"]
            row["context_entity_id_name"] = self.name(data["entity_id"])
            row["context_state"] = data["state"]
            return
        row["context_event_type"] = origin.type
        if origin.type == "call_service":
            row["context_domain"], row["context_service"] = data.get("domain"), data.get("service")
            return
        told = of_event(origin.type, data, self._language, self._hub_name)
        if told is None:
            return
        for key in ("domain", "name", "message", "source"):
            if told.get(key):
                row[f"context_{key}"] = told[key]
        if entity_id := told.get("entity_id"):
            row["context_entity_id"] = entity_id
            row["context_entity_id_name"] = self.name(entity_id)


def is_continuous(entity_id: str, attributes: Mapping[str, Any]) -> bool:
    """Whether it changes too often to be told."""
    domain = entity_id.partition(".")[0]
    if domain != "sensor":
        return domain in CONTINUOUS
    return "unit_of_measurement" in attributes or "state_class" in attributes


# -- what is recorded ---------------------------------------------------------------------------


class Question:
    """What is asked of ``History.logbook``. ``shows``: whether an entity is shown at all."""

    def __init__(
        self,
        teller: Teller,
        look: Look,
        shows: Callable[[str], bool],
        start: float,
        end: float,
        chosen: Collection[str] | None,
        context: str | None,
    ) -> None:
        self.teller = teller
        self.look = look
        self.shows = shows
        self.start = start
        self.end = end
        self.chosen = None if chosen is None else frozenset(chosen)
        self.context = context

    def answer(self, connection: Connection) -> list[dict[str, Any]]:
        """Ask the records."""
        only = None if self.context is None else _with_effects(connection, self.context)
        made = [*self._states(connection, only), *self._events(connection, only)]
        if self.chosen is None:
            made.extend(self._messages(connection, only))
        made.sort(key=lambda one: (one[0]["when"], one[2].type == STATE_CHANGED))
        made = made[-MOST:]
        causes = causes_of(connection, (context for _, context, _ in made))
        origins = _origins(connection, causes.values())
        return [
            self.teller.explain(row, None if context is None else causes[context], origins.get, itself)
            for row, context, itself in made
        ]

    def _states(self, connection: Connection, only: list[str] | None) -> Iterable[_Made]:
        table = states.c
        query = select(table.entity, table.state, table.old, table.attributes, table.updated, table.context).where(
            table.updated >= self.start,
            table.updated < self.end,
            table.changed.is_(None),
            table.old.is_not(None),
            table.state.is_not(None),
            table.state != table.old,
        )
        names: dict[int, str] = {}
        if self.chosen is not None:
            wanted = [entity_id for entity_id in self.chosen if self.shows(entity_id)]
            names = {number: entity_id for entity_id, number in ids_of(connection, wanted).items()}
            if not names:
                return
            query = query.where(table.entity.in_(list(names)))
        else:
            left_out = []
            for number, entity_id in connection.execute(select(entities.c.id, entities.c.entity_id)):
                if self._is_left_out(entity_id):
                    left_out.append(number)
                else:
                    names[number] = entity_id
            if left_out:
                query = query.where(table.entity.not_in(left_out[:MOST_LEFT_OUT]))
        if only is not None:
            query = query.where(table.context.in_(only))
        rows = connection.execute(query.order_by(table.updated.desc(), table.id.desc()).limit(MOST)).all()
        known = Attributes(connection)
        known.load(row.attributes for row in rows)
        for row in rows:
            entity_id = names.get(row.entity)
            if entity_id is None or is_continuous(entity_id, known[row.attributes]):
                continue
            told = self.teller.state(row.updated, entity_id, row.old, row.state, known[row.attributes])
            if told is not None:
                itself = Origin(STATE_CHANGED, {"entity_id": entity_id, "state": row.state}, row.updated)
                yield told, row.context, itself

    def _is_left_out(self, entity_id: str) -> bool:
        if not self.shows(entity_id):
            return True
        state = self.look(entity_id)
        return is_continuous(entity_id, state.attributes if state else {})

    def _events(self, connection: Connection, only: list[str] | None) -> Iterable[_Made]:
        table = events.c
        query = select(events).where(table.type.in_(_EVENT_TYPES), table.time >= self.start, table.time < self.end)
        if only is not None:
            query = query.where(table.context.in_(only))
        for row in connection.execute(query.order_by(table.time.desc(), table.id.desc()).limit(MOST)):
            data = orjson.loads(row.data)
            told = self.teller.event(row.time, row.type, data)
            if told is not None and self._wants(told.get("entity_id")):
                yield told, row.context, Origin(row.type, data, row.time)

    def _messages(self, connection: Connection, only: list[str] | None) -> Iterable[_Made]:
        types = {direction: event_type for event_type, direction in MESSAGES.items()}
        table = messages.c
        query = select(messages).where(table.time >= self.start, table.time < self.end)
        if only is not None:
            query = query.where(table.context.in_(only))
        for row in connection.execute(query.order_by(table.time.desc(), table.id.desc()).limit(MOST)):
            data = {key: getattr(row, key) for key in ("channel", "chat", "sender")}
            told = self.teller.event(row.time, types[row.direction], data)
            if told is not None:
                yield told, row.context, Origin(types[row.direction], data, row.time)

    def _wants(self, entity_id: str | None) -> bool:
        if entity_id is None:
            return self.chosen is None
        return self.shows(entity_id) and (self.chosen is None or entity_id in self.chosen)


_Made = tuple[dict[str, Any], str | None, Origin]


def _with_effects(connection: Connection, context: str) -> list[str]:
    query = select(contexts.c.id).where(contexts.c.parent == context).limit(MOST)
    return [context, *connection.execute(query).scalars()]


def _origins(connection: Connection, causes: Iterable[Cause]) -> dict[str, Origin]:
    """The first thing recorded in each context, and in those that caused them."""
    wanted = set()
    for cause in causes:
        wanted.add(cause.id)
        if cause.parent_id:
            wanted.add(cause.parent_id)
    found: dict[str, Origin] = {}
    for part in chunks(list(wanted)):
        for row in connection.execute(select(events).where(events.c.context.in_(part)).order_by(events.c.id)):
            if row.context not in found:
                found[row.context] = Origin(row.type, orjson.loads(row.data), row.time)
        for row in _first_states(connection, part):
            before = found.get(row.context)
            if before is None or row.updated < before.time:
                data = {"entity_id": row.entity_id, "state": row.state}
                found[row.context] = Origin(STATE_CHANGED, data, row.updated)
    return found


def _first_states(connection: Connection, part: Collection[str]) -> Iterable[Row[Any]]:
    query = (
        select(states.c.context, states.c.state, states.c.updated, entities.c.entity_id)
        .join_from(states, entities, states.c.entity == entities.c.id)
        .where(states.c.context.in_(part), states.c.changed.is_(None))
        .order_by(states.c.updated.desc(), states.c.id.desc())
    )
    return connection.execute(query)


# -- what happens now ---------------------------------------------------------------------------


class Following:
    """Rows of events of the bus as they come, for those who follow. Used on the event loop."""

    def __init__(self, look: Look, hub_name: Callable[[], str]) -> None:
        self._look = look
        self._hub_name = hub_name
        self._first: dict[str, Event] = {}
        """By context; and those before them. Two, since taking out the oldest of one, again and again, is slow."""
        self._before: dict[str, Event] = {}

    def note(self, event: Event) -> None:
        """Remember what was done first in a context."""
        context_id, first = event.context.id, self._first
        if context_id in first or context_id in self._before:
            return
        if len(first) >= REMEMBERED:
            self._before, first = first, {}
            self._first = first
        first[context_id] = event

    def tell(self, event: Event, language: str) -> dict[str, Any] | None:
        """The row of an event, None for one that is not told."""
        teller = Teller(self._look, self._hub_name(), language)
        row = (
            self._state(teller, event)
            if event.type == STATE_CHANGED
            else teller.event(event.time, event.type, event.data)
        )
        if row is None:
            return None
        context = event.context
        cause = Cause(context.id, context.parent_id, context.user_id, context.actor)
        return teller.explain(row, cause, self._origin, _as_origin(event))

    def _origin(self, context_id: str) -> Origin | None:
        event = self._first.get(context_id) or self._before.get(context_id)
        return None if event is None else _as_origin(event)

    def _state(self, teller: Teller, event: Event) -> dict[str, Any] | None:
        old, new = event.data["old_state"], event.data["new_state"]
        if old is None or new is None or old.state == new.state:
            return None
        if is_continuous(new.entity_id, new.attributes):
            return None
        return teller.state(new.last_updated, new.entity_id, old.state, new.state, new.attributes)


def _as_origin(event: Event) -> Origin:
    if event.type != STATE_CHANGED:
        return Origin(event.type, event.data, event.time)
    new = event.data["new_state"]
    data = {"entity_id": event.data["entity_id"], "state": None if new is None else new.state}
    return Origin(STATE_CHANGED, data, event.time if new is None else new.last_updated)
