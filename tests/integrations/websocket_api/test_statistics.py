"""Statistics over the WebSocket: which period is meant, and the shapes that clients read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nanobot.contracts.history import History
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2024, 3, 31, 12, 34, 56, tzinfo=BERLIN)  # a Sunday, on which an hour was left out in the night


class Numbers(History):
    """Remembers what it was asked."""

    name = "numbers"
    asked: Any = None

    async def statistics(self, ids: Any, start: float, end: Any = None, period: Any = "hour", **more: Any) -> Any:
        self.asked = (ids, start, end, period, more["units"])
        return {"sensor.t": [{"start": 0, "end": 300_000, "mean": 1.0}]}

    async def statistic(self, entity_id: str, start: float, end: Any = None, *, units: Any = None) -> Any:
        self.asked = (start, end)
        return {"mean": 1.0} if entity_id == "sensor.t" else None

    async def statistic_ids(self, ids: Any = None) -> Any:
        return [{"statistic_id": name, "has_mean": name == "a", "has_sum": name == "b"} for name in "ab"]


Numbers.__abstractmethods__ = frozenset()


@pytest.fixture
def numbers(entry: Entry, hub: Hub) -> Iterator[Numbers]:
    numbers = Numbers()  # type: ignore[abstract]
    entry.add(numbers)
    clock, before = hub.clock, (hub.clock.zone, hub.clock.time)
    clock.zone, clock.time = BERLIN, NOW.timestamp  # type: ignore[method-assign, unused-ignore]
    yield numbers
    clock.zone, clock.time = before  # type: ignore[method-assign, unused-ignore]


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=BERLIN).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("period", "begin", "end"),
    [
        ({"calendar": {"period": "hour"}}, at(2024, 3, 31, 12), at(2024, 3, 31, 13)),
        ({"calendar": {"period": "day"}}, at(2024, 3, 31), at(2024, 4, 1)),
        ({"calendar": {"period": "day", "offset": -1}}, at(2024, 3, 30), at(2024, 3, 31)),
        ({"calendar": {"period": "week"}}, at(2024, 3, 25), at(2024, 4, 1)),
        ({"calendar": {"period": "month", "offset": -1}}, at(2024, 2, 1), at(2024, 3, 1)),
        ({"calendar": {"period": "month", "offset": 9}}, at(2024, 12, 1), at(2025, 1, 1)),
        ({"calendar": {"period": "year"}}, at(2024, 1, 1), at(2025, 1, 1)),
        ({"rolling_window": {"duration": {"hours": 1}}}, NOW.timestamp() - 3600, NOW.timestamp()),
        (
            {"rolling_window": {"duration": "01:00:00", "offset": {"minutes": -30}}},
            NOW.timestamp() - 5400,
            NOW.timestamp() - 1800,
        ),
        ({"fixed_period": {"start_time": "2024-03-01T00:00:00"}}, at(2024, 3, 1), None),
        ({}, 0.0, None),
    ],
)
async def test_a_period_is_one_of_the_configured_zone(
    client: Any, numbers: Numbers, period: dict[str, Any], begin: float, end: float | None
) -> None:
    found = await client.ask("recorder/statistic_during_period", statistic_id="sensor.t", **period)
    assert found == {"mean": 1.0, "min": None, "max": None, "change": None}
    assert numbers.asked == (begin, end)


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ({"calendar": {"period": "day"}, "fixed_period": {}}, "invalid_format"),
        ({"calendar": {"period": "century"}}, "invalid_format"),
        ({"calendar": {"period": "year", "offset": 99_999}}, "invalid_format"),
        ({"rolling_window": {"duration": {"days": 99_999_999}}}, "invalid_format"),
        ({"fixed_period": {"start_time": "then"}}, "invalid_start_time"),
    ],
)
async def test_a_period_that_is_none_is_refused(
    client: Any, numbers: Numbers, period: dict[str, Any], code: str
) -> None:
    error = await client.fails("recorder/statistic_during_period", statistic_id="sensor.t", **period)
    assert error["code"] == code


async def test_rows_have_all_that_was_asked_for_and_only_what_there_is_of(client: Any, numbers: Numbers) -> None:
    start = "2024-03-31T00:00:00+01:00"
    ask = {"start_time": start, "statistic_ids": ["sensor.t"], "period": "5minute"}
    found = await client.ask("recorder/statistics_during_period", **ask, units={"temperature": "°F"})
    empty = dict.fromkeys(("max", "min", "state", "sum", "change", "last_reset"))
    assert found == {"sensor.t": [{"start": 0, "end": 300_000, "mean": 1.0, **empty}]}
    assert numbers.asked == (["sensor.t"], at(2024, 3, 31), None, "5minute", {"temperature": "°F"})
    found = await client.ask("recorder/statistics_during_period", **ask, types=["mean", "sum"])
    assert found == {"sensor.t": [{"start": 0, "end": 300_000, "mean": 1.0, "sum": None}]}
    assert await client.ask("recorder/statistic_during_period", statistic_id="sensor.none") == {}
    assert await client.ask("recorder/statistic_during_period", statistic_id="sensor.t", types=["mean"]) == {
        "mean": 1.0
    }
    (mean,) = await client.ask("recorder/list_statistic_ids", statistic_type="mean")
    assert mean["statistic_id"] == "a"
    assert await client.ask("recorder/update_statistics_issues") is None
