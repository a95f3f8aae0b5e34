"""Reading statistics: rows over time, one answer for a whole period, and of what there are some."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from nanobot.contracts.history import Period
from nanobot.errors import StorageError

from .rows import chunks
from .statistics import HOUR, SHORT, Candidate, mean_angle, together
from .tables import series, short_statistics, statistics
from .units import factors, unit_class

MAX_ROWS = 100_000
LEVELS = frozenset({"mean", "min", "max", "state"})
"""What moves with the zero of its unit; sums and changes only become larger or smaller."""

_MEAN_TYPES: Mapping[str, int] = {"mean": 1, "angle": 2}

Wanted = Mapping[str, str]
"""The unit that is wanted, by class."""


def during(
    connection: Connection,
    ids: Collection[str] | None,
    start: float,
    end: float,
    period: Period,
    zone: tzinfo,
    types: Collection[str] | None,
    units: Wanted,
) -> dict[str, list[dict[str, Any]]]:
    """Rows of each series in a period of time."""
    table = short_statistics if period == "5minute" else statistics
    query = select(series.c.entity_id, series.c.id, series.c.unit).order_by(series.c.entity_id)
    if ids is not None:
        query = query.where(series.c.entity_id.in_(list(ids)[:MAX_ROWS]))
    if table is statistics and period != "hour":
        start = _begin(start, period, zone)
    left = MAX_ROWS
    found = {}
    for entity_id, number_of, unit in connection.execute(query).all():
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
            before = _sum_before(connection, table, number_of, start)
            told = _told(rows, before, period, zone, types)
            found[entity_id] = [_in_unit(row, unit, units) for row in told]
    return found


def _told(
    rows: Sequence[Row[Any]], before: float | None, period: Period, zone: tzinfo, types: Collection[str] | None
) -> list[dict[str, Any]]:
    grouped: dict[float, list[Row[Any]]] = {}
    for row in rows:
        grouped.setdefault(_begin(row.start, period, zone), []).append(row)
    told = []
    for start, some in grouped.items():
        values = together(some)
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


def over(connection: Connection, entity_id: str, start: float, end: float, units: Wanted) -> dict[str, float] | None:
    """``mean``, ``min``, ``max`` and ``change`` of all that lies within a period, as far as there are such; None for an
    entity without statistics. Whole hours are read as such, their ends in five minutes."""
    of_it = select(series.c.id, series.c.unit, series.c.kind).where(series.c.entity_id == entity_id)
    known = connection.execute(of_it).first()
    if known is None:
        return None
    hours = _within(connection, statistics, known.id, start, end - HOUR)
    whole = {row.start for row in hours}
    shorts = [
        row
        for row in _within(connection, short_statistics, known.id, start, end - SHORT)
        if row.start // HOUR * HOUR not in whole
    ]
    rows = sorted([*hours, *shorts], key=lambda row: int(row.start))
    found: dict[str, float] = {}
    if known.kind == "sum":
        sums = [row for row in rows if row.sum is not None]
        if sums:
            found["change"] = sums[-1].sum - _sum_until(connection, known.id, sums[0].start)
    elif means := [(row, float(HOUR if row.start in whole else SHORT)) for row in rows if row.mean is not None]:
        if known.kind == "angle":
            return {"mean": mean_angle((row.mean, length) for row, length in means)}
        weights = math.fsum(length for _, length in means)
        found["mean"] = math.fsum(row.mean * length for row, length in means) / weights
        found["min"] = min(row.min for row, _ in means if row.min is not None)
        found["max"] = max(row.max for row, _ in means if row.max is not None)
    return _in_unit(found, known.unit, units)


def _within(connection: Connection, table: Table, number_of: int, first: float, last: float) -> list[Row[Any]]:
    query = select(table).where(table.c.series == number_of, table.c.start >= first, table.c.start <= last)
    rows = list(connection.execute(query.limit(MAX_ROWS + 1)).all())
    if len(rows) > MAX_ROWS:
        raise StorageError(f"there are more than {MAX_ROWS} statistics; ask for a shorter time")
    return rows


def _sum_until(connection: Connection, number_of: int, start: float) -> float:
    found = []
    for table in (statistics, short_statistics):
        query = select(table.c.start, table.c.sum).where(table.c.series == number_of, table.c.start < start)
        row = connection.execute(query.where(table.c.sum.is_not(None)).order_by(table.c.start.desc()).limit(1)).first()
        if row is not None:
            found.append((row.start, row.sum))
    return float(max(found)[1]) if found else 0.0


def _in_unit(row: dict[str, Any], unit: str | None, units: Wanted) -> dict[str, Any]:
    wanted = units.get(unit_class(unit) or "")
    scale = factors(unit, wanted) if wanted is not None else None
    if scale is None or wanted == unit:
        return row
    times, plus = scale
    return {
        key: value if key in ("start", "end") or value is None else value * times + (plus if key in LEVELS else 0.0)
        for key, value in row.items()
    }


def listed(
    connection: Connection, ids: Collection[str] | None, present: Mapping[str, Candidate]
) -> list[dict[str, Any]]:
    """The series, and the entities ``present`` that will have one, as ``recorder/list_statistic_ids`` tells them (Home
    Assistant 2025.4)."""
    rows: list[Row[Any]] = []
    if ids is None:
        rows.extend(connection.execute(select(series).order_by(series.c.entity_id)))
    else:
        for part in chunks(list(ids)):
            rows.extend(connection.execute(select(series).where(series.c.entity_id.in_(part))))
    told = [_about(row.entity_id, row.unit, row.kind, present) for row in rows]
    known = {row.entity_id for row in rows}
    new = [present[one] for one in present if one not in known and (ids is None or one in ids)]
    return [*told, *(_about(one.entity_id, one.unit, one.kind, present) for one in new)]


def _about(entity_id: str, unit: str | None, kind: str, present: Mapping[str, Candidate]) -> dict[str, Any]:
    now = present[entity_id].unit if entity_id in present else unit
    return {
        "statistic_id": entity_id,
        "display_unit_of_measurement": unit if factors(unit, now) is None else now,
        "statistics_unit_of_measurement": unit,
        "has_mean": kind != "sum",
        "has_sum": kind == "sum",
        "mean_type": _MEAN_TYPES.get(kind, 0),
        "name": None,
        "source": "recorder",
        "unit_class": unit_class(unit),
    }
