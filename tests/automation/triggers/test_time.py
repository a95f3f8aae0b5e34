"""``trigger: time``, ``time_pattern`` and ``cron``: by the wall clock of the zone that is configured (Amsterdam)."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from nanobot.config.core import CoreConfig
from tests.automation.triggers.bench import AMSTERDAM, Bench

pytestmark = pytest.mark.looptime

HOUR = 3600.0


async def test_a_time_of_day(bench: Bench) -> None:
    await bench.attach({"trigger": "time", "at": ["18:30", "07:00:05"]})
    await asyncio.sleep(24 * HOUR)
    assert await bench.said_at() == ["Mon 18:30:00", "Tue 07:00:05"]
    trigger = bench.fired[0]
    assert (trigger["platform"], trigger["entity_id"], trigger["description"]) == ("time", None, "time")
    assert trigger["now"] == datetime(2026, 6, 1, 18, 30, tzinfo=AMSTERDAM)


async def test_only_on_some_days(bench: Bench) -> None:
    await bench.attach({"trigger": "time", "at": "18:30", "weekday": ["tue", "sun"]})
    await asyncio.sleep(36 * HOUR)
    assert await bench.said_at() == ["Tue 18:30:00"]


@pytest.mark.parametrize(
    ("from_", "at", "fires"),
    [
        ("2026-03-28T12:00", "02:30", ["Mon 02:30:00"]),
        ("2026-10-24T12:00", "02:30", ["Sun 02:30:00", "Sun 02:30:00", "Mon 02:30:00"]),
    ],
    ids=["skipped", "twice"],
)
async def test_a_change_of_summer_time(bench: Bench, from_: str, at: str, fires: list[str]) -> None:
    bench.shows(from_)
    await bench.attach({"trigger": "time", "at": at})
    await asyncio.sleep(40 * HOUR)
    assert await bench.said_at() == fires


@pytest.mark.parametrize(
    ("at", "fires"),
    [
        ("{{ '18:30' }}", ["Mon 18:30:00"]),
        ("{{ when }}", ["Mon 19:00:00"]),
        ("{{ 'input_datetime.' ~ name }}", ["Mon 20:15:00"]),
        ({"entity_id": "input_datetime.tea", "offset": "-00:15"}, ["Mon 20:00:00"]),
        ({"entity_id": "input_datetime.tea", "offset": {"hours": 5}}, ["Tue 01:15:00"]),
        (["input_datetime.tea", {"entity_id": "input_datetime.tea", "offset": 30}], ["Mon 20:15:00", "Mon 20:15:30"]),
    ],
)
async def test_templates_entities_and_offsets(bench: Bench, at: Any, fires: list[str]) -> None:
    bench.set("input_datetime.tea", "20:15:00", has_time=True, has_date=False, hour=20, minute=15, second=0)
    await bench.attach({"trigger": "time", "at": at}, variables={"when": "19:00:00", "name": "tea"})
    await asyncio.sleep(14 * HOUR)
    assert await bench.said_at() == fires


async def test_an_entity_is_followed(bench: Bench) -> None:
    def says(day: int, hour: int | None) -> None:
        clock = {} if hour is None else {"hour": hour, "minute": 0, "second": 0}
        date = {"has_date": True, "year": 2026, "month": 6, "day": day}
        bench.set("input_datetime.d", f"{day} {hour}", has_time=hour is not None, **date, **clock)

    await bench.attach({"trigger": "time", "at": "input_datetime.d"})
    says(1, 14)
    await asyncio.sleep(HOUR)
    says(1, 16)  # before it came
    await asyncio.sleep(4 * HOUR)
    says(1, 10)  # is over
    await asyncio.sleep(HOUR)
    says(2, None)  # its midnight
    await asyncio.sleep(12 * HOUR)
    assert await bench.said_at() == ["Mon 16:00:00", "Tue 00:00:00"]
    assert bench.fired[0]["entity_id"] == "input_datetime.d"
    assert bench.fired[0]["description"] == "time set in input_datetime.d"
    bench.hub.states.remove("input_datetime.d")
    await asyncio.sleep(48 * HOUR)
    assert len(bench.fired) == 2


async def test_a_sensor_with_a_timestamp(bench: Bench) -> None:
    await bench.attach({"trigger": "time", "at": "sensor.next"})
    bench.set("sensor.next", "2026-06-01T13:00:00+02:00")  # says nothing of being a timestamp
    await asyncio.sleep(2 * HOUR)
    bench.set("sensor.next", "2026-06-01T15:00:00+00:00", device_class="timestamp")
    await asyncio.sleep(4 * HOUR)
    for odd in ("unavailable", "unknown", "9999-12-31T23:59:59+00:00", "soon"):
        bench.set("sensor.next", odd, device_class="timestamp")
    assert await bench.said_at() == ["Mon 17:00:00"]


async def test_the_state_of_an_input_datetime_that_somebody_wrote_by_hand(bench: Bench) -> None:
    bench.set("input_datetime.odd", "soon", has_date=True, has_time=True)
    await bench.attach({"trigger": "time", "at": {"entity_id": "input_datetime.odd", "offset": {"days": 3000000}}})
    bench.set("input_datetime.odd", "soon", has_time=True, hour=25)
    bench.set("input_datetime.odd", "soon", has_date=True, year=2026, month=6, day=5, hour=1)
    await asyncio.sleep(HOUR)
    assert await bench.said() == []
    assert bench.failed == []


async def test_a_template_that_gives_no_time_fails_alone(bench: Bench) -> None:
    await bench.attach({"trigger": "time", "at": "{{ 'noon' }}"}, {"trigger": "time", "at": "13:00"})
    await asyncio.sleep(2 * HOUR)
    assert await bench.said_at() == ["Mon 13:00:00"]
    assert bench.failed == ["the template of 'at' gave 'noon', not a time like '07:30' or an input_datetime or sensor"]


async def test_another_time_zone_counts_at_once(bench: Bench) -> None:
    await bench.attach({"trigger": "time", "at": "18:30"})
    bench.hub.configure(CoreConfig(time_zone="America/New_York"))
    await asyncio.sleep(24 * HOUR)
    assert [now.isoformat() for now in await bench.said("now")] == ["2026-06-01T18:30:00-04:00"]


@pytest.mark.parametrize(
    ("pattern", "from_", "fires"),
    [
        ({"seconds": "/20"}, "2026-06-01T12:00:30", ["Mon 12:00:40", "Mon 12:01:00", "Mon 12:01:20"]),
        ({"minutes": "/25"}, "2026-06-01T12:20", ["Mon 12:25:00", "Mon 12:50:00", "Mon 13:00:00"]),
        ({"hours": "/7"}, "2026-06-01T12:00", ["Mon 14:00:00", "Mon 21:00:00", "Tue 00:00:00"]),
        ({"hours": 3}, "2026-06-01T12:00", ["Tue 03:00:00"]),
        ({"minutes": "30", "seconds": "*"}, "2026-06-01T12:29:58", ["Mon 12:30:00", "Mon 12:30:01"]),
        ({"hours": "*"}, "2026-06-01T12:30", ["Mon 13:00:00", "Mon 14:00:00"]),
        ({"hours": 14, "seconds": 5}, "2026-06-01T12:30", ["Mon 14:00:05"]),
        ({"minutes": 5}, "2026-06-01T12:30", ["Mon 13:05:00", "Mon 14:05:00"]),
    ],
    ids=str,
)
async def test_a_pattern(bench: Bench, pattern: dict[str, Any], from_: str, fires: list[str]) -> None:
    bench.shows(from_)
    await bench.attach({"trigger": "time_pattern", **pattern})
    while len(bench.fired) < len(fires):
        await asyncio.sleep(600)
    assert (await bench.said_at())[: len(fires)] == fires
    assert bench.fired[0]["platform"] == "time_pattern"
    assert bench.fired[0]["description"] == "time pattern"


async def test_cron(bench: Bench) -> None:
    await bench.attach(
        {"trigger": "cron", "at": ["0 7 * * wed-fri", "@midnight"]},
        {"trigger": "cron", "cron": "30 9 2 6 *", "time_zone": "Asia/Tokyo"},
    )
    await asyncio.sleep(2 * 24 * HOUR)
    assert await bench.said_at() == ["Tue 00:00:00", "Tue 09:30:00", "Wed 00:00:00", "Wed 07:00:00"]
    assert [now.isoformat() for now in await bench.said("now")][1] == "2026-06-02T09:30:00+09:00"
    assert bench.fired[3]["description"] == "cron '0 7 * * wed-fri'"
