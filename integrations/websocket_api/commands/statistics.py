"""Statistics of numbers, from whoever records them (Home Assistant 2025.4)."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access

from .times import period_of, span_of

TYPES = ("change", "last_reset", "max", "mean", "min", "state", "sum")
OF_A_PERIOD = ("max", "mean", "min", "change")
PERIODS = ("hour", "day", "week", "month", "year")
_MOST = 100_000  # periods that a calendar is looked forth or back


async def during(call: SocketCall) -> Any:
    """Rows over time: ``{statistic_id: [{start, end, …}]}``, each with all ``types``, null where there is no such."""
    recorded, data = call.hub.history, call.data
    if recorded is None:
        return {}
    start, end = span_of(call, data)
    types = data.get("types") or TYPES
    found = await recorded.statistics(
        data["statistic_ids"], start, end, data["period"], types=types, units=data.get("units")
    )
    empty = dict.fromkeys(types)
    return {entity_id: [{**empty, **row} for row in rows] for entity_id, rows in found.items()}


async def within(call: SocketCall) -> Any:
    """One row for a whole period; nothing for what has no statistics."""
    recorded, data = call.hub.history, call.data
    start, end = period_of(call, data)
    if recorded is None:
        return {}
    found = await recorded.statistic(data["statistic_id"], start, end, units=data.get("units"))
    return {} if found is None else {key: found.get(key) for key in data.get("types") or OF_A_PERIOD}


async def ids(call: SocketCall) -> Any:
    """What there are statistics of."""
    recorded = call.hub.history
    if recorded is None:
        return []
    kind = call.data.get("statistic_type")
    found = await recorded.statistic_ids(call.data.get("statistic_ids"))
    return [row for row in found if kind is None or row[f"has_{kind}"]]


def nothing_wrong(call: SocketCall) -> Any:
    """Statistics that do not fit their entities: none."""
    return {}


def nothing_to_do(call: SocketCall) -> Any:
    """Look for such again."""
    return None


_UNITS: dict[vol.Marker, Any] = {vol.Optional("units"): vol.Schema({str: str})}
_OFFSET = vol.All(cv.whole_number, vol.Range(min=-_MOST, max=_MOST))
_DURATION = vol.All(cv.time_period)
_PERIOD: dict[vol.Marker, Any] = {
    vol.Exclusive("calendar", "period"): {
        vol.Required("period"): vol.In(PERIODS),
        vol.Optional("offset"): _OFFSET,
    },
    vol.Exclusive("fixed_period", "period"): {vol.Optional("start_time"): str, vol.Optional("end_time"): str},
    vol.Exclusive("rolling_window", "period"): {
        vol.Required("duration"): _DURATION,
        vol.Optional("offset"): _DURATION,
    },
}

COMMANDS = [
    SocketCommand(
        "recorder/statistics_during_period",
        during,
        Access.READ,
        vol.Schema(
            {
                vol.Required("start_time"): str,
                vol.Optional("end_time"): str,
                vol.Optional("statistic_ids", default=None): vol.Any(None, [str]),
                vol.Optional("period", default="hour"): vol.In(["5minute", "hour", "day", "week", "month"]),
                vol.Optional("types"): [vol.In(TYPES)],
                **_UNITS,
            }
        ),
    ),
    SocketCommand(
        "recorder/statistic_during_period",
        within,
        Access.READ,
        vol.Schema(
            {
                vol.Required("statistic_id"): str,
                vol.Optional("types"): [vol.In(OF_A_PERIOD)],
                **_UNITS,
                **_PERIOD,
            }
        ),
    ),
    SocketCommand(
        "recorder/list_statistic_ids",
        ids,
        Access.READ,
        vol.Schema({vol.Optional("statistic_type"): vol.In(["mean", "sum"])}),
    ),
    SocketCommand(
        "recorder/get_statistics_metadata", ids, Access.READ, vol.Schema({vol.Optional("statistic_ids"): [str]})
    ),
    SocketCommand("recorder/validate_statistics", nothing_wrong, Access.READ),
    SocketCommand("recorder/update_statistics_issues", nothing_to_do, Access.READ),
]
