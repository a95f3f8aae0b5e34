"""Statistics of numbers: every five minutes what they were, every hour what the five minutes say together."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, update

from nanobot.contracts.history import Period
from nanobot.errors import StorageError
from nanobot.hub.states import State

from .past import ids_of
from .rows import chunks
from .tables import meta, series, short_statistics, states, statistics

SHORT = 300  # s
HOUR = 3600
DOMAINS = frozenset({"sensor", "number", "input_number", "counter"})
TOTALS = frozenset({"total", "total_increasing"})
UNTIL = "statistics_until"
MOST_MISSED = 24 * HOUR  # made up for after a pause
MAX_ROWS = 100_000
RESET_BELOW = 0.9  # a meter that falls below this part of what it was has begun anew


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity of which there are to be statistics; ``kind`` is ``mean`` or ``sum``."""

    entity_id: str
    unit: str | None
    kind: str
    may_fall: bool = False
    """A total that counts down as well, and is not reset by that."""


def candidate(state: State) -> Candidate | None:
    """What there is to say of an entity: those with a state class, and plain numbers."""
    attributes = state.attributes
    kind = attributes.get("state_class")
    if kind not in TOTALS and kind != "measurement" and state.domain not in DOMAINS:
        return None
    if number(state.state) is None:
        return None
    unit = attributes.get("unit_of_measurement")
    is_total = kind in TOTALS
    return Candidate(
        state.entity_id, None if unit is None else str(unit)[:255], "sum" if is_total else "mean", kind == "total"
    )


