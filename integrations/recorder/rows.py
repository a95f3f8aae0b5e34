"""From what happened to rows: a batch of events becomes a few statements. Used in the writer's thread alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nanobot.contracts.runnable import RunTrace
from nanobot.hub.bus import Event
from nanobot.hub.context import Context
from nanobot.hub.states import STATE_CHANGED, State

from . import tables
from .encoding import MAX_ATTRIBUTES, MAX_EVENT, as_json, fitting, without_secrets

REMEMBERED = 10_000  # ids kept in memory, of each kind
CHUNK = 500  # values in one IN (…)
MAX_TEXT = 65_536  # characters of a message
MAX_TRACE = 262_144  # bytes
MESSAGES = {"message_received": "in", "message_sent": "out", "message_failed": "failed"}
WHERE = ("channel", "session", "chat", "sender")
STARTED = frozenset({"automation_triggered", "script_started"})
FINISHED = "run_finished"
TRACED = frozenset({*STARTED, FINISHED})
WENT_WELL = frozenset({"finished", "failed_conditions"})
"""Ends after which nobody will look at each step: their traces are not kept."""

_log = logging.getLogger("nanobot.recorder")
_Row = dict[str, Any]
_StateRow = tuple[str, str | None, str | None, int | None, float | None, float, str]
_INSERT_STATES = (
    "INSERT INTO states (entity, state, old, attributes, changed, updated, context) VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Traced(Event):
    """An event of a run, with what is noted of that run."""

    __slots__ = ("trace",)

    def __init__(self, event: Event, trace: RunTrace | None) -> None:
        super().__init__(event.type, event.data, event.context, event.origin)
        self.time = event.time
        self.trace = trace


class Batch:
    """The rows of some events, before the ids of entities and attributes are known."""

    def __init__(self) -> None:
        self.states: list[_StateRow] = []
        self.events: list[_Row] = []
        self.messages: list[_Row] = []
        self.runs: list[_Row] = []
        self.ends: list[_Row] = []
        self.contexts: dict[str, _Row] = {}
        self.entities: dict[str, None] = {}
        self.attributes: dict[int, str] = {}
        """JSON by hash: what no id is known of."""


class Rows:
    """Writes events. ``scrub`` takes known secrets out of texts; ``messages``: whether what people write is kept."""

    def __init__(self, scrub: Callable[[str], str], *, messages: bool = True) -> None:
        self._scrub = scrub
        self.messages = messages
        self._too_large: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Trust nothing that is remembered: a transaction was lost, rows were deleted, or the file is another one."""
        self._entities: dict[str, int] = {}
        self._attributes: dict[int, int] = {}
        self._same: dict[str, tuple[Mapping[str, Any], int]] = {}
        """By entity the attributes of its last state, and their hash."""
        self._contexts: dict[str, None] = {}
        self._next: dict[str, int] = {}

    def write(self, connection: Connection, events: Iterable[Event]) -> None:
        """Write the rows of these events. After a failure ``forget`` what is remembered."""
        batch = Batch()
        for event in events:
            if event.type == STATE_CHANGED:
                self._state(batch, event.data["entity_id"], event.data["old_state"], event.data["new_state"], event)
            elif event.type in MESSAGES:
                if self.messages:
                    self._message(batch, event)
            elif event.type == FINISHED:
                self._finished(batch, event)
            else:
                self._event(batch, event)
        self._write(connection, batch)

    def write_states(self, connection: Connection, present: Sequence[State]) -> None:
        """Write those of the present states that are not recorded yet."""
        batch = Batch()
        ids = self._known_entities(connection, [state.entity_id for state in present])
        for state in present:
            entity = ids.get(state.entity_id)
            if entity is None or not _is_there(connection, entity, state.last_updated):
                self._state(batch, state.entity_id, None, state, None)
        self._write(connection, batch)

    # -- what a row holds -----------------------------------------------------------------------

    def _state(self, batch: Batch, entity_id: str, old: State | None, new: State | None, event: Event | None) -> None:
        if new is None:
            assert event is not None
            time, changed, state, key = event.time, None, None, None
            context = event.context
        else:
            time, state = new.last_updated, self._text(new.state)
            changed = None if new.last_changed == time else new.last_changed
            key = self._hash(batch, entity_id, new.attributes)
            context = new.context
        batch.entities[entity_id] = None
        before = None if old is None else self._text(old.state)
        batch.states.append((entity_id, state, before, key, changed, time, self._context(batch, context, time)))

    def _event(self, batch: Batch, event: Event) -> None:
        context = self._context(batch, event.context, event.time)
        batch.events.append(
            {
                "type": fitting(event.type, 64),
                "data": self._json(without_secrets(event.data), MAX_EVENT) or "{}",
                "time": event.time,
                "origin": fitting(event.origin, 16),
                "context": context,
            }
        )
        if event.type in STARTED:
            batch.runs.append(self._run(event, event.time, context))

    def _message(self, batch: Batch, event: Event) -> None:
        data = event.data
        text = data.get("text") if event.type != "message_failed" else data.get("error")
        row = {key: fitting(self._scrub(str(data.get(key) or ""))) for key in WHERE}
        details = {key: value for key, value in data.items() if key not in (*WHERE, "text", "error") and value}
        batch.messages.append(
            {
                **row,
                "details": self._json(without_secrets(details), MAX_EVENT) if details else None,
                "direction": MESSAGES[event.type],
                "text": fitting(self._scrub(str(text or "")), MAX_TEXT),
                "time": event.time,
                "context": self._context(batch, event.context, event.time),
            }
        )

    def _finished(self, batch: Batch, event: Event) -> None:
        data = event.data
        context = self._context(batch, event.context, event.time)
        run = self._run(event, data["started"], context)
        batch.runs.append(run)  # where it never began, because of its conditions
        error, trace = data.get("error"), None
        if data["outcome"] not in WENT_WELL and isinstance(event, Traced) and event.trace is not None:
            trace = self._json(without_secrets(event.trace.full()), MAX_TRACE)
        batch.ends.append(
            {
                "run": run["id"],
                "end": event.time,
                "how": fitting(data["outcome"], 64),
                "fault": None if error is None else self._scrub(fitting(str(error), MAX_TEXT) or ""),
                "steps": trace,
            }
        )

    def _run(self, event: Event, started: float, context: str) -> _Row:
        data = event.data
        item = fitting(str(data.get("entity_id", ""))) or ""
        trace = event.trace if isinstance(event, Traced) else None
        source = data.get("source")
        return {
            "id": fitting(f"{context}/{item}" if trace is None else trace.run_id, 64),
            "item": item,
            "name": self._text(str(data.get("name") or item)),
            "started": started,
            "source": None if source is None else self._scrub(fitting(str(source), MAX_TEXT) or ""),
            "context": context,
        }

    def _json(self, value: Any, most: int) -> str | None:
        return as_json(value, most, self._scrub)

    def _text(self, text: str) -> str | None:
        return fitting(self._scrub(text))

    def _context(self, batch: Batch, context: Context, time: float) -> str:
        context_id = fitting(context.id, 64) or ""
        says_more = context.parent_id or context.user_id or context.actor != "system"
        if says_more and context_id not in self._contexts and context_id not in batch.contexts:
            batch.contexts[context_id] = {
                "id": context_id,
                "parent": fitting(context.parent_id, 64),
                "user_id": fitting(context.user_id),
                "actor": fitting(context.actor, 32),
                "time": time,
            }
        return context_id

    def _hash(self, batch: Batch, entity_id: str, attributes: Mapping[str, Any]) -> int | None:
        """What stands for these attributes until their id is known."""
        if not attributes:
            return None
        same = self._same.get(entity_id)
        if same is not None and same[0] is attributes and (same[1] in self._attributes or same[1] in batch.attributes):
            return same[1]
        json = self._json(attributes, MAX_ATTRIBUTES)
        if json is None:
            if entity_id not in self._too_large and len(self._too_large) < REMEMBERED:
                self._too_large.add(entity_id)
                _log.warning(
                    "the attributes of %s are larger than %d bytes and are not recorded", entity_id, MAX_ATTRIBUTES
                )
            return None
        key = int.from_bytes(blake2b(json.encode(), digest_size=8).digest(), "big", signed=True)
        if key not in self._attributes:
            batch.attributes[key] = json
        _bound(self._same)
        self._same[entity_id] = (attributes, key)
        return key

    # -- writing --------------------------------------------------------------------------------

    def _write(self, connection: Connection, batch: Batch) -> None:
        if batch.states:
            self._write_states(connection, batch)
        for table, rows in (
            (tables.events, batch.events),
            (tables.messages, batch.messages),
        ):
            if rows:
                connection.execute(insert(table), rows)
        if batch.contexts:
            connection.execute(_insert_new(connection, tables.contexts), list(batch.contexts.values()))
            _bound(self._contexts)
            self._contexts.update(dict.fromkeys(batch.contexts))
        if batch.runs:
            connection.execute(_insert_new(connection, tables.runs), batch.runs)
        for end in batch.ends:
            finish = update(tables.runs).where(tables.runs.c.id == end["run"])
            connection.execute(
                finish.values(finished=end["end"], outcome=end["how"], error=end["fault"], trace=end["steps"])
            )

    def _write_states(self, connection: Connection, batch: Batch) -> None:
        entities = self._ids_of_entities(connection, batch)
        attributes = self._ids_of_attributes(connection, batch)
        rows = [
            (entities[entity_id], state, old, None if key is None else attributes[key], changed, updated, context)
            for entity_id, state, old, key, changed, updated, context in batch.states
        ]
        # by the driver: these are most of all rows, and their columns need no conversion
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(_INSERT_STATES.replace("?", mark), rows)

    def _ids_of_entities(self, connection: Connection, batch: Batch) -> dict[str, int]:
        _bound(self._entities)
        found = self._known_entities(connection, batch.entities)
        new = [entity_id for entity_id in batch.entities if entity_id not in found]
        if new:
            first = self._take_ids(connection, tables.entities, len(new))
            added = {entity_id: first + number for number, entity_id in enumerate(new)}
            rows = [{"id": number, "entity_id": entity_id} for entity_id, number in added.items()]
            connection.execute(insert(tables.entities), rows)
            self._entities.update(added)
            found.update(added)
        return found

    def _known_entities(self, connection: Connection, entity_ids: Iterable[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        unknown = []
        for entity_id in entity_ids:
            if entity_id in self._entities:
                found[entity_id] = self._entities[entity_id]
            else:
                unknown.append(entity_id)
        table = tables.entities.c
        for part in chunks(unknown):
            for number, entity_id in connection.execute(
                select(table.id, table.entity_id).where(table.entity_id.in_(part))
            ):
                found[entity_id] = self._entities[entity_id] = number
        return found

    def _ids_of_attributes(self, connection: Connection, batch: Batch) -> Mapping[int, int]:
        if not batch.attributes:
            return self._attributes
        if len(self._attributes) >= REMEMBERED:
            used = {row[3] for row in batch.states}
            self._attributes = {key: number for key, number in self._attributes.items() if key in used}
        missing = dict(batch.attributes)
        table = tables.attributes.c
        for part in chunks(list(missing)):
            query = select(table.id, table.hash, table.json).where(table.hash.in_(part))
            for number, key, json in connection.execute(query).all():
                if missing.get(key) == json:
                    self._attributes[key] = number
                    del missing[key]
        if missing:
            first = self._take_ids(connection, tables.attributes, len(missing))
            added = {key: first + number for number, key in enumerate(missing)}
            rows = [{"id": added[key], "hash": key, "json": json} for key, json in missing.items()]
            connection.execute(insert(tables.attributes), rows)
            self._attributes.update(added)
        return self._attributes

    def _take_ids(self, connection: Connection, table: Table, count: int) -> int:
        """The first of ``count`` ids that nobody has: there is one writer."""
        first = self._next.get(table.name)
        if first is None:
            first = (connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1
        self._next[table.name] = first + count
        return first


def chunks(values: Sequence[Any], size: int = CHUNK) -> Iterable[Sequence[Any]]:
    """In pieces that a statement can take."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _is_there(connection: Connection, entity: int, updated: float) -> bool:
    table = tables.states.c
    query = select(table.id).where(table.entity == entity, table.updated == updated).limit(1)
    return connection.execute(query).first() is not None


def _insert_new(connection: Connection, table: Table) -> Any:
    """Insert what is not there yet."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


def _bound(known: dict[Any, Any]) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
