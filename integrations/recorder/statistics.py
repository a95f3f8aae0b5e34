"""Statistics of numbers: every five minutes what they were, every hour what the five minutes say together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from nanobot.hub.states import State

from .encoding import fitting
from .past import ids_of
from .tables import attributes, meta, series, short_statistics, states, statistics
from .units import factors

SHORT = 300  # s
HOUR = 3600
DOMAINS = frozenset({"sensor", "number", "input_number", "counter"})
KINDS: Mapping[Any, str] = {
    "measurement": "mean",
    "measurement_angle": "angle",
    "total": "sum",
    "total_increasing": "sum",
}
"""What is told of a state class (Home Assistant 2025.4)."""
LARGEST = 1e200  # of a number; what is larger cannot be added up
UNTIL = "statistics_until"
MOST_MISSED = 24 * HOUR  # made up for after a pause
RESET_BELOW = 0.9  # a meter that falls below this part of what it was has begun anew


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity of which there are to be statistics; ``kind``: ``mean``, ``angle`` (a mean on a circle) or ``sum``."""

    entity_id: str
    unit: str | None
    kind: str
    may_fall: bool = False
    """A total that counts down as well, and is not reset by that."""
    tells_resets: bool = False
    """It says when it began anew, in ``last_reset``."""


def candidate(state: State) -> Candidate | None:
    """What there is to say of an entity: those with a state class, and plain numbers."""
    told = state.attributes
    kind = told.get("state_class")
    kind = kind if isinstance(kind, str) else None  # anybody may set any attribute
    if kind not in KINDS and state.domain not in DOMAINS:
        return None
    if number(state.state) is None:
        return None
    unit = told.get("unit_of_measurement")
    return Candidate(
        state.entity_id,
        fitting(None if unit is None else str(unit)),
        KINDS.get(kind, "mean"),
        may_fall=kind == "total",
        tells_resets=kind == "total" and told.get("last_reset") is not None,
    )