def number(text: str | None) -> float | None:
    """The number that a state is, if it is one."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def due(connection: Connection, now: float, gap: tuple[float, float] | None) -> list[int]:
    """The starts of the periods that have ended and are not made yet; none of those within the ``gap`` when nothing
    was recorded."""
    newest = int(now // SHORT) * SHORT
    until = connection.execute(select(meta.c.value).where(meta.c.key == UNTIL)).scalar()
    first = newest - SHORT if until is None else max(int(until), newest - MOST_MISSED)
    starts = range(first, newest, SHORT)
    if gap is None:
        return list(starts)
    return [start for start in starts if not (gap[0] <= start and start + SHORT <= gap[1])]


def compile_period(connection: Connection, start: int, candidates: Sequence[Candidate]) -> None:
    """Make the statistics of the five minutes from ``start`` on, and of the hour that ends with them."""
    end = start + SHORT
    known = _series(connection, candidates)
    numbers = ids_of(connection, [one.entity_id for one in candidates])
    connection.execute(delete(short_statistics).where(short_statistics.c.start == start))
    rows = []
    for one in candidates:
        if one.entity_id not in numbers:
            continue
        points = _points(connection, numbers[one.entity_id], start, end)
        row = _mean(points, start, end) if one.kind == "mean" else _sum(connection, known[one.entity_id], points, one)
        if row is not None:
            rows.append({**_EMPTY, "series": known[one.entity_id], "start": start, **row})
    if rows:
        connection.execute(insert(short_statistics), rows)
    if end % HOUR == 0:
        _compile_hour(connection, end - HOUR)
    if connection.execute(update(meta).where(meta.c.key == UNTIL).values(value=str(end))).rowcount == 0:
        connection.execute(insert(meta), {"key": UNTIL, "value": str(end)})


_EMPTY: Mapping[str, float | None] = {"mean": None, "min": None, "max": None, "state": None, "sum": None}
_Point = tuple[float, float | None]


def _series(connection: Connection, candidates: Sequence[Candidate]) -> dict[str, int]:
    found = {row.entity_id: row for row in connection.execute(select(series))}
    number = connection.execute(select(func.max(series.c.id))).scalar() or 0
    ids = {}
    for one in candidates:
        row = found.get(one.entity_id)
        if row is None:
            number += 1
            ids[one.entity_id] = number
            values = {"id": number, "entity_id": one.entity_id, "unit": one.unit, "kind": one.kind}
            connection.execute(insert(series), values)
            continue
        ids[one.entity_id] = row.id
        if (row.unit, row.kind) != (one.unit, one.kind):
            connection.execute(update(series).where(series.c.id == row.id).values(unit=one.unit, kind=one.kind))
    return ids


def _points(connection: Connection, entity: int, start: int, end: int) -> list[_Point]:
    """When it became what, with the value at ``start`` first; None: no number then."""
    of_it = select(states.c.updated, states.c.state).where(states.c.entity == entity)
    first = connection.execute(
        of_it.where(states.c.updated <= start).order_by(states.c.updated.desc(), states.c.id.desc()).limit(1)
    ).first()
    rows = connection.execute(
        of_it.where(states.c.updated > start, states.c.updated < end).order_by(states.c.updated, states.c.id)
    )
    points: list[_Point] = [] if first is None else [(float(start), number(first.state))]
    points.extend((row.updated, number(row.state)) for row in rows)
    return points


def _mean(points: Sequence[_Point], start: int, end: int) -> dict[str, float] | None:
    """Weighted by how long each value lasted."""
    values = [value for _, value in points if value is not None]
    if not values:
        return None
    weighted = lasted = 0.0
    for (time, value), (until, _) in zip(points, [*points[1:], (float(end), None)], strict=True):
        if value is not None:
            weighted += value * (until - time)
            lasted += until - time
    return {"mean": weighted / lasted if lasted else values[-1], "min": min(values), "max": max(values)}


def _sum(connection: Connection, number_of: int, points: Sequence[_Point], one: Candidate) -> dict[str, float] | None:
    values = [value for _, value in points if value is not None]
    if not values:
        return None
    before = connection.execute(
        select(short_statistics.c.state, short_statistics.c.sum)
        .where(short_statistics.c.series == number_of, short_statistics.c.sum.is_not(None))
        .order_by(short_statistics.c.start.desc())
        .limit(1)
    ).first()
    if before is None:
        before = connection.execute(
            select(statistics.c.state, statistics.c.sum)
            .where(statistics.c.series == number_of, statistics.c.sum.is_not(None))
            .order_by(statistics.c.start.desc())
            .limit(1)
        ).first()
    last, total = (values[0], 0.0) if before is None else (before.state, before.sum)
    for value in values:
        if one.may_fall or value >= last:
            total += value - last
        elif value < last * RESET_BELOW:
            total += value
        last = value
    return {"state": last, "sum": total}


def _compile_hour(connection: Connection, start: int) -> None:
    short = short_statistics.c
    rows = connection.execute(
        select(short_statistics).where(short.start >= start, short.start < start + HOUR).order_by(short.start)
    )
    parts: dict[int, list[Row[Any]]] = {}
    for row in rows:
        parts.setdefault(row.series, []).append(row)
    connection.execute(delete(statistics).where(statistics.c.start == start))
    if parts:
        made = [{**_EMPTY, "series": of, "start": start, **_together(some)} for of, some in parts.items()]
        connection.execute(insert(statistics), made)


def _together(rows: Sequence[Row[Any]]) -> dict[str, float]:
    """Several rows as one."""
    made: dict[str, float] = {}
    means = [row.mean for row in rows if row.mean is not None]
    if means:
        made["mean"] = math.fsum(means) / len(means)
        made["min"] = min(row.min for row in rows if row.min is not None)
        made["max"] = max(row.max for row in rows if row.max is not None)
    sums = [row for row in rows if row.sum is not None]
    if sums:
        made["state"], made["sum"] = sums[-1].state, sums[-1].sum
    return made


# -- reading ------------------------------------------------------------------------------------


def during(
    connection: Connection,
    ids: Collection[str] | None,
    start: float,
    end: float,
    period: Period,
    zone: tzinfo,
    types: Collection[str] | None,
) -> dict[str, list[dict[str, Any]]]:
    """Rows of each series in a period of time."""
    table = short_statistics if period == "5minute" else statistics
    query = select(series.c.entity_id, series.c.id).order_by(series.c.entity_id)
    if ids is not None:
        query = query.where(series.c.entity_id.in_(list(ids)[:MAX_ROWS]))
    start = _begin(start, period, zone)
    left = MAX_ROWS
    found = {}
    for entity_id, number_of in connection.execute(query).all():
        rows = connection.execute(
            select(table)
            .where(table.c.series == number_of, table.c.start >= start, table.c.start < end)
            .order_by(table.c.start)
            .limit(left + 1)
        ).all()
        left -= len(rows)
        if left < 0:
            raise StorageError(f"there are more than {MAX_ROWS} statistics; ask for fewer entities or a longer period")
        if rows:
            found[entity_id] = _told(rows, _sum_before(connection, table, number_of, start), period, zone, types)
    return found


def _told(
    rows: Sequence[Row[Any]], before: float | None, period: Period, zone: tzinfo, types: Collection[str] | None
) -> list[dict[str, Any]]:
    grouped: dict[float, list[Row[Any]]] = {}
    for row in rows:
        grouped.setdefault(_begin(row.start, period, zone), []).append(row)
    told = []
    for start, some in grouped.items():
        values = _together(some)
        if "sum" in values:
            values["change"] = values["sum"] - (before or 0.0)
            before = values["sum"]
        if types is not None:
            values = {key: value for key, value in values.items() if key in types}
        told.append({"start": int(start * 1000), "end": int(_end(start, period, zone) * 1000), **values})
    return told


def _sum_before(connection: Connection, table: Table, number_of: int, start: float) -> float | None:
    query = select(table.c.sum).where(table.c.series == number_of, table.c.start < start)
    found: float | None = connection.execute(query.order_by(table.c.start.desc()).limit(1)).scalar()
    return found


def _begin(time: float, period: Period, zone: tzinfo) -> float:
    if period == "5minute":
        return time // SHORT * SHORT
    if period == "hour":
        return time // HOUR * HOUR
    day = datetime.fromtimestamp(time, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        day -= timedelta(days=day.weekday())
    elif period == "month":
        day = day.replace(day=1)
    return day.timestamp()


def _end(start: float, period: Period, zone: tzinfo) -> float:
    if period == "5minute":
        return start + SHORT
    if period == "hour":
        return start + HOUR
    day = datetime.fromtimestamp(start, zone)
    if period == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1).timestamp()
    return (day + timedelta(days=1 if period == "day" else 7)).timestamp()


def listed(connection: Connection, ids: Collection[str] | None) -> list[dict[str, Any]]:
    """The series, as ``recorder/list_statistic_ids`` tells them (Home Assistant 2025.4)."""
    rows: list[Row[Any]] = []
    if ids is None:
        rows.extend(connection.execute(select(series).order_by(series.c.entity_id)))
    else:
        for part in chunks(list(ids)):
            rows.extend(connection.execute(select(series).where(series.c.entity_id.in_(part))))
    return [
        {
            "statistic_id": row.entity_id,
            "display_unit_of_measurement": row.unit,
            "statistics_unit_of_measurement": row.unit,
            "has_mean": row.kind == "mean",
            "has_sum": row.kind == "sum",
            "name": None,
            "source": "recorder",
            "unit_class": None,
        }
        for row in rows
    ]


def last_recorded(connection: Connection, before: float) -> float | None:
    """When the newest state before some time was."""
    found: float | None = connection.execute(
        select(func.max(states.c.updated)).where(states.c.updated < before)
    ).scalar()
    return found
