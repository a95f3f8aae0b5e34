"""States as they were, by the rules of Home Assistant's history (2025.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, select

from nanobot.contracts.history import PastState
from nanobot.errors import StorageError

from .rows import chunks
from .tables import attributes, entities, states

MAX_ROWS = 100_000  # of one answer
MAX_ATTRIBUTES = 32 * 2**20  # characters of JSON that one answer may draw on
ATTRIBUTES_MATTER = frozenset({"climate", "device_tracker", "humidifier", "thermostat", "water_heater"})
"""Domains in which a change of attributes alone is significant."""
NEVER_MINIMAL = frozenset({"climate", "humidifier", "input_datetime", "water_heater"})
"""Domains whose state says nothing without attributes."""


class Question:
    """What is asked of ``History.states``; ``start`` and ``end`` are seconds."""

    def __init__(
        self,
        entity_ids: Collection[str],
        start: float,
        end: float,
        *,
        minimal: bool,
        no_attributes: bool,
        significant_only: bool,
        include_start: bool,
    ) -> None:
        self.entity_ids = entity_ids
        self.start = start
        self.end = end
        self.minimal = minimal
        self.no_attributes = no_attributes
        self.significant_only = significant_only
        self.include_start = include_start
        self._left = MAX_ROWS

    def answer(self, connection: Connection) -> dict[str, list[PastState]]:
        """Ask the records."""
        ids = ids_of(connection, self.entity_ids)
        found: dict[str, list[PastState]] = {}
        known = Attributes(connection)
        for entity_id in self.entity_ids:
            number = ids.get(entity_id)
            if number is not None and (rows := self._of(connection, known, entity_id, number)):
                found[entity_id] = rows
        return found

    def _of(self, connection: Connection, known: Attributes, entity_id: str, number: int) -> list[PastState]:
        rows = []
        if self.include_start and (first := self._at_start(connection, known, entity_id, number)) is not None:
            rows.append(first)
        domain = entity_id.partition(".")[0]
        query = _columns().where(states.c.entity == number, states.c.updated > self.start, states.c.updated < self.end)
        if self.significant_only and domain not in ATTRIBUTES_MATTER:
            query = query.where(states.c.changed.is_(None))
        past = connection.execute(query.order_by(states.c.updated, states.c.id).limit(self._left + 1)).all()
        if len(past) > self._left:
            raise StorageError(
                f"there are more than {MAX_ROWS} states in this period; ask for fewer entities or a shorter time"
            )
        self._left -= len(past)
        if not self.no_attributes and not self.minimal:
            known.load(row.attributes for row in past)
        short = self.minimal and domain not in NEVER_MINIMAL
        rows.extend(self._short(known, entity_id, past, bool(rows)) if short else self._full(known, entity_id, past))
        return rows

    def _at_start(self, connection: Connection, known: Attributes, entity_id: str, number: int) -> PastState | None:
        query = _columns().where(states.c.entity == number, states.c.updated <= self.start)
        row = connection.execute(query.order_by(states.c.updated.desc(), states.c.id.desc()).limit(1)).first()
        if row is None or row.state is None:
            return None
        shown = {} if self.no_attributes else known[row.attributes]
        return PastState(entity_id, row.state, shown, self.start, self.start)

    def _full(self, known: Attributes, entity_id: str, past: Iterable[Row[Any]]) -> Iterator[PastState]:
        for row in past:
            shown = {} if self.no_attributes else known[row.attributes]
            changed = row.updated if row.changed is None else row.changed
            yield PastState(entity_id, row.state or "", shown, changed, row.updated)

    def _short(
        self, known: Attributes, entity_id: str, past: Iterable[Row[Any]], has_first: bool
    ) -> Iterator[PastState]:
        before: str | None = None
        for row in past:
            if not has_first:
                has_first = True
                yield from self._full(known, entity_id, [row])
            elif row.state != before:
                yield PastState(entity_id, row.state or "", {}, row.updated, row.updated, minimal=True)
            before = row.state


class Attributes(dict[int | None, Mapping[str, Any]]):
    """Attributes by id, read when they are first asked for."""

    def __init__(self, connection: Connection) -> None:
        super().__init__({None: {}})
        self._connection = connection
        self._size = 0

    def __missing__(self, number: int | None) -> Mapping[str, Any]:
        self.load([number])
        return self[number]

    def load(self, numbers: Iterable[int | None]) -> None:
        """Read many at once."""
        missing = [number for number in set(numbers) if number not in self]
        for part in chunks(missing):
            self.update({number: {} for number in part})
            query = select(attributes.c.id, attributes.c.json).where(attributes.c.id.in_(part))
            for number, json in self._connection.execute(query):
                self._size += len(json)
                if self._size > MAX_ATTRIBUTES:
                    raise StorageError("these are too many attributes; ask for fewer entities or a shorter time")
                self[number] = orjson.loads(json)


def ids_of(connection: Connection, entity_ids: Collection[str]) -> dict[str, int]:
    """The numbers of those entities that were ever recorded."""
    found: dict[str, int] = {}
    for part in chunks(list(entity_ids)):
        query = select(entities.c.entity_id, entities.c.id).where(entities.c.entity_id.in_(part))
        found.update((entity_id, number) for entity_id, number in connection.execute(query))
    return found


def _columns() -> Select[Any]:
    return select(states.c.state, states.c.attributes, states.c.changed, states.c.updated)
