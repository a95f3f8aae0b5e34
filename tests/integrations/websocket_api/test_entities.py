"""``subscribe_entities``: all states at first, then what changes, as short as it can be said."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.context import Context
from nanobot.hub.hub import Hub
from nanobot.hub.states import State


@pytest.fixture
async def kitchen(client: Any, hub: Hub) -> int:
    """A subscription to one entity that is ``1`` with an attribute; what comes first has been read."""
    hub.states.set("sensor.kitchen", "1", {"unit": "°C", "kind": "air"}, Context(id="first"))
    follow: int = await client.follow("subscribe_entities", entity_ids=["sensor.kitchen"])
    await client.event(follow)
    return follow


def _state(hub: Hub) -> State:
    state = hub.states.get("sensor.kitchen")
    assert state is not None
    return state


async def test_all_states_come_first(client: Any, hub: Hub) -> None:
    hub.states.set("sensor.kitchen", "1", {"unit": "°C"}, Context(id="first"))
    hub.states.set("sensor.cellar", "9", None, Context(id="second", parent_id="first", user_id="me"))
    hub.states.set("sensor.cellar", "9", {"more": 1}, Context(id="third", parent_id="first", user_id="me"))
    follow = await client.follow("subscribe_entities")
    event = await client.event(follow)
    assert set(event) == {"a"}
    assert set(event["a"]) == {state.entity_id for state in hub.states}
    kitchen, cellar = event["a"]["sensor.kitchen"], event["a"]["sensor.cellar"]
    assert kitchen == {"s": "1", "a": {"unit": "°C"}, "c": "first", "lc": _state(hub).last_changed}
    assert cellar["c"] == {"id": "third", "parent_id": "first", "user_id": "me"}
    assert cellar["lu"] > cellar["lc"]


async def test_a_new_state_is_told_with_its_time_and_cause(client: Any, hub: Hub, kitchen: int) -> None:
    hub.states.set("sensor.kitchen", "2", {"unit": "°C", "kind": "air"}, Context(id="next"))
    now = _state(hub).last_changed
    assert await client.event(kitchen) == {"c": {"sensor.kitchen": {"+": {"s": "2", "lc": now, "c": "next"}}}}


async def test_of_attributes_only_those_that_changed_are_told(client: Any, hub: Hub, kitchen: int) -> None:
    hub.states.set("sensor.kitchen", "1", {"unit": "K", "new": [1]}, Context(id="next"))
    now = _state(hub).last_updated
    change = (await client.event(kitchen))["c"]["sensor.kitchen"]
    assert change == {"+": {"a": {"unit": "K", "new": [1]}, "lu": now, "c": "next"}, "-": {"a": ["kind"]}}


async def test_of_a_cause_only_what_differs_is_told(client: Any, hub: Hub, kitchen: int) -> None:
    for state, context in (
        ("2", Context(id="a", user_id="me")),
        ("3", Context(id="b", user_id="me")),
        ("4", Context(id="c", user_id="me", parent_id="b")),
    ):
        hub.states.set("sensor.kitchen", state, None, context)
    causes = [(await client.event(kitchen))["c"]["sensor.kitchen"]["+"]["c"] for _ in range(3)]
    assert causes == [{"id": "a", "user_id": "me"}, "b", {"id": "c", "parent_id": "b"}]


async def test_removed_and_new_entities_are_told(client: Any, hub: Hub, kitchen: int) -> None:
    hub.states.remove("sensor.kitchen")
    assert await client.event(kitchen) == {"r": ["sensor.kitchen"]}
    hub.states.set("sensor.kitchen", "1")
    assert set(await client.event(kitchen)) == {"a"}
    hub.states.set("sensor.cellar", "1")
    await client.is_quiet()


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, {"light.a", "light.b", "sensor.a"}),
        ({"include": {"domains": ["light"]}}, {"light.a", "light.b"}),
        ({"include": {"entities": ["light.a"]}}, {"light.a"}),
        ({"include": {"entity_globs": ["*.a"]}}, {"light.a", "sensor.a"}),
        ({"exclude": {"domains": ["light"]}}, {"sensor.a"}),
        ({"exclude": {"domains": ["light"]}, "include": {"entities": ["light.b"]}}, {"sensor.a", "light.b"}),
        ({"include": {"domains": ["light"]}, "exclude": {"entities": ["light.b"]}}, {"light.a"}),
        ({"include": {"domains": ["light"]}, "exclude": {"entity_globs": ["*.a"]}}, {"light.b"}),
        ({"entity_ids": ["light.a", "light.none"]}, {"light.a"}),
    ],
)
async def test_a_client_may_choose(client: Any, hub: Hub, chosen: dict[str, Any], told: set[str]) -> None:
    for entity_id in ("light.a", "light.b", "sensor.a"):
        hub.states.set(entity_id, "1")
    follow = await client.follow("subscribe_entities", **chosen)
    first = await client.event(follow)
    assert {key for key in first["a"] if not key.startswith("integration.")} == told
    for entity_id in ("light.a", "light.b", "sensor.a"):
        hub.states.set(entity_id, "2")
    assert {key for _ in told for key in (await client.event(follow))["c"]} == told
    await client.is_quiet()


async def test_the_end_of_it_leaves_nothing_behind(client: Any, hub: Hub) -> None:
    before = hub.bus.counts(), hub.states.tracked()
    for more in ({}, {"entity_ids": ["sensor.kitchen"]}):
        follow = await client.follow("subscribe_entities", **more)
        await client.event(follow)
        await client.ask("unsubscribe_events", subscription=follow)
    assert (hub.bus.counts(), hub.states.tracked()) == before


async def test_a_cause_is_told_before_what_comes_of_it(client: Any, hub: Hub) -> None:
    hub.states.set("sensor.cause", "0")
    hub.states.set("sensor.effect", "0")
    remove = hub.states.track("sensor.cause", lambda event: hub.states.set("sensor.effect", "1"))
    events = await client.follow("subscribe_events", event_type="state_changed")
    entities = await client.follow("subscribe_entities")
    await client.event(entities)
    both = await client.follow("subscribe_entities", entity_ids=["sensor.effect", "sensor.cause"])
    await client.event(both)
    hub.states.set("sensor.cause", "1")
    told = [await client.receive() for _ in range(6)]
    changed = [one["event"]["data"]["entity_id"] for one in told if one["id"] == events]
    assert changed == ["sensor.cause", "sensor.effect"]
    for follow in (entities, both):
        assert [next(iter(one["event"]["c"])) for one in told if one["id"] == follow] == changed
    remove()
