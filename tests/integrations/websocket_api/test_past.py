"""The past over the socket: what was recorded, and what is followed from then on until its end."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp
from nanobot.util.dt import iso

LAMP = "light.lamp"


@pytest.fixture
async def hub(hub: Hub, set_up: SetUp) -> Hub:
    """A hub that records, and has a lamp."""
    await set_up("recorder", {"commit_interval": 0.01})
    hub.states.set(LAMP, "off", {"level": 1})
    return hub


def at(hub: Hub, seconds: float) -> str:
    return iso(hub.clock.time() + seconds)


@pytest.mark.parametrize("kind", ["history/stream", "logbook/event_stream"])
@pytest.mark.parametrize(
    ("start", "end", "code"),
    [(3600, None, "invalid_start_time"), (-60, -120, "invalid_end_time"), (-60, -60, "invalid_end_time")],
)
async def test_what_has_not_begun_or_ends_before_it_begins_is_not_followed(
    client: Any, hub: Hub, kind: str, start: int, end: int | None, code: str
) -> None:
    now = hub.clock.time()
    span = {"start_time": iso(now + start), **({} if end is None else {"end_time": iso(now + end)})}
    assert (await client.fails(kind, **span, entity_ids=[LAMP]))["code"] == code


@pytest.mark.parametrize(("kind", "rows"), [("history/stream", "states"), ("logbook/event_stream", "events")])
async def test_what_is_followed_falls_silent_at_its_end(client: Any, hub: Hub, kind: str, rows: str) -> None:
    begun = len(hub.alarms)
    end = hub.clock.time() + 0.3
    follow = await client.follow(kind, start_time=at(hub, -60), end_time=iso(end), entity_ids=[LAMP])
    assert set(await client.event(follow)) == {rows, "start_time", "end_time"}
    hub.states.set(LAMP, "on", {"level": 1})
    assert set(await client.event(follow)) == {rows}
    later = await client.follow("render_template", template="{{ is_state('sensor.over', 'on') }}")
    await client.event(later)
    over = hub.alarms.set(
        lambda after: end + 0.01 if after < end else None, lambda when: hub.states.set("sensor.over", "on")
    )
    assert (await client.event(later))["result"] is True
    hub.states.set(LAMP, "off", {"level": 1})
    await client.is_quiet()
    await client.ask("unsubscribe_events", subscription=follow)
    over()
    assert len(hub.alarms) == begun


async def test_states_without_attributes_have_none(client: Any, hub: Hub) -> None:
    wanted = {"start_time": at(hub, -60), "entity_ids": [LAMP], "no_attributes": True}
    rows = (await client.ask("history/history_during_period", **wanted))[LAMP]
    assert [set(row) for row in rows] == [{"s", "lu"}]
    follow = await client.follow("history/stream", **wanted)
    await client.event(follow)
    hub.states.set(LAMP, "on", {"level": 1})
    (row,) = (await client.event(follow))["states"][LAMP]
    assert set(row) == {"s", "lu"}


async def test_no_entities_are_all_entities_and_devices_are_none(client: Any, hub: Hub) -> None:
    hub.states.set(LAMP, "on", {"level": 1})
    start = at(hub, -60)
    everything = await client.ask("logbook/get_events", start_time=start)
    assert LAMP in [row.get("entity_id") for row in everything]
    assert await client.ask("logbook/get_events", start_time=start, entity_ids=[]) == everything
    assert await client.ask("logbook/get_events", start_time=start, device_ids=["x"]) == []
    follow = await client.follow("logbook/event_stream", start_time=start, device_ids=["x"])
    assert (await client.event(follow))["events"] == []
    hub.states.set(LAMP, "off", {"level": 1})
    await client.is_quiet()
