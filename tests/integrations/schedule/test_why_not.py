"""``why_not`` of a schedule: paused, missed, held back by a condition, or waiting for its time."""

from __future__ import annotations

import pytest

from nanobot.automation.asked import told_why_not
from nanobot.hub.hub import Phase
from tests.integrations.schedule.conftest import OUT, Bench

pytestmark = pytest.mark.looptime

CLOSED = {"at": "07:30", "alias": "Tea", "actions": OUT, "conditions": "{{ is_state('input_boolean.a', 'on') }}"}


async def why_not(bench: Bench) -> list[str]:
    return (await told_why_not(bench.hub, "schedule.x", "en")).splitlines()


async def test_it_waits_for_its_time(bench: Bench) -> None:
    await bench.start({"x": CLOSED})
    assert await why_not(bench) == [
        "It is on and waits for 07:30:00: the schedule “Tea”.",
        "None of its times has come, as far as is known.",
    ]


async def test_a_condition_did_not_hold(bench: Bench) -> None:
    await bench.start({"x": CLOSED})
    await bench.until("2026-06-01T08:00")
    first, second, *_ = await why_not(bench)
    assert first == "It is on and waits for 2026-06-02 07:30: the schedule “Tea”."
    assert second.startswith("Its time last came at 07:30:00: it did not run, because a condition did not hold:")


async def test_it_is_paused(bench: Bench) -> None:
    await bench.start({"x": CLOSED})
    await bench.hub.services.call("schedule", "pause", target={"entity_id": "schedule.x"})
    first, *_ = await why_not(bench)
    assert first.startswith("It is paused since 07:00:00, the schedule “Tea”: its times do not count")


async def test_it_was_down_and_leaves_out_what_was_missed(bench: Bench) -> None:
    await bench.start({"x": {**CLOSED, "missed": "skip"}})
    await bench.restart("2026-06-04T12:00")
    assert "Planned runs that were missed: 4; they are left out (missed: skip)." in await why_not(bench)


async def test_it_was_down_and_the_condition_did_not_hold_when_it_was_to_make_up_for_it(bench: Bench) -> None:
    await bench.start({"x": CLOSED})
    await bench.restart("2026-06-04T12:00")
    told = await why_not(bench)
    assert "Planned runs that were missed: 4; one run made up for all of them." in told
    assert told[1].startswith("At 12:00:00 it was to make up for what was missed: it did not run, because a condition")


async def test_no_time_comes_any_more_or_it_has_not_begun(bench: Bench) -> None:
    await bench.start({"x": {"at": "2026-06-01 07:30", "alias": "Tea", "actions": OUT}})
    await bench.until("2026-06-01T08:00")
    assert await why_not(bench) == [
        "It is on, but no time of it comes any more: the schedule “Tea”.",
        "Its time last came at 07:30:00: it ran to its end.",
    ]
    assert bench.hub.phase is Phase.RUNNING
