"""Distances in templates, between coordinates, entities that have some, and home."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import atan, atan2, cos, radians, sin, sqrt, tan
from typing import Any

from nanobot.hub.hub import Hub
from nanobot.hub.states import State

EQUATOR = 6_378_137.0  # m, radius of the ellipsoid WGS 84
FLATTENING = 1 / 298.257223563
POLE = (1 - FLATTENING) * EQUATOR
MILE = 1_609.344  # m

Point = tuple[float, float]
"""Latitude and longitude, in degrees."""

_log = logging.getLogger(__name__)


def metres(one: Point, other: Point) -> float | None:
    """Along the surface, by Vincenty's formula for the inverse problem. None where it does not converge."""
    if one == other:
        return 0.0
    u1 = atan((1 - FLATTENING) * tan(radians(one[0])))
    u2 = atan((1 - FLATTENING) * tan(radians(other[0])))
    apart = step = radians(other[1] - one[1])
    sin_u1, cos_u1, sin_u2, cos_u2 = sin(u1), cos(u1), sin(u2), cos(u2)
    for _ in range(200):
        sin_s = sqrt((cos_u2 * sin(step)) ** 2 + (cos_u1 * sin_u2 - sin_u1 * cos_u2 * cos(step)) ** 2)
        if sin_s == 0:
            return 0.0
        cos_s = sin_u1 * sin_u2 + cos_u1 * cos_u2 * cos(step)
        angle = atan2(sin_s, cos_s)
        sin_a = cos_u1 * cos_u2 * sin(step) / sin_s
        cos_a2 = 1 - sin_a**2
        cos_2m = cos_s - 2 * sin_u1 * sin_u2 / cos_a2 if cos_a2 else 0.0
        c = FLATTENING / 16 * cos_a2 * (4 + FLATTENING * (4 - 3 * cos_a2))
        before = step
        step = apart + (1 - c) * FLATTENING * sin_a * (angle + c * sin_s * (cos_2m + c * cos_s * (2 * cos_2m**2 - 1)))
        if abs(step - before) < 1e-12:
            break
    else:
        return None
    u = cos_a2 * (EQUATOR**2 - POLE**2) / POLE**2
    a = 1 + u / 16384 * (4096 + u * (-768 + u * (320 - 175 * u)))
    b = u / 1024 * (256 + u * (-128 + u * (74 - 47 * u)))
    more = (
        b
        * sin_s
        * (cos_2m + b / 4 * (cos_s * (2 * cos_2m**2 - 1) - b / 6 * cos_2m * (4 * sin_s**2 - 3) * (4 * cos_2m**2 - 3)))
    )
    return round(POLE * a * (angle - more) / 1000, 6) * 1000


def make(
    hub: Hub, find: Callable[[Any], State | None], expand: Callable[..., list[State]]
) -> tuple[dict[str, Callable[..., Any]], dict[str, Callable[..., Any]]]:
    """Globals and filters."""

    def home() -> Point:
        return hub.config.latitude, hub.config.longitude

    def of_state(thing: Any, name: str) -> Point | None:
        state = thing if isinstance(thing, State) else find(thing)
        point = None if state is None else point_of(state)
        if point is None:
            _log.warning("%s: %s has no latitude and longitude", name, thing)
        return point

    def of_numbers(latitude: Any, longitude: Any, name: str) -> Point | None:
        try:
            return float(latitude), float(longitude)
        except (TypeError, ValueError):
            _log.warning("%s: %s, %s is no latitude and longitude", name, latitude, longitude)
            return None

    def distance(*args: Any) -> float | None:
        left = list(args)
        points: list[Point] = []
        while left:
            first = left.pop(0)
            if isinstance(first, State) or (isinstance(first, str) and not _is_number(first)):
                point = of_state(first, "distance")
            elif left:
                point = of_numbers(first, left.pop(0), "distance")
            else:
                _log.warning("distance: a longitude is missing after %s", first)
                return None
            if point is None:
                return None
            points.append(point)
        if not points:
            raise TypeError("distance needs an entity, or a latitude and a longitude")
        if len(points) == 1:
            points.insert(0, home())
        found = metres(points[0], points[1])
        if found is None:
            return None
        return found / (1000 if hub.config.unit_system == "metric" else MILE)

    def closest(*args: Any) -> State | None:
        if not args:
            raise TypeError("closest takes entities, and before them an entity or a latitude and a longitude")
        point: Point | None = home()
        if len(args) == 2:
            point = of_state(args[0], "closest")
        elif len(args) > 2:
            point = of_numbers(args[0], args[1], "closest")
        if point is None:
            return None
        here = point
        near: list[tuple[float, State]] = []
        for state in expand(*(args[2:] or args[-1:])):
            there = point_of(state)
            if there is not None and (far := metres(here, there)) is not None:
                near.append((far, state))
        return min(near, key=lambda one: one[0])[1] if near else None

    def closest_filter(entities: Any, *args: Any) -> State | None:
        return closest(*args, entities)

    return {"closest": closest, "distance": distance}, {"closest": closest_filter}


def point_of(state: State) -> Point | None:
    """Where it is, if it says so."""
    latitude, longitude = state.attributes.get("latitude"), state.attributes.get("longitude")
    if isinstance(latitude, (int, float)) and isinstance(longitude, (int, float)):
        return float(latitude), float(longitude)
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
