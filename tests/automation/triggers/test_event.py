"""``trigger: event``."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.context import Context
from tests.automation.triggers.bench import Bench


async def test_it_tells_the_event_and_what_caused_it(bench: Bench) -> None:
    await bench.attach({"platform": "event", "event_type": "doorbell", "id": "bell", "alias": "The bell"})
    context = Context(user_id="anna")
    bench.hub.bus.fire("doorbell", {"times": 2}, context)
    [event] = await bench.said("event")
    trigger = bench.fired[0]
    assert event.data == {"times": 2}
    assert {key: trigger[key] for key in ("platform", "id", "idx", "alias", "description")} == {
        "platform": "event",
        "id": "bell",
        "idx": "0",
        "alias": "The bell",
        "description": "event 'doorbell'",
    }
    assert bench.contexts == [context]


async def test_types_and_data_may_be_limited_templates(bench: Bench) -> None:
    await bench.attach(
        {
            "trigger": "event",
            "event_type": ["{{ what }}_rang", "other"],
            "event_data": {"{{ 'ro' ~ 'om' }}": "{{ room }}", "level": "{{ 1 + 1 }}"},
        },
        variables={"what": "bell", "room": "attic"},
    )
    bench.hub.bus.fire("bell_rang", {"room": "attic", "level": 2})
    bench.hub.bus.fire("bell_rang", {"room": "attic", "level": "2"})
    bench.hub.bus.fire("bell_rang", {"room": "cellar", "level": 2})
    assert len(await bench.said()) == 1


@pytest.mark.parametrize(
    ("wanted", "given", "fires"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": None}, {"a": None}, True),
        ({"a": None}, {}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, True),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
        ({"a": {"b": 1}}, {"a": {}}, True),  # as Home Assistant 2025.4: within a mapping a key may be missing
        ({"a": {"b": 1}}, {"a": 1}, False),
        ({"a": {"b": {"c": [1, 2]}}}, {"a": {"b": {"c": [2]}}}, True),  # and a list says what its items may be
        ({"a": {}, "b": 1}, {"a": {}}, False),
    ],
)
async def test_data(bench: Bench, wanted: dict[str, Any], given: dict[str, Any], fires: bool) -> None:
    await bench.attach({"trigger": "event", "event_type": "go", "event_data": wanted})
    bench.hub.bus.fire("go", given)
    assert len(await bench.said()) == fires


@pytest.mark.parametrize(
    ("wanted", "fires"),
    [
        ({"user_id": "anna"}, True),
        ({"user_id": ["ben", "{{ who }}"]}, True),
        ({"user_id": "{{ ['anna', 'ben'] }}"}, True),
        ({"user_id": ["ben"]}, False),
        ({"user_id": "anna", "parent_id": None}, True),
        ({"parent_id": "p"}, False),
    ],
)
async def test_the_context_has_to_fit(bench: Bench, wanted: dict[str, Any], fires: bool) -> None:
    await bench.attach({"trigger": "event", "event_type": "go", "context": wanted}, variables={"who": "anna"})
    bench.hub.bus.fire("go", {}, Context(user_id="anna"))
    assert len(await bench.said()) == fires


async def test_a_template_that_gives_no_event_type_fails_alone(bench: Bench) -> None:
    await bench.attach(
        {"trigger": "event", "event_type": "{{ '' }}"},
        {"trigger": "event", "event_type": "{{ 'state_reported' }}"},
        {"trigger": "event", "event_type": "go"},
    )
    bench.hub.bus.fire("go")
    assert await bench.said("idx") == ["2"]
    assert "has 1 to 64 characters" in bench.failed[0]
    assert "far too often" in bench.failed[1]
