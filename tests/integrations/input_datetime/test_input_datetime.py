"""Dates and times of your own: states, attributes and services as Home Assistant 2025.4 has them."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.errors import InvalidServiceData
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

NOON = 1_709_211_600.0  # 2024-02-29 13:00:00 in Amsterdam


@pytest.fixture
async def three(house: House) -> Hub:
    house.hub.clock.time = lambda: NOON
    await house.start(
        "nanobot: {time_zone: Europe/Amsterdam}\n"
        "input_datetime: {d: {has_date: true, has_time: true}, day: {has_date: true}, hour: {has_time: true}}"
    )
    return house.hub


async def call(hub: Hub, name: str, **data: Any) -> tuple[str, dict[str, Any]]:
    await hub.services.call("input_datetime", "set_datetime", {"entity_id": f"input_datetime.{name}", **data})
    found = hub.states.get(f"input_datetime.{name}")
    assert found is not None
    return found.state, dict(found.attributes)


async def test_they_begin_today_at_midnight(three: Hub) -> None:
    states = [state.state for state in three.states.all("input_datetime")]
    assert states == ["2024-02-29 00:00:00", "2024-02-29", "00:00:00"]


async def test_attributes(three: Hub) -> None:
    date = {"year": 2024, "month": 2, "day": 29}
    time = {"hour": 13, "minute": 14, "second": 15}
    has = {"editable": False, "has_date": True, "has_time": True}
    assert await call(three, "d", datetime="2024-02-29 13:14:15") == (
        "2024-02-29 13:14:15",
        {**has, **date, **time, "timestamp": 1_709_208_855.0},
    )
    assert await call(three, "day", date="2024-02-29") == (
        "2024-02-29",
        {**has, "has_time": False, **date, "timestamp": 1_709_161_200.0},
    )
    assert await call(three, "hour", time="13:14:15") == (
        "13:14:15",
        {**has, "has_date": False, **time, "timestamp": 47655},
    )


@pytest.mark.parametrize(
    ("name", "data", "state"),
    [
        ("d", {"time": "01:02:03"}, "2024-02-29 01:02:03"),
        ("d", {"time": "01:02"}, "2024-02-29 01:02:00"),
        ("d", {"date": "2024-12-24"}, "2024-12-24 00:00:00"),
        ("d", {"date": "2024-12-24", "time": "05:06"}, "2024-12-24 05:06:00"),
        ("d", {"timestamp": 1_709_208_855}, "2024-02-29 13:14:15"),
        ("d", {"datetime": "2024-12-24T05:06:07"}, "2024-12-24 05:06:07"),
        ("day", {"datetime": "2024-12-24 05:06:07"}, "2024-12-24"),
        ("hour", {"datetime": "2024-12-24 05:06:07"}, "05:06:07"),
        ("hour", {"date": "2024-12-24", "time": "05:06"}, "05:06:00"),
    ],
)
async def test_set_datetime(three: Hub, name: str, data: dict[str, Any], state: str) -> None:
    assert (await call(three, name, **data))[0] == state


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("d", {}, "say what to set"),
        ("d", {"date": "2024-12-24", "datetime": "2024-12-24 00:00:00"}, "cannot be used together"),
        ("d", {"time": "25:00"}, "time"),
        ("day", {"time": "05:06"}, "only has a date, and none was given"),
        ("hour", {"date": "2024-12-24"}, "only has a time, and none was given"),
    ],
)
async def test_wrong_calls(three: Hub, name: str, data: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidServiceData, match=text):
        await call(three, name, **data)


@pytest.mark.parametrize(
    ("item", "state"),
    [
        ("{has_date: true, has_time: true, initial: '2026-04-20 07:30'}", "2026-04-20 07:30:00"),
        ("{has_date: true, has_time: true, initial: '2026-04-20T07:30:00+00:00'}", "2026-04-20 09:30:00"),
        ("{has_date: true, initial: 2026-04-20}", "2026-04-20"),
        ("{has_time: true, initial: '07:30'}", "07:30:00"),
        ("{has_time: true, initial: '7:30'}", "07:30:00"),
    ],
)
async def test_initial(house: House, item: str, state: str) -> None:
    applied = await house.apply(f"nanobot: {{time_zone: Europe/Amsterdam}}\ninput_datetime:\n  d: {item}\n")
    assert applied.problems == ()
    found = house.hub.states.get("input_datetime.d")
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("{name: D}", "has_date: needs has_date or has_time, or both"),
        (
            "{has_time: true, initial: 10:30}",
            "initial: '630' is not a time of day; write it in quotes, like '07:30:00'",
        ),
        (
            "{has_date: true, initial: tomorrow}",
            "initial: 'tomorrow' is not a date; write it in quotes, like '2026-04-20'",
        ),
    ],
)
async def test_mistakes_are_told(house: House, item: str, text: str) -> None:
    applied = await house.apply(f"input_datetime:\n  d: {item}\n")
    assert [str(problem) for problem in applied.problems] == [f"configuration.yaml:2: input_datetime > d > {text}"]


async def test_they_outlive_a_restart(house: House, restart: Any) -> None:
    await house.start("input_datetime: {d: {has_date: true, has_time: true}, hour: {has_time: true}}")
    await call(house.hub, "d", datetime="2024-12-24 05:06:07")
    await call(house.hub, "hour", time="05:06")
    hub = (await restart()).hub
    assert [s.state for s in hub.states.all("input_datetime")] == ["2024-12-24 05:06:07", "05:06:00"]