def number(text: str | None) -> float | None:
    """The number that a state is, if it is one."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None  # NaN is not, either


def due(connection: Connection, now: float, gap: tuple[float, float] | None) -> list[int]:
    """The starts of the periods that have ended and are not made yet; none of those within the ``gap`` when nothing
    was recorded."""
    newest = int(now // SHORT) * SHORT
    until = connection.execute(select(meta.c.value).where(meta.c.key == UNTIL)).scalar()
    first = newest - SHORT
    if until is not None and int(until) <= newest + HOUR:  # later ones were made by a clock that was wrong
        first = max(int(until), newest - MOST_MISSED)
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
        number_of, (times, plus) = known[one.entity_id]
        points = [
            (time, None if value is None else value * times + plus, reset)
            for time, value, reset in _points(connection, numbers[one.entity_id], start, end, one.tells_resets)
        ]
        if one.kind == "sum":
            row = _sum(points, one, _sum_before(connection, number_of, start))
        else:
            row = _mean(points, start, end, is_angle=one.kind == "angle")
        if row is not None:
            rows.append({**_EMPTY, "series": number_of, "start": start, **row})
    if rows:
        connection.execute(insert(short_statistics), rows)
    if end % HOUR == 0:
        _compile_hour(connection, end - HOUR)
    if connection.execute(update(meta).where(meta.c.key == UNTIL).values(value=str(end))).rowcount == 0:
        connection.execute(insert(meta), {"key": UNTIL, "value": str(end)})


_EMPTY: Mapping[str, float | None] = {"mean": None, "min": None, "max": None, "state": None, "sum": None}
_AS_IT_IS = (1.0, 0.0)
_Point = tuple[float, float | None, Any]
"""Since when, what, and when it was last reset, as far as it tells that."""


def _series(connection: Connection, candidates: Sequence[Candidate]) -> dict[str, tuple[int, tuple[float, float]]]:
    """The number of each series, and what makes of a number of the entity one of the series: it keeps its unit where
    the new one says the same in other numbers."""
    found = {row.entity_id: row for row in connection.execute(select(series))}
    number = connection.execute(select(func.max(series.c.id))).scalar() or 0
    known = {}
    for one in candidates:
        row = found.get(one.entity_id)
        if row is None:
            number += 1
            known[one.entity_id] = number, _AS_IT_IS
            values = {"id": number, "entity_id": one.entity_id, "unit": one.unit, "kind": one.kind}
            connection.execute(insert(series), values)
            continue
        scale = factors(one.unit, row.unit)
        known[one.entity_id] = row.id, scale or _AS_IT_IS
        unit = one.unit if scale is None else row.unit
        if (row.unit, row.kind) != (unit, one.kind):
            connection.execute(update(series).where(series.c.id == row.id).values(unit=unit, kind=one.kind))
    return known


def _points(connection: Connection, entity: int, start: int, end: int, tells_resets: bool) -> list[_Point]:
    """When it became what, with the value at ``start`` first; None: no number then."""
    columns: list[Any] = [states.c.updated, states.c.state]
    if tells_resets:
        about = select(attributes.c.json).where(attributes.c.id == states.c.attributes)
        columns.append(about.scalar_subquery().label("about"))
    of_it = select(*columns).where(states.c.entity == entity)
    first = connection.execute(
        of_it.where(states.c.updated <= start).order_by(states.c.updated.desc(), states.c.id.desc()).limit(1)
    ).first()
    rows = connection.execute(
        of_it.where(states.c.updated > start, states.c.updated < end).order_by(states.c.updated, states.c.id)
    )
    points: list[_Point] = [] if first is None else [_point(first, float(start))]
    points.extend(_point(row, row.updated) for row in rows)
    return points


def _point(row: Row[Any], time: float) -> _Point:
    about = getattr(row, "about", None)
    return time, number(row.state), orjson.loads(about).get("last_reset") if about else None


def _mean(points: Sequence[_Point], start: int, end: int, *, is_angle: bool) -> dict[str, float] | None:
    """Weighted by how long each value lasted."""
    values = [value for _, value, _ in points if value is not None]
    if not values:
        return None
    parts = [
        (value, until - time)
        for (time, value, _), (until, _, _) in zip(points, [*points[1:], (float(end), None, None)], strict=True)
        if value is not None
    ]
    if is_angle:
        return {"mean": mean_angle(parts)}
    lasted = math.fsum(length for _, length in parts)
    weighted = math.fsum(value * length for value, length in parts)
    return {"mean": weighted / lasted if lasted else values[-1], "min": min(values), "max": max(values)}


def mean_angle(parts: Iterable[tuple[float, float]]) -> float:
    """Of degrees and their weights: 350° and 10° are 0°."""
    east = north = 0.0
    for angle, weight in parts:
        east += weight * math.sin(math.radians(angle))
        north += weight * math.cos(math.radians(angle))
    return math.degrees(math.atan2(east, north)) % 360


def _sum_before(connection: Connection, number_of: int, start: int) -> Any:
    for table in (short_statistics, statistics):
        query = select(table.c.state, table.c.sum).where(
            table.c.series == number_of, table.c.start < start, table.c.sum.is_not(None)
        )
        found = connection.execute(query.order_by(table.c.start.desc()).limit(1)).first()
        if found is not None:
            return found
    return None


def _sum(points: Sequence[_Point], one: Candidate, before: Any) -> dict[str, float] | None:
    values = [(value, reset) for _, value, reset in points if value is not None]
    if not values:
        return None
    last, total = (values[0][0], 0.0) if before is None else (before.state, before.sum)
    known = values[0][1]
    for value, reset in values:
        if reset != known:  # counted from nothing since then
            total += value
        elif one.may_fall or value >= last:
            total += value - last
        elif value < last * RESET_BELOW:
            total += value
        last, known = value, reset
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
        made = [{**_EMPTY, "series": of, "start": start, **together(some)} for of, some in parts.items()]
        connection.execute(insert(statistics), made)


def together(rows: Sequence[Row[Any]]) -> dict[str, float]:
    """Several rows as one."""
    made: dict[str, float] = {}
    means = [row for row in rows if row.mean is not None]
    if means and means[0].min is None:  # an angle, which has no least
        made["mean"] = mean_angle((row.mean, 1.0) for row in means)
    elif means:
        made["mean"] = math.fsum(row.mean for row in means) / len(means)
        made["min"] = min(row.min for row in means if row.min is not None)
        made["max"] = max(row.max for row in means if row.max is not None)
    sums = [row for row in rows if row.sum is not None]
    if sums:
        made["state"], made["sum"] = sums[-1].state, sums[-1].sum
    return made


def last_recorded(connection: Connection, before: float) -> float | None:
    """When the newest state before some time was."""
    found: float | None = connection.execute(
        select(func.max(states.c.updated)).where(states.c.updated < before)
    ).scalar()
    return found
