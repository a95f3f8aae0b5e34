"""What the hub tells of itself, and the exact words that clients compare."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from nanobot.contracts.history import History, PastState
from nanobot.contracts.view import Access
from nanobot.errors import StorageError
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House

from .conftest import Api


async def test_it_says_that_it_runs(api: Any) -> None:
    answer = await api.get("/api/")
    assert (answer.status, answer.data) == (200, {"message": "API running."})
    assert (await api.get("/api")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "access", "status", "text"),
    [
        ("GET", "/api/", None, 401, "401: Unauthorized"),
        ("GET", "/api/nosuch", None, 404, "404: Not Found"),
        ("GET", "/api/nosuch", "admin", 404, "404: Not Found"),
        ("PUT", "/api/states", "admin", 405, "405: Method Not Allowed"),
        ("POST", "/api/states/sensor.a", "user", 403,
         "403: Forbidden: this takes the access 'admin', and user has less"),
        ("GET", "/api/states/../../etc/passwd", "admin", 400,
         "400: Bad Request: this address looks like an attempt to break in"),
        ("GET", "/api/states/a%00b", "admin", 400, "400: Bad Request: this address looks like an attempt to break in"),
    ],
)  # fmt: skip
async def test_refusals_are_plain_text(
    api: Any, method: str, path: str, access: str | None, status: int, text: str
) -> None:
    answer = await api.ask(method, path, access=access)
    assert (answer.status, answer.data) == (status, text)
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_a_wrong_token_is_401(api: Any) -> None:
    answer = await api.get("/api/", access=None, headers={"Authorization": "Bearer nonsense"})
    assert (answer.status, answer.data) == (401, "401: Unauthorized")


async def test_every_route_takes_a_token_save_for_webhooks(api: Any) -> None:
    ours = [view for view in api.hub.views if view.path.startswith("/api/") and not view.websocket]
    assert len(ours) > 20
    public = {view.path for view in ours if view.access is Access.PUBLIC}
    assert public == {"/api/webhook/{webhook_id}"}


async def test_the_configuration_is_told(api: Any) -> None:
    told = (await api.get("/api/config", access="read")).data
    assert told["state"] == "RUNNING"
    assert told["version"] == "2025.4.4"
    assert {"api", "http", "input_boolean", "websocket_api", "homeassistant"} <= set(told["components"])
    assert (await api.get("/api/components")).data == told["components"]
    assert (await api.get("/api/core/state")).data["state"] == "RUNNING"


async def test_yaml_that_cannot_be_read_at_the_start_keeps_the_api_up(house: House, client: Any) -> None:
    house.hub.port_override = 0
    await house.start("automation: [\n")
    told = (await Api(house.hub, client).get("/api/config")).data
    assert told["recovery_mode"] is True
    assert told["state"] == "RUNNING"


async def test_a_port_on_the_command_line_brings_the_api(house: House, client: Any) -> None:
    house.hub.port_override = 0
    await house.start("nosuch:\nlogger:\n")
    assert {"api", "http", "websocket_api", "webhook", "conversation"} <= set(house.hub.entries)
    api = Api(house.hub, client)
    assert (await api.get("/api/")).status == 200
    await house.apply("logger:\n  default: info\n")
    assert (await api.get("/api/states")).status == 200  # still there


async def test_without_a_port_and_the_key_there_is_no_api(house: House) -> None:
    await house.start("http:\n  port: 0\n")
    assert not [view for view in house.hub.views if view.path.startswith("/api/")]


async def test_a_check_tells_errors_and_warnings(api: Any, house: House) -> None:
    assert (await api.post("/api/config/core/check_config")).data == {
        "result": "valid",
        "errors": None,
        "warnings": None,
        "problems": [],
    }
    house.write("automation: [\n")
    told = (await api.post("/api/config/core/check_config")).data
    assert told["result"] == "invalid"
    assert "configuration.yaml, line " in told["errors"]
    assert (await api.post("/api/config/core/check_config", access="user")).status == 403


async def test_the_log_is_text(api: Any, house: House) -> None:
    assert (await api.get("/api/error_log")).status == 404
    (house.config_dir / "nanobot.log").write_text("2026 ERROR äh\n", encoding="utf-8")
    answer = await api.get("/api/error_log")
    assert (answer.status, answer.data) == (200, "2026 ERROR äh\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_entries_look_like_config_entries(api: Any) -> None:
    told = (await api.get("/api/config/config_entries/entry?domain=input_boolean")).data
    assert [(one["entry_id"], one["state"], one["reason"]) for one in told] == [("input_boolean", "loaded", None)]
    assert (await api.get("/api/config/config_entries/flow_handlers?type=helper")).data == []
    before = api.hub.entries["input_boolean"]
    assert (await api.post("/api/config/config_entries/entry/input_boolean/reload")).data == {"require_restart": False}
    assert api.hub.entries["input_boolean"] is not before
    assert (await api.post("/api/config/config_entries/entry/nosuch/reload")).status == 404


# -- the past ---------------------------------------------------------------------------------------


class Recorded(History):
    """Remembers what it was asked, and answers with two rows."""

    name = "recorded"
    asked: Any = None
    broken = False

    async def states(self, entity_ids: Any, start: float, end: float | None = None, **more: Any) -> Any:
        if self.broken:
            raise StorageError("the records cannot be read")
        self.asked = (list(entity_ids), start, end, more)
        return {"sensor.a": [PastState("sensor.a", "5", {}, start, start), PastState("sensor.a", "6", {}, 1, 1, True)]}

    async def logbook(
        self, start: float, end: Any = None, entities: Any = None, context: Any = None, **more: Any
    ) -> Any:
        self.asked = (start, end, entities, context)
        return [{"when": 1_700_000_000.5, "name": "Lamp", "state": "on", "entity_id": "input_boolean.lamp"}]


Recorded.__abstractmethods__ = frozenset()


@pytest.fixture
def recorded(entry: Entry) -> Recorded:
    history = Recorded()  # type: ignore[abstract]  # nothing else is asked
    entry.add(history)
    return history


async def test_history_is_empty_while_nobody_records(api: Any) -> None:
    assert (await api.get("/api/history/period?filter_entity_id=sensor.a")).data == []
    assert (await api.get("/api/logbook")).data == []


async def test_history_gives_a_list_for_each_entity(api: Any, recorded: Recorded) -> None:
    answer = await api.get(
        "/api/history/period/2024-02-29T12:00:00%2B00:00?filter_entity_id=sensor.a,sensor.b"
        "&end_time=2024-02-29T13:00:00+00:00&minimal_response&no_attributes=true&significant_changes_only=0"
    )
    assert recorded.asked == (
        ["sensor.a", "sensor.b"],
        1709208000.0,
        1709211600.0,
        {"minimal": True, "no_attributes": True, "significant_only": False, "include_start": True},
    )
    at = "2024-02-29T12:00:00.000000+00:00"
    assert answer.data == [
        [
            {"entity_id": "sensor.a", "state": "5", "attributes": {}, "last_changed": at, "last_updated": at},
            {"state": "6", "last_changed": "1970-01-01T00:00:01.000000+00:00"},
        ]
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-02-29T12:00:00z", 1709208000.0),
        ("2024-02-29T12:00:00 00:00", 1709208000.0),
        ("2024-02-28T24:00:00Z", 1709164800.0),
        ("2024-02-28T24:00:00.000+01:00", 1709161200.0),
    ],
)
async def test_times_are_taken_as_clients_write_them(api: Any, recorded: Recorded, text: str, seconds: float) -> None:
    for address in (quote(text), text.replace(" ", "%20")):
        answer = await api.get(f"/api/history/period/{address}?filter_entity_id=sensor.a&end_time=")
        assert (answer.status, recorded.asked[1:3]) == (200, (seconds, seconds + 86400.0)), address


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/history/period", "filter_entity_id is missing"),
        ("/api/history/period?filter_entity_id=no%20id", "Invalid filter_entity_id"),
        ("/api/history/period/yesterday?filter_entity_id=sensor.a", "Invalid datetime"),
        ("/api/history/period?filter_entity_id=sensor.a&end_time=x", "Invalid end_time"),
        ("/api/logbook/yesterday", "Invalid datetime"),
        ("/api/logbook?entity=no%20id", "Invalid entity_id(s) encountered."),
        ("/api/logbook?entity=sensor.a&context_id=x", "Can't combine entity with context_id"),
        ("/api/logbook?period=x", "Invalid period"),
        ("/api/logbook/9999-12-31T23:59:59", "Invalid datetime"),
        ("/api/logbook/9999-12-31T23:59:59-14:00", "Invalid datetime"),
        ("/api/logbook/0001-01-01T00:00:00+14:00", "Invalid datetime"),
        ("/api/logbook/9999-12-31T24:00:00", "Invalid datetime"),
    ],
)
async def test_wrong_questions_about_the_past_are_told(api: Any, recorded: Recorded, path: str, message: str) -> None:
    answer = await api.get(path)
    assert (answer.status, answer.data) == (400, {"message": message})


async def test_the_logbook_tells_times_as_text(api: Any, recorded: Recorded) -> None:
    answer = await api.get("/api/logbook/2024-02-29T12:00:00Z?entity=input_boolean.lamp&period=2")
    assert answer.data[0]["when"] == "2023-11-14T22:13:20.500000+00:00"
    start, end, entities, context = recorded.asked
    assert (end - start, entities, context) == (2 * 86400, ["input_boolean.lamp"], None)


async def test_records_that_cannot_be_read_are_503(api: Any, recorded: Recorded) -> None:
    recorded.broken = True
    answer = await api.get("/api/history/period?filter_entity_id=sensor.a")
    assert (answer.status, answer.data) == (503, {"message": "the records cannot be read"})
