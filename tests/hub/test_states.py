"""The states: what counts as a change, and who is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.hub.bus import Bus, Event
from nanobot.hub.context import Context
from nanobot.hub.states import States
from nanobot.util.dt import Clock


class Setting:
    """States on a bus, with a clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.bus = Bus()
        self.states = States(self.bus, Clock(lambda: self.time))
        self.changes: list[Event] = []
        self.reports: list[Event] = []
        self.bus.listen("state_changed", self.changes.append)
        self.bus.listen("state_reported", self.reports.append)


@pytest.fixture
def at() -> Setting:
    return Setting()


async def test_a_new_state_is_a_change_from_nothing(at: Setting) -> None:
    at.states.set("light.lamp", "on", {"brightness": 3})
    (event,) = at.changes
    assert event.data["old_state"] is None
    assert event.data["new_state"].state == "on"
    assert event.data["new_state"].attributes == {"brightness": 3}


async def test_writing_the_same_is_a_report_and_no_change(at: Setting) -> None:
    at.states.set("light.lamp", "on", {"brightness": 3})
    at.time = 1001.0
    at.states.set("light.lamp", "on", {"brightness": 3})
    state = at.states.get("light.lamp")
    assert state is not None
    assert len(at.changes) == 1
    assert len(at.reports) == 1
    assert (state.last_changed, state.last_updated, state.last_reported) == (1000.0, 1000.0, 1001.0)


async def test_a_number_is_written_as_text(at: Setting) -> None:
    at.states.set("sensor.boxes", 3)  # type: ignore[arg-type]  # as authors of integrations do
    at.states.set("sensor.boxes", 3)  # type: ignore[arg-type]
    assert [event.data["new_state"].state for event in at.changes] == ["3"]


async def test_other_attributes_are_an_update_that_keeps_last_changed(at: Setting) -> None:
    at.states.set("light.lamp", "on", {"brightness": 3})
    at.time = 1001.0
    at.states.set("light.lamp", "on", {"brightness": 4})
    state = at.states.get("light.lamp")
    assert state is not None
    assert (state.last_changed, state.last_updated) == (1000.0, 1001.0)
    assert len(at.changes) == 2


async def test_forcing_makes_the_same_value_a_change(at: Setting) -> None:
    at.states.set("light.lamp", "on")
    at.time = 1001.0
    at.states.set("light.lamp", "on", force=True)
    state = at.states.get("light.lamp")
    assert state is not None
    assert state.last_changed == 1001.0
    assert len(at.changes) == 2


async def test_attributes_are_a_copy_that_nobody_can_change(at: Setting) -> None:
    given = {"brightness": 3}
    at.states.set("light.lamp", "on", given)
    given["brightness"] = 9
    state = at.states.get("light.lamp")
    assert state is not None
    assert state.attributes["brightness"] == 3
    with pytest.raises(TypeError):
        state.attributes["brightness"] = 1  # type: ignore[index]


async def test_a_removed_state_is_a_change_to_nothing(at: Setting) -> None:
    at.states.set("light.lamp", "on")
    assert at.states.remove("light.lamp")
    assert at.changes[-1].data["new_state"] is None
    assert not at.states.remove("light.lamp")
    assert at.states.all("light") == []


async def test_tracking_tells_of_the_named_entities_only(at: Setting) -> None:
    seen: list[Any] = []
    remove = at.states.track(["light.lamp", "light.lamp", "light.strip"], lambda e: seen.append(e.data["entity_id"]))
    for entity_id in ("light.lamp", "light.other", "light.strip"):
        at.states.set(entity_id, "on")
    remove()
    at.states.set("light.lamp", "off")
    assert seen == ["light.lamp", "light.strip"]
    assert at.states.tracked() == 0


async def test_a_failing_tracker_harms_nobody(at: Setting, caplog: pytest.LogCaptureFixture) -> None:
    def fails(event: Event) -> None:
        raise RuntimeError("oh")

    at.states.track("light.lamp", fails)
    at.states.set("light.lamp", "on")
    assert len(at.changes) == 1
    assert "a listener of state_changed failed" in caplog.text


async def test_the_context_of_a_write_is_in_the_state_and_in_the_event(at: Setting) -> None:
    context = Context(actor="user")
    at.states.set("light.lamp", "on", context=context)
    state = at.states.get("light.lamp")
    assert state is not None
    assert state.context is context
    assert at.changes[0].context is context


async def test_a_state_written_without_context_shares_one_with_its_event(at: Setting) -> None:
    at.states.set("light.lamp", "on")
    state = at.states.get("light.lamp")
    assert state is not None
    assert at.changes[0].context is state.context


@pytest.mark.parametrize(
    "entity_id", ["lamp", "light.", ".lamp", "Light.lamp", "light.läm", "a.b.c", "light. x", "_a.b"]
)
async def test_an_impossible_id_is_refused_in_words(at: Setting, entity_id: str) -> None:
    with pytest.raises(ValueError, match="is no entity id; write it like 'sensor.kitchen'"):
        at.states.set(entity_id, "on")
    assert len(at.states) == 0
    assert at.states.all(entity_id.partition(".")[0]) == []


async def test_a_state_is_at_most_255_characters(at: Setting) -> None:
    at.states.set("sensor.text", "x" * 255)
    with pytest.raises(ValueError, match="at most 255 characters, not 256"):
        at.states.set("sensor.text", "x" * 256)
    with pytest.raises(ValueError, match="at most 255"):
        at.states.set("sensor.new", "x" * 256)
    assert "sensor.new" not in at.states
    assert at.states.all("sensor")[0].state == "x" * 255


async def test_clients_get_times_with_microseconds_and_offset(at: Setting) -> None:
    at.states.set("light.lamp", "on")
    state = at.states.get("light.lamp")
    assert state is not None
    assert state.as_dict()["last_changed"] == "1970-01-01T00:16:40.000000+00:00"
    assert set(state.as_dict()["context"]) == {"id", "parent_id", "user_id"}
