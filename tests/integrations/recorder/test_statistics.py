"""Numbers over time: five minutes, hours, and the days made of them."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import House

from .conftest import START, Hands, Recorded

Write = Callable[..., None]
HOUR_AT = START - START % 3600 + 3600  # the first full hour after the start
H = HOUR_AT - START


@pytest.fixture
def compile_at(house: House, hands: Hands) -> Callable[..., object]:
    async def compile_at(at: float) -> None:
        hands.time = START + at
        await house.entry("recorder").data.compile()

    return compile_at


async def test_means_are_weighted_by_time_and_hours_are_made_of_five_minutes(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    write(H - 10, "sensor.t", "10", unit_of_measurement="°C", state_class="measurement")
    await compile_at(H)  # type: ignore[misc]
    write(H + 60, "sensor.t", "20", unit_of_measurement="°C", state_class="measurement")
    write(H + 150, "sensor.t", "unavailable")
    write(H + 300, "sensor.t", "30", unit_of_measurement="°C", state_class="measurement")
    await compile_at(H + 3600)  # type: ignore[misc]
    short = (await history.statistics(None, HOUR_AT, HOUR_AT + 600, "5minute"))["sensor.t"]
    assert short == [
        {
            "start": int(HOUR_AT * 1000),
            "end": int((HOUR_AT + 300) * 1000),
            "mean": pytest.approx((10 * 60 + 20 * 90) / 150),
            "min": 10.0,
            "max": 20.0,
        },
        {
            "start": int((HOUR_AT + 300) * 1000),
            "end": int((HOUR_AT + 600) * 1000),
            "mean": 30.0,
            "min": 30.0,
            "max": 30.0,
        },
    ]
    (hour,) = (await history.statistics(["sensor.t"], HOUR_AT, HOUR_AT + 3600))["sensor.t"]
    assert hour["mean"] == pytest.approx((16 + 11 * 30) / 12)
    assert (hour["min"], hour["max"]) == (10.0, 30.0)
    only = await history.statistics(["sensor.t"], HOUR_AT, HOUR_AT + 3600, types=["max"])
    assert set(only["sensor.t"][0]) == {"start", "end", "max"}
    assert await history.statistics(["sensor.none"], HOUR_AT, HOUR_AT + 3600) == {}


async def test_the_mean_of_angles_goes_round_the_circle(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    more = {"unit_of_measurement": "°", "state_class": "measurement_angle"}
    write(H - 10, "sensor.wind", "350", **more)
    await compile_at(H)  # type: ignore[misc]
    write(H + 150, "sensor.wind", "20", **more)
    await compile_at(H + 3600)  # type: ignore[misc]
    first, *_ = (await history.statistics(None, HOUR_AT, HOUR_AT + 600, "5minute"))["sensor.wind"]
    assert first["mean"] == pytest.approx(5)
    assert "min" not in first
    (hour,) = (await history.statistics(None, HOUR_AT, HOUR_AT + 3600))["sensor.wind"]
    assert hour["mean"] == pytest.approx(18.75, abs=0.05)
    assert await history.statistic("sensor.wind", HOUR_AT, HOUR_AT + 300) == pytest.approx({"mean": 5})
    (listed,) = await history.statistic_ids()
    assert (listed["has_mean"], listed["mean_type"]) == (True, 2)


async def test_totals_are_summed_over_resets(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    more = {"unit_of_measurement": "kWh", "state_class": "total_increasing"}
    for at, value in ((-10, 100), (100, 104), (400, 103.9), (700, 2), (800, 5)):
        write(H + at, "sensor.energy", str(value), **more)
        await compile_at(H + at)  # type: ignore[misc]
    await compile_at(H + 3600)  # type: ignore[misc]
    (hour,) = (await history.statistics(["sensor.energy"], HOUR_AT, HOUR_AT + 3600))["sensor.energy"]
    assert hour["sum"] == pytest.approx(4 + 2 + 3), "a small fall is noise, a large one a new beginning"
    assert hour["state"] == 5
    (listed,) = await history.statistic_ids(["sensor.energy"])
    assert listed == {
        "statistic_id": "sensor.energy",
        "display_unit_of_measurement": "kWh",
        "statistics_unit_of_measurement": "kWh",
        "has_mean": False,
        "has_sum": True,
        "mean_type": 0,
        "name": None,
        "source": "recorder",
        "unit_class": "energy",
    }


async def test_a_total_that_says_when_it_was_reset_goes_on_from_there(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    more = {"unit_of_measurement": "kWh", "state_class": "total"}
    for at, value, reset in ((-10, 10, "1"), (100, 12, "1"), (200, 11, "1"), (400, 0, "2"), (450, 3, "2")):
        write(H + at, "sensor.energy", str(value), last_reset=f"2023-11-1{reset}T00:00:00+00:00", **more)
        await compile_at(H + at)  # type: ignore[misc]
    await compile_at(H + 600)  # type: ignore[misc]
    rows = (await history.statistics(["sensor.energy"], HOUR_AT, HOUR_AT + 600, "5minute"))["sensor.energy"]
    assert [row["sum"] for row in rows] == [1, 4], "what it lost at midnight was not given back"


async def test_days_and_months_are_those_of_the_configured_zone(
    recorded: Recorded, house: House, hub: Hub, hands: Hands
) -> None:
    from sqlalchemy import insert

    from integrations.recorder.tables import series, statistics

    history = await recorded()
    hub.clock.zone = ZoneInfo("Europe/Berlin")
    midnight = 1_711_753_200.0  # 30 March 2024 in Berlin; the day after has 23 hours
    rows = [
        {"series": 1, "start": int(midnight + hour * 3600), "mean": float(hour), "min": 0.0, "max": float(hour)}
        | {"state": float(hour), "sum": float(hour)}
        for hour in range(72)
    ]

    def fill(connection: object) -> None:
        connection.execute(insert(series), {"id": 1, "entity_id": "sensor.x", "kind": "mean"})  # type: ignore[attr-defined]
        connection.execute(insert(statistics), rows)  # type: ignore[attr-defined]

    await house.entry("recorder").data.writer.do(fill)
    days = (await history.statistics(["sensor.x"], midnight, midnight + 60 * 3600, "day"))["sensor.x"]
    lengths = [(day["end"] - day["start"]) / 3_600_000 for day in days]
    assert lengths == [24, 23, 24]
    assert [day["max"] for day in days] == [23.0, 46.0, 59.0]
    assert [day["change"] for day in days] == [23.0, 23.0, 13.0]
    months = (await history.statistics(["sensor.x"], midnight, midnight + 72 * 3600, "month"))["sensor.x"]
    assert [month["max"] for month in months] == [46.0, 71.0]
    (week,) = (await history.statistics(["sensor.x"], midnight, midnight + 40 * 3600, "week"))["sensor.x"]
    assert week["end"] - week["start"] == 167 * 3_600_000


async def test_a_pause_leaves_a_hole_and_what_was_missed_while_running_is_made_up_for(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object], house: House
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    write(H - 10, "sensor.t", "10", state_class="measurement")
    await compile_at(H)  # type: ignore[misc]
    write(H + 310, "sensor.t", "20", state_class="measurement")
    await history.events(0)
    hands.time = START + H + 3000
    await house.edits.wait(house.edits.request(restart=["recorder"]))
    again = house.hub.history
    assert again is not None
    write(H + 3010, "sensor.t", "30", state_class="measurement")
    await compile_at(H + 3600)  # type: ignore[misc]
    rows = (await again.statistics(["sensor.t"], HOUR_AT, HOUR_AT + 3600, "5minute"))["sensor.t"]
    assert [(row["start"] / 1000 - HOUR_AT, row["mean"]) for row in rows] == [
        (0, 10),
        (300, pytest.approx((10 * 10 + 290 * 20) / 300)),
        (3000, pytest.approx((20 * 10 + 290 * 30) / 300)),
        (3300, 30),
    ]


async def test_words_and_other_domains_have_none(
    recorded: Recorded, write: Write, compile_at: Callable[..., object], hands: Hands
) -> None:
    hands.time = START + H
    history = await recorded()
    write(H, "sensor.word", "on")
    write(H, "light.odd", "5", state_class=["measurement"], unit_of_measurement={})
    write(H, "light.level", "5")
    write(H, "sensor.inf", "inf")
    write(H, "counter.visits", "3")
    await compile_at(H + 300)  # type: ignore[misc]
    assert [row["statistic_id"] for row in await history.statistic_ids()] == ["counter.visits"]


async def test_what_will_have_statistics_is_listed_before_there_are_any(recorded: Recorded, write: Write) -> None:
    history = await recorded("  exclude:\n    entities: sensor.hidden")
    write(1, "sensor.t", "20", unit_of_measurement="°C", state_class="measurement")
    write(1, "sensor.hidden", "20", unit_of_measurement="°C", state_class="measurement")
    (listed,) = await history.statistic_ids()
    assert (listed["statistic_id"], listed["has_mean"], listed["mean_type"]) == ("sensor.t", True, 1)
    assert listed["unit_class"] == "temperature"
    assert await history.statistic_ids(["sensor.other"]) == []


async def test_a_unit_that_says_the_same_in_other_numbers_goes_on_with_the_same_series(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    write(H - 10, "sensor.energy", "1", unit_of_measurement="kWh", state_class="total")
    await compile_at(H)  # type: ignore[misc]
    write(H + 10, "sensor.energy", "3", unit_of_measurement="kWh", state_class="total")
    await compile_at(H + 300)  # type: ignore[misc]
    write(H + 300, "sensor.energy", "3500", unit_of_measurement="Wh", state_class="total")
    await compile_at(H + 600)  # type: ignore[misc]
    rows = (await history.statistics(["sensor.energy"], HOUR_AT, HOUR_AT + 600, "5minute"))["sensor.energy"]
    assert [row["sum"] for row in rows] == [pytest.approx(2), pytest.approx(2.5)]
    (listed,) = await history.statistic_ids(["sensor.energy"])
    assert (listed["statistics_unit_of_measurement"], listed["display_unit_of_measurement"]) == ("kWh", "Wh")


async def test_numbers_are_told_in_the_unit_that_is_wanted(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    write(H - 10, "sensor.t", "20", unit_of_measurement="°C", state_class="measurement")
    write(H - 10, "sensor.energy", "1", unit_of_measurement="kWh", state_class="total")
    await compile_at(H)  # type: ignore[misc]
    write(H + 150, "sensor.t", "30", unit_of_measurement="°C", state_class="measurement")
    write(H + 150, "sensor.energy", "3", unit_of_measurement="kWh", state_class="total")
    await compile_at(H + 300)  # type: ignore[misc]
    units = {"temperature": "°F", "energy": "MJ", "power": "W"}
    found = await history.statistics(None, HOUR_AT, HOUR_AT + 300, "5minute", units=units)
    assert found["sensor.t"][0]["mean"] == pytest.approx(77)
    assert found["sensor.energy"][0]["change"] == pytest.approx(7.2)
    assert found["sensor.energy"][0]["start"] == HOUR_AT * 1000
    whole = await history.statistic("sensor.t", HOUR_AT, HOUR_AT + 300, units=units)
    assert whole == pytest.approx({"mean": 77, "min": 68, "max": 86})


async def test_a_whole_period_is_made_of_hours_and_of_five_minutes_at_its_ends(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    more = {"unit_of_measurement": "kWh", "state_class": "total"}
    write(H - 10, "sensor.t", "10", state_class="measurement")
    write(H - 10, "sensor.energy", "100", **more)
    await compile_at(H)  # type: ignore[misc]
    write(H + 100, "sensor.energy", "104", **more)
    write(H + 3600, "sensor.t", "40", state_class="measurement")
    await compile_at(H + 3600)  # type: ignore[misc]
    write(H + 3700, "sensor.energy", "105", **more)
    await compile_at(H + 4500)  # type: ignore[misc]
    assert await history.statistic("sensor.t", HOUR_AT, HOUR_AT + 4500) == pytest.approx(
        {"mean": (12 * 10 + 3 * 40) / 15, "min": 10, "max": 40}
    )
    assert await history.statistic("sensor.energy", HOUR_AT, HOUR_AT + 4500) == pytest.approx({"change": 5})
    assert await history.statistic("sensor.energy", HOUR_AT + 3600, HOUR_AT + 4500) == pytest.approx({"change": 1})
    assert await history.statistic("sensor.t", HOUR_AT + 9000, HOUR_AT + 9900) == {}
    assert await history.statistic("sensor.none", 0) is None


async def test_five_minutes_that_began_before_the_time_asked_for_are_left_out_but_days_are_whole(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    write(H - 10, "sensor.t", "10", state_class="measurement")
    await compile_at(H)  # type: ignore[misc]
    await compile_at(H + 3600)  # type: ignore[misc]
    assert len((await history.statistics(None, HOUR_AT + 1, HOUR_AT + 3600, "5minute"))["sensor.t"]) == 11
    assert await history.statistics(None, HOUR_AT + 1, HOUR_AT + 3600, "hour") == {}
    assert len((await history.statistics(None, HOUR_AT + 1, HOUR_AT + 3600, "day"))["sensor.t"]) == 1


async def test_a_clock_that_was_years_ahead_does_not_end_statistics(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    more = {"unit_of_measurement": "kWh", "state_class": "total"}
    years = 10 * 365 * 86_400
    hands.time = START + H + years
    history = await recorded()
    write(H + years + 10, "sensor.energy", "900", **more)
    await compile_at(H + years + 300)  # type: ignore[misc]
    write(H + 10, "sensor.energy", "1", **more)
    await compile_at(H + 300)  # type: ignore[misc]
    write(H + 310, "sensor.energy", "3", **more)
    await compile_at(H + 600)  # type: ignore[misc]
    rows = (await history.statistics(None, HOUR_AT, HOUR_AT + 600, "5minute"))["sensor.energy"]
    assert [row["sum"] for row in rows] == [0, 2]


async def test_numbers_without_measure_and_odd_units_do_not_end_the_statistics_of_others(
    recorded: Recorded, write: Write, hands: Hands, compile_at: Callable[..., object]
) -> None:
    hands.time = START + H - 20
    history = await recorded()
    for kind in ("measurement", "total", "measurement_angle"):
        for number, value in enumerate(("1.7e308", "-1.7e308", "nan", "1e999", "5")):
            write(H - 10, f"sensor.{kind}_{number}", value, state_class=kind, unit_of_measurement="\ud800\0")
    write(H - 10, "sensor.good", "1", state_class="measurement")
    await compile_at(H)  # type: ignore[misc]
    await compile_at(H + 3600)  # type: ignore[misc]
    found = await history.statistics(None, HOUR_AT, HOUR_AT + 3600)
    assert set(found) == {"sensor.good", "sensor.measurement_4", "sensor.total_4", "sensor.measurement_angle_4"}
