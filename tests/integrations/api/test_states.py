"""States over REST: read, written, removed, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.entity import Entity
from nanobot.hub.entry import Entry


async def test_a_state_is_made_changed_read_and_removed(api: Any) -> None:
    made = await api.post("/api/states/sensor.a", {"state": 5, "attributes": {"x": [1]}, "entity_id": "other.b"})
    assert (made.status, made.headers["Location"]) == (201, "/api/states/sensor.a")
    assert made.data["state"] == "5"
    assert made.data["attributes"] == {"x": [1]}
    assert made.data["context"]["user_id"] == api.hub.credentials.owner_id
    changed = await api.post("/api/states/Sensor.A", {"state": "6"})
    assert changed.status == 200
    assert changed.data["attributes"] == {}
    assert (await api.get("/api/states/sensor.a")).data == changed.data
    assert changed.data in (await api.get("/api/states")).data
    assert (await api.delete("/api/states/sensor.a")).data == {"message": "Entity removed."}
    gone = await api.get("/api/states/sensor.a")
    assert (gone.status, gone.data) == (404, {"message": "Entity not found."})
    assert (await api.delete("/api/states/sensor.a")).status == 404


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("sensor.a", "{broken", "Invalid JSON specified."),
        ("sensor.a", b"\xff", "Invalid JSON specified."),
        ("sensor.a", "[1]", "Invalid JSON specified: it has to be an object."),
        ("sensor.a", None, "Invalid JSON specified."),
        ("sensor.a", {"attributes": {}}, "No state specified."),
        ("sensor.a", {"state": None}, "No state specified."),
        ("not%20an%20id", {"state": "1"}, "Invalid entity ID specified."),
        ("sensor", {"state": "1"}, "Invalid entity ID specified."),
        ("sensor.a", {"state": "1", "attributes": [1]}, "Invalid attributes specified: they have to be an object."),
        ("sensor.a", {"state": "x" * 256},
         "Invalid state specified: sensor.a: a state has at most 255 characters, not 256."),
    ],
)  # fmt: skip
async def test_what_cannot_be_a_state_is_refused(api: Any, path: str, body: Any, message: str) -> None:
    answer = await api.post(f"/api/states/{path}", body)
    assert (answer.status, answer.data) == (400, {"message": message})
    assert api.hub.states.get("sensor.a") is None


async def test_the_same_again_is_a_change_only_when_forced(api: Any) -> None:
    first = (await api.post("/api/states/sensor.a", {"state": "1"})).data
    same = (await api.post("/api/states/sensor.a", {"state": "1"})).data
    assert same["last_changed"] == first["last_changed"]
    assert same["last_reported"] > first["last_reported"]
    forced = (await api.post("/api/states/sensor.a", {"state": "1", "force_update": True})).data
    assert forced["last_changed"] > first["last_changed"]


async def test_an_integration_writes_over_what_was_set(api: Any, entry: Entry) -> None:
    class Thermometer(Entity):
        entity_id = "sensor.a"
        state = "21"

    await api.post("/api/states/sensor.a", {"state": "99"})
    thermometer = Thermometer()
    entry.add(thermometer)
    assert (await api.get("/api/states/sensor.a")).data["state"] == "21"


async def test_who_may_only_look_may_not_write(api: Any) -> None:
    assert (await api.get("/api/states", access="read")).status == 200
    for access in ("read", "user"):
        assert (await api.post("/api/states/sensor.a", {"state": "1"}, access=access)).status == 403
        assert (await api.delete("/api/states/input_boolean.lamp", access=access)).status == 403


async def test_thousands_of_states_are_read_at_once_by_many(api: Any) -> None:
    for number in range(2000):
        api.hub.states.set(f"sensor.n{number}", str(number), {"friendly_name": f"Nümber {number}"})
    answers = await asyncio.gather(*(api.get("/api/states") for _ in range(10)))
    assert {len(answer.data) for answer in answers} == {len(api.hub.states)}
    await api.post("/api/states/sensor.n5", {"state": "new"})
    assert next(s for s in (await api.get("/api/states")).data if s["entity_id"] == "sensor.n5")["state"] == "new"


async def test_many_states_are_packed_for_whoever_takes_that(api: Any) -> None:
    for number in range(200):
        api.hub.states.set(f"sensor.tank_{number}", str(number), {"unit_of_measurement": "l", "name": "x" * 50})
    plain = await api.get("/api/states", headers={"Accept-Encoding": "identity"})
    packed = await api.get("/api/states", headers={"Accept-Encoding": "deflate, gzip;q=0.8"})
    refused = await api.get("/api/states", headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) * 4 < int(plain.headers["Content-Length"])
    assert packed.data == plain.data == refused.data
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in refused.headers
    assert "Content-Encoding" not in (await api.get("/api/states/sensor.tank_1")).headers
