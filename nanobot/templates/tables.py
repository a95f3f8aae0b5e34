"""All globals, filters and tests of an environment, each from where it is made."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.tests import TESTS

from nanobot.hub.bus import Bus
from nanobot.hub.hub import Hub
from nanobot.hub.states import States
from nanobot.templates import filters, functions, operators, places, registries, states
from nanobot.templates.errors import Refused
from nanobot.templates.limits import Budget, light
from nanobot.templates.states import Reading
from nanobot.util.dt import Clock

Table = dict[str, Any]

TIMES = ("now", "relative_time", "time_since", "time_until", "today_at", "utcnow")
"""Functions that read the clock, which a limited template has not."""

_COMPARING = (
    "eq",
    "==",
    "equalto",
    "ne",
    "!=",
    "gt",
    "greaterthan",
    ">",
    "ge",
    ">=",
    "lt",
    "lessthan",
    "<",
    "le",
    "<=",
)
"""Jinja2's tests that look into lists."""

_OF_SCALARS = frozenset(
    {
        *("add", "as_local", "as_timestamp", "bool", "datetime", "float", "iif", "int", "is_defined", "is_number"),
        *("list", "log", "multiply", "ord", "ordinal", "round", "set", "string_like", "timestamp_custom"),
        *("timestamp_local", "timestamp_utc", "tuple", "typeof"),
    }
)
"""Functions that look no further than at the surface of what they get, and are called often."""

_NOT_OURS = frozenset({"lipsum", "range"})


def collect(hub: Hub | None, reading: Reading, budget: Budget, *, limited: bool) -> tuple[Table, Table, Table]:
    """Globals, filters and tests. Without a hub they are good for looking at their names only."""
    clock = Clock() if hub is None else hub.clock

    def on_time() -> None:
        if reading.info is not None:
            reading.info.time = True

    own = filters.make(budget)
    more = functions.make(clock, on_time)
    of_hub = _of_hub(hub or _nobody(), reading, budget)
    if limited:
        of_hub = (
            {name: _unsupported(name) for name in (*of_hub[0], *TIMES)},
            {name: _unsupported(name) for name in (*of_hub[1], *(one for one in TIMES if one in more[1]))},
            {name: _unsupported(name) for name in of_hub[2]},
        )
    names = {name: value for name, value in DEFAULT_NAMESPACE.items() if name not in _NOT_OURS}
    return (
        {**names, "range": filters.bounded_range, **more[0], **of_hub[0]},
        {**own, **_guarded(more[1], budget), **of_hub[1]},
        {**_tests(), **_guarded(more[2], budget), **of_hub[2]},
    )


def _guarded(table: Table, budget: Budget) -> Table:
    return {name: one if name in _OF_SCALARS else filters.guarded(one, budget) for name, one in table.items()}


def _of_hub(hub: Hub, reading: Reading, budget: Budget) -> tuple[Table, Table, Table]:
    of_states = states.make(hub, reading, budget)
    all_states: Any = of_states[0]["states"]
    of_places = places.make(hub, all_states.find, of_states[0]["expand"])
    of_registries = registries.make(hub)
    return (
        {**of_states[0], **of_places[0], **of_registries[0]},
        {**of_states[1], **of_places[1], **of_registries[1]},
        {**of_states[2], **of_registries[2]},
    )


def _nobody() -> Hub:
    return cast(Hub, SimpleNamespace(states=States(Bus(), Clock())))


def _tests() -> Table:
    own: Table = dict(TESTS)
    return {**own, **{name: _light(own[name]) for name in _COMPARING}, "in": operators.contains}


def _light(compare: Callable[..., Any]) -> Callable[..., Any]:
    def call(left: Any, right: Any) -> Any:
        return compare(light(left), right)

    return call


def _unsupported(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Refused(f"Use of '{name}' is not supported in limited templates")

    return refuse
