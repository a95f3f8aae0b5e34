"""What hangs together: events as they were, runs, and the chain of everything that one context belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Row, Table, select

from nanobot.contracts.history import Cause, Chain, Happening, PastEvent, PastRun

from .past import Attributes
from .rows import MESSAGES, WHERE, chunks
from .tables import contexts, entities, events, messages, runs, states

MOST_CONTEXTS = 500
MOST_HAPPENINGS = 2_000
DEEPEST = 50  # causes one behind the other


def past_events(
    connection: Connection,
    start: float,
    end: float,
    types: Collection[str] | None,
    context: str | None,
    limit: int,
) -> list[PastEvent]:
    """Oldest first; of more than ``limit`` the newest."""
    query = select(events).where(events.c.time >= start, events.c.time < end)
    if types is not None:
        query = query.where(events.c.type.in_(list(types)))
    if context is not None:
        query = query.where(events.c.context == context)
    rows = connection.execute(query.order_by(events.c.time.desc(), events.c.id.desc()).limit(limit)).all()[::-1]
    causes = causes_of(connection, (row.context for row in rows))
    return [PastEvent(row.type, orjson.loads(row.data), row.time, causes.get(row.context), row.origin) for row in rows]


def past_messages(connection: Connection, start: float, end: float, limit: int) -> list[PastEvent]:
    """Oldest first; of more than ``limit`` the newest."""
    query = select(messages).where(messages.c.time >= start, messages.c.time < end)
    rows = connection.execute(query.order_by(messages.c.time.desc(), messages.c.id.desc()).limit(limit)).all()[::-1]
    causes = causes_of(connection, (row.context for row in rows))
    types = {direction: event_type for event_type, direction in MESSAGES.items()}
    told = []
    for row in rows:
        data = {name: getattr(row, name) for name in WHERE}
        data["error" if row.direction == "failed" else "text"] = row.text
        data |= {} if row.details is None else orjson.loads(row.details)
        told.append(PastEvent(types[row.direction], data, row.time, causes.get(row.context)))
    return told


def entity_ids(connection: Connection) -> list[str]:
    """Those of which there are states."""
    return list(connection.execute(select(entities.c.entity_id).order_by(entities.c.entity_id)).scalars())


def past_runs(connection: Connection, item: str | None, start: float, end: float, limit: int) -> list[PastRun]:
    """Newest first."""
    query = select(runs).where(runs.c.started >= start, runs.c.started < end)
    if item is not None:
        query = query.where(runs.c.item == item)
    rows = connection.execute(query.order_by(runs.c.started.desc()).limit(limit)).all()
    causes = causes_of(connection, (row.context for row in rows))
    return [
        PastRun(
            id=row.id,
            item=row.item,
            name=row.name,
            started=row.started,
            finished=row.finished,
            outcome=row.outcome,
            source=row.source,
            error=row.error,
            cause=causes.get(row.context),
            trace=None if row.trace is None else orjson.loads(row.trace),
        )
        for row in rows
    ]


def causes_of(connection: Connection, ids: Iterable[str | None]) -> dict[str, Cause]:
    """What is known of contexts; one of which nothing is has acted of its own accord."""
    wanted = {context_id for context_id in ids if context_id is not None}
    found = {context_id: Cause(context_id, actor="system") for context_id in wanted}
    for part in chunks(list(wanted)):
        for row in connection.execute(select(contexts).where(contexts.c.id.in_(part))):
            found[row.id] = _cause(row)
    return found


def chain(connection: Connection, context_id: str) -> Chain:
    """Up to the first cause, down to the last effect."""
    up = _parents(connection, context_id)
    causes, all_of_them = _children(connection, up)
    happenings: list[Happening] = []
    for table, made in _KINDS:
        rows = _rows_of(connection, table, list(causes))
        if len(rows) > MOST_HAPPENINGS:
            all_of_them = False
        happenings.extend(made(connection, rows[:MOST_HAPPENINGS], causes))
    happenings.sort(key=lambda happening: happening.time)
    if len(happenings) > MOST_HAPPENINGS:
        all_of_them = False
    known = [cause for cause in causes.values() if cause.parent_id or cause.user_id or cause.actor != "system"]
    seen = {happening.cause.id for happening in happenings} | {cause.id for cause in known}
    return Chain(
        tuple(cause for cause in causes.values() if cause.id in seen),
        tuple(happenings[:MOST_HAPPENINGS]),
        all_of_them,
    )


def _parents(connection: Connection, context_id: str) -> list[Cause]:
    """The context with its causes, the first one first."""
    line: list[Cause] = []
    seen: set[str] = set()
    wanted: str | None = context_id
    while wanted is not None and wanted not in seen and len(line) < DEEPEST:
        seen.add(wanted)
        cause = causes_of(connection, [wanted])[wanted]
        line.insert(0, cause)
        wanted = cause.parent_id
    return line


def _children(connection: Connection, line: Iterable[Cause]) -> tuple[dict[str, Cause], bool]:
    """All that these contexts have caused, with themselves first; False: there is more."""
    found = {cause.id: cause for cause in line}
    newest = list(found)
    while newest:
        rows: list[Row[Any]] = []
        for part in chunks(newest):
            query = select(contexts).where(contexts.c.parent.in_(part)).order_by(contexts.c.time)
            rows.extend(connection.execute(query.limit(MOST_CONTEXTS + 1)))
        newest = []
        for row in rows:
            if row.id in found:
                continue
            if len(found) >= MOST_CONTEXTS:
                return found, False
            found[row.id] = _cause(row)
            newest.append(row.id)
    return found, True


def _rows_of(connection: Connection, table: Table, ids: list[str]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for part in chunks(ids):
        query = select(table).where(table.c.context.in_(part)).order_by(table.c.id).limit(MOST_HAPPENINGS + 1)
        rows.extend(connection.execute(query))
    return rows


def _cause(row: Row[Any]) -> Cause:
    return Cause(row.id, row.parent, row.user_id, row.actor)


def _states(connection: Connection, rows: list[Row[Any]], causes: Mapping[str, Cause]) -> Iterable[Happening]:
    names: dict[int, str] = {}
    for part in chunks(list({row.entity for row in rows})):
        query = select(entities.c.id, entities.c.entity_id).where(entities.c.id.in_(part))
        names.update((number, entity_id) for number, entity_id in connection.execute(query))
    known = Attributes(connection)
    known.load(row.attributes for row in rows)
    for row in rows:
        data = {"state": row.state, "old_state": row.old, "attributes": known[row.attributes]}
        yield Happening("state", row.updated, names.get(row.entity, "?"), data, causes[row.context])


def _events(_: Connection, rows: list[Row[Any]], causes: Mapping[str, Cause]) -> Iterable[Happening]:
    for row in rows:
        yield Happening("event", row.time, row.type, orjson.loads(row.data), causes[row.context])


def _messages(_: Connection, rows: list[Row[Any]], causes: Mapping[str, Cause]) -> Iterable[Happening]:
    for row in rows:
        data = {key: getattr(row, key) for key in ("direction", "channel", "session", "chat", "sender", "text")}
        yield Happening("message", row.time, row.session or row.chat or "", data, causes[row.context])


def _runs(_: Connection, rows: list[Row[Any]], causes: Mapping[str, Cause]) -> Iterable[Happening]:
    for row in rows:
        data = {key: getattr(row, key) for key in ("name", "source", "outcome", "error", "finished")}
        yield Happening("run", row.started, row.item, data, causes[row.context])


Kind = Literal["state", "event", "message", "run"]
Made = Callable[[Connection, list[Row[Any]], Mapping[str, Cause]], Iterable[Happening]]
_KINDS: tuple[tuple[Table, Made], ...] = ((states, _states), (events, _events), (messages, _messages), (runs, _runs))
