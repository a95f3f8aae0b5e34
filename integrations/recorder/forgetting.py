"""Forgetting: old rows go a slice at a time, so that what happens meanwhile is written in between."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, or_, select

from .rows import Rows
from .tables import attributes, contexts, entities, events, messages, runs, short_statistics, states

SLICE = 1_000  # rows deleted in one transaction

Step = Callable[[Connection], int]
"""Deletes up to ``SLICE`` rows and says how many; fewer: it is done."""

_TIMED: tuple[tuple[Table, str, str], ...] = (
    (events, "id", "time"),
    (messages, "id", "time"),
    (runs, "id", "started"),
    (contexts, "id", "time"),
)


def older_than(before: float, rows: Rows) -> list[Step]:
    """What deletes everything older than ``before``, save for the last known state of each entity and hourly
    statistics."""
    later = states.alias("later")
    superseded = (
        select(later.c.id)
        .where(later.c.entity == states.c.entity, later.c.updated > states.c.updated)
        .correlate(states)
        .exists()
    )
    steps: list[Step] = [
        partial(_delete, states, states.c.id, (states.c.updated < before, or_(superseded, states.c.state.is_(None))))
    ]
    for table, key, time in _TIMED:
        steps.append(partial(_delete, table, table.c[key], (table.c[time] < before,)))
    steps.append(partial(_delete_short, before))
    return [*steps, *leftovers(rows)]


def of_entities(connection: Connection, chosen: Callable[[str], bool]) -> list[int]:
    """The numbers of the recorded entities that are chosen."""
    found = connection.execute(select(entities.c.id, entities.c.entity_id)).all()
    return [number for number, entity_id in found if chosen(entity_id)]


def states_of(numbers: Collection[int], before: float, rows: Rows) -> list[Step]:
    """What deletes the states of these entities up to ``before``."""
    steps: list[Step] = [
        partial(_delete, states, states.c.id, (states.c.entity == number, states.c.updated < before))
        for number in numbers
    ]
    return [*steps, *leftovers(rows)]


def types_of_events(connection: Connection) -> list[str]:
    """The types of the recorded events."""
    return list(connection.execute(select(events.c.type).distinct()).scalars())


def events_of(types: Collection[str]) -> list[Step]:
    """What deletes the events of these types."""
    return [partial(_delete, events, events.c.id, (events.c.type == one,)) for one in types]


def all_messages() -> list[Step]:
    """What deletes what was written in chats."""
    return [partial(_delete, messages, messages.c.id, ())]


def leftovers(rows: Rows) -> list[Step]:
    """What deletes attributes that no state has any more."""
    unused = ~select(states.c.id).where(states.c.attributes == attributes.c.id).correlate(attributes).exists()

    def forgetful(connection: Connection) -> int:
        count = _delete(attributes, attributes.c.id, (unused,), connection)
        if count:
            rows.forget()  # the writer must not take what is gone for what is there
        return count

    return [forgetful]


def _delete(table: Table, key: Column[Any], where: Collection[ColumnElement[bool]], connection: Connection) -> int:
    doomed = select(key).where(*where).limit(SLICE).correlate(None)
    return connection.execute(delete(table).where(key.in_(doomed))).rowcount


def _delete_short(before: float, connection: Connection) -> int:
    start = short_statistics.c.start
    times = connection.execute(select(start).where(start < before).order_by(start).limit(SLICE)).scalars().all()
    if not times:
        return 0
    connection.execute(delete(short_statistics).where(start <= times[-1]))
    return len(times)
