"""The other commands: their shapes, as clients read them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from nanobot.contracts.view import Access
from nanobot.contracts.webhook import Webhook
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

EMPTY = [
    *(f"config/{name}_registry/list" for name in ("area", "device", "floor", "label")),
    *(f"{name}/list" for name in ("counter", "input_boolean", "input_number", "timer", "zone", "tag", "schedule")),
    "lovelace/resources",
    "lovelace/dashboards/list",
    "config_entries/flow/progress",
    "diagnostics/list",
    "recorder/list_statistic_ids",
    "integration/setup_info",
]


@pytest.mark.parametrize("kind", EMPTY)
async def test_what_there_is_none_of_is_an_empty_list(client: Any, kind: str) -> None:
    assert await client.ask(kind) == []


async def test_every_command_says_what_it_needs_or_answers(client: Any, hub: Hub) -> None:
    for kind in hub.socket_commands.names():
        answer = await client.answer(await client.tell(kind, nonsense=True))
        assert answer["error"]["code"] == "invalid_format", kind
        assert "nonsense" in answer["error"]["message"], kind


async def test_nobody_without_the_access_gets_an_answer(socket: Any, hub: Hub) -> None:
    for access, may in ((Access.READ, {Access.READ}), (Access.USER, {Access.READ, Access.USER})):
        client = await socket.sign_in(access)
        for command in hub.socket_commands:
            answer = await client.answer(await client.tell(command.type, nonsense=True))
            assert answer["error"]["code"] == ("invalid_format" if command.access in may else "unauthorized"), (
                command.type
            )


async def test_entities_are_in_the_registry(client: Any, set_up: SetUp) -> None:
    await set_up("counter", {"cups": {"name": "Cups", "icon": "mdi:cup"}})
    (listed,) = await client.ask("config/entity_registry/list")
    assert set(listed) == {
        "area_id", "categories", "config_entry_id", "config_subentry_id", "created_at", "device_id", "disabled_by",
        "entity_category", "entity_id", "has_entity_name", "hidden_by", "icon", "id", "labels", "modified_at", "name",
        "options", "original_name", "platform", "translation_key", "unique_id",
    }  # fmt: skip
    assert (listed["entity_id"], listed["unique_id"], listed["platform"]) == ("counter.cups", "cups", "counter")
    one = await client.ask("config/entity_registry/get", entity_id="counter.cups")
    assert one == {
        **listed,
        "aliases": [],
        "capabilities": None,
        "device_class": None,
        "original_device_class": None,
        "original_icon": "mdi:cup",
    }
    assert (await client.fails("config/entity_registry/get", entity_id="counter.none"))["code"] == "not_found"
    assert await client.ask("config/entity_registry/list_for_display") == {
        "entity_categories": {"0": "config", "1": "diagnostic"},
        "entities": [{"ei": "counter.cups", "pl": "counter", "lb": [], "en": "Cups", "ic": "mdi:cup"}],
    }
    assert await client.ask("entity/source") == {"counter.cups": {"domain": "counter", "custom_component": False}}


async def test_somebody_signed_in_learns_who_they_are(socket: Any, hub: Hub) -> None:
    for access, is_admin in ((Access.ADMIN, True), (Access.USER, False)):
        client = await socket.sign_in(access)
        assert await client.ask("auth/current_user") == {
            "id": hub.credentials.owner_id,
            "name": access.value,
            "is_owner": is_admin,
            "is_admin": is_admin,
            "credentials": [],
            "mfa_modules": [],
        }


async def test_tokens_are_made_listed_and_taken_back(client: Any, socket: Any, hub: Hub) -> None:
    token = await client.ask("auth/long_lived_access_token", client_name="phone", lifespan=30)
    assert len(token) >= 20
    listed = {one["client_name"]: one for one in await client.ask("auth/refresh_tokens")}
    assert listed["phone"]["type"] == "long_lived_access_token"
    assert listed["admin"]["is_current"]
    assert not listed["phone"]["is_current"]
    phone = await socket.sign_in(token)
    assert await client.ask("auth/delete_refresh_token", refresh_token_id=listed["phone"]["id"]) == {}
    async with asyncio.timeout(1.0):
        assert await phone.ends() == 4401
    error = await client.fails("auth/delete_refresh_token", refresh_token_id=listed["phone"]["id"])
    assert error["code"] == "invalid_token_id"
    assert "phone" in (await client.fails("auth/long_lived_access_token", client_name=""))["message"]


async def test_issues_are_repairs(client: Any, entry: Entry) -> None:
    follow = await client.follow("subscribe_events", event_type="repairs_issue_registry_updated")
    entry.issue("broken")
    assert (await client.event(follow))["data"] == {"action": "create", "domain": "test", "issue_id": "test.broken"}
    (issue,) = (await client.ask("repairs/list_issues"))["issues"]
    assert (issue["domain"], issue["issue_id"], issue["ignored"]) == ("test", "test.broken", False)
    await client.ask("repairs/ignore_issue", domain="test", issue_id="test.broken", ignore=True)
    (issue,) = (await client.ask("repairs/list_issues"))["issues"]
    assert issue["ignored"]
    entry.resolve("broken")
    assert await client.ask("repairs/list_issues") == {"issues": []}
    unknown = await client.fails("repairs/ignore_issue", domain="test", issue_id="test.broken", ignore=True)
    assert unknown["code"] == "unknown_issue"


async def test_the_last_warnings_are_listed_once_each_and_without_secrets(client: Any, hub: Hub) -> None:
    hub.scrubber.add("hunter2-hunter2")
    log = logging.getLogger("nanobot.test")
    for word in ("one", "two", "hunter2-hunter2"):
        log.warning("the kettle says %s", word)
    lines = [line for line in await client.ask("system_log/list") if line["name"] == "nanobot.test"]
    assert [(line["count"], line["level"]) for line in lines] == [(3, "WARNING")]
    assert lines[0]["message"][:2] == ["the kettle says one", "the kettle says two"]
    assert "hunter2" not in str(lines)
    assert set(lines[0]) == {
        "count", "exception", "first_occurred", "level", "message", "name", "source", "timestamp",
    }  # fmt: skip


async def test_clients_write_lines_and_clear_the_list(client: Any, hub: Hub) -> None:
    async def lines() -> dict[str, Any]:
        return {line["name"]: line for line in await client.ask("system_log/list")}

    write = {"domain": "system_log", "service": "write"}
    hub.scrubber.add("hunter2-hunter2")
    await client.ask("call_service", **write, service_data={"message": "%s of hunter2-hunter2"})
    await client.ask("call_service", **write, service_data={"message": "Tea", "level": "WARNING", "logger": "my.tea"})
    await client.ask("call_service", **write, service_data={"message": "more", "level": "debug", "logger": "my.tea"})
    told = await lines()
    assert (told["my.tea"]["level"], told["my.tea"]["message"]) == ("WARNING", ["Tea"])
    (line,) = told["nanobot.system_log"]["message"]
    assert line.startswith("%s of ")
    assert "hunter2" not in line
    assert "my.tea" not in logging.root.manager.loggerDict
    for wrong in ({}, {"message": "x", "level": "loud"}, {"message": "x" * 20_000}, {"message": "x", "logger": "a\nb"}):
        assert (await client.fails("call_service", **write, service_data=wrong))["code"] == "invalid_format"
    await client.ask("call_service", domain="system_log", service="clear")
    assert await lines() == {}


async def test_levels_of_the_log_are_told_and_set(client: Any, set_up: SetUp) -> None:
    refused = await client.fails("logger/log_level", module="nanobot.http", level="DEBUG", persistence="none")
    assert refused["code"] == "not_supported"
    await set_up("logger")
    await client.ask("logger/integration_log_level", integration="http", level="DEBUG", persistence="none")
    levels = {line["domain"]: line["level"] for line in await client.ask("logger/log_info")}
    assert levels["http"] == logging.DEBUG
    await client.ask("logger/log_level", module="nanobot.http", level="FATAL", persistence="none")
    levels = {line["domain"]: line["level"] for line in await client.ask("logger/log_info")}
    assert levels["http"] == logging.CRITICAL
    unknown = {"integration": "nothing", "level": "DEBUG", "persistence": "none"}
    assert (await client.fails("logger/integration_log_level", **unknown))["code"] == "not_found"


async def test_manifests_of_what_is_loaded_are_told(client: Any) -> None:
    found = {one["domain"]: one for one in await client.ask("manifest/list")}
    assert {"http", "websocket_api"} <= set(found)
    one = await client.ask("manifest/get", integration="counter")
    assert (one["name"], one["is_built_in"]) == ("Counter", True)
    assert (await client.fails("manifest/get", integration="nothing"))["code"] == "not_found"
    assert (await client.fails("manifest/get", integration="../x"))["code"] == "invalid_format"
    assert set(await client.ask("integration/descriptions")) == {"core", "custom"}


async def test_entries_are_told_and_followed(client: Any, set_up: SetUp, house: Any) -> None:
    listed = {one["entry_id"]: one for one in await client.ask("config_entries/get")}
    assert listed["http"]["state"] == "loaded"
    assert [one["domain"] for one in await client.ask("config_entries/get", domain="http")] == ["http"]
    assert await client.ask("config_entries/get", type_filter=["helper"]) == []
    follow = await client.follow("config_entries/subscribe", domain="counter")
    assert await client.event(follow) == []
    await set_up("counter", {"cups": None})
    (added,) = await client.event(follow)
    assert (added["type"], added["entry"]["entry_id"]) == ("added", "counter")
    await house.apply("http: {port: 0}\nwebsocket_api:\n")
    while (change := (await client.event(follow))[0])["type"] != "removed":
        pass
    assert change["entry"]["entry_id"] == "counter"


async def test_how_the_hub_runs_is_told_once(client: Any, hub: Hub) -> None:
    follow = await client.follow("system_health/info")
    told = await client.event(follow)
    assert told["type"] == "initial"
    info = told["data"]["homeassistant"]["info"]
    assert info["config_dir"] == str(hub.config_dir)
    assert info["python_version"].startswith("3.")
    assert await client.event(follow) == {"type": "finish"}


async def test_webhooks_are_listed(client: Any, hub: Hub) -> None:
    remove = hub.webhooks.add(Webhook("a-secret", lambda request: None, name="door"))
    assert await client.ask("webhook/list") == [
        {
            "webhook_id": "a-secret",
            "domain": "automation",
            "name": "door",
            "local_only": True,
            "allowed_methods": ["POST", "PUT"],
        }
    ]
    remove()
    assert await client.ask("webhook/list") == []


async def test_a_page_finds_its_texts(client: Any, set_up: SetUp) -> None:
    await set_up("counter", {"cups": None})
    texts = await client.ask("frontend/get_translations", language="de", category="services", integration=["counter"])
    assert texts["resources"]["component.counter.services.increment.description"]
    everything = await client.ask("frontend/get_translations", language="xx", category="title")
    assert everything["resources"]["component.counter.title"] == "Counter"
    assert await client.ask("frontend/get_icons", category="services") == {"resources": {}}
    assert (await client.ask("frontend/get_themes"))["default_theme"] == "default"
    assert (await client.fails("lovelace/config", url_path=None, force=False))["code"] == "config_not_found"


async def test_what_a_page_keeps_survives_a_restart(socket: Any, client: Any, restart: Any) -> None:
    follow = await client.follow("frontend/subscribe_user_data", key="core")
    assert await client.event(follow) == {"value": None}
    await client.ask("frontend/set_user_data", key="core", value={"dark": True})
    assert await client.ask("frontend/get_user_data", key="core") == {"value": {"dark": True}}
    assert await client.ask("frontend/get_user_data") == {"value": {"core": {"dark": True}}}
    await socket.close()
    house = await restart()
    socket.http = house.hub.entries["http"]
    client = await socket.sign_in()
    assert await client.ask("frontend/get_user_data", key="core") == {"value": {"dark": True}}


async def test_a_page_cannot_fill_the_disk(client: Any) -> None:
    error = await client.fails("frontend/set_user_data", key="core", value="x" * 2_000_000)
    assert error["code"] == "home_assistant_error"


async def test_nothing_recorded_is_an_empty_past(client: Any) -> None:
    start = "2026-01-01T00:00:00+00:00"
    span = {"start_time": start, "entity_ids": ["sensor.kitchen"]}
    assert await client.ask("history/history_during_period", **span) == {}
    assert await client.ask("logbook/get_events", start_time=start) == []
    assert (await client.ask("recorder/info"))["recording"] is False
    assert await client.ask("recorder/statistics_during_period", start_time=start, period="hour") == {}
    wrong = await client.fails("history/history_during_period", start_time="yesterday", entity_ids=["sensor.a"])
    assert wrong == {"code": "invalid_start_time", "message": "Invalid start_time"}
    history = await client.follow("history/stream", **span)
    assert set(await client.event(history)) == {"states", "start_time", "end_time"}


async def test_entities_are_exposed_and_that_is_kept(client: Any, hub: Hub) -> None:
    hub.states.set("light.lamp", "on")
    choice = {"assistants": ["conversation"], "entity_ids": ["light.lamp"]}
    await client.ask("homeassistant/expose_entity", **choice, should_expose=True)
    assert await client.ask("homeassistant/expose_entity/list") == {
        "exposed_entities": {"light.lamp": {"conversation": True}}
    }
    await client.ask("homeassistant/expose_entity", **choice, should_expose=False)
    assert await client.ask("homeassistant/expose_entity/list") == {"exposed_entities": {}}


async def test_no_notifications_are_told_as_such(client: Any) -> None:
    follow = await client.follow("persistent_notification/subscribe")
    assert await client.event(follow) == {"type": "current", "notifications": {}}


async def test_one_can_talk(client: Any, set_up: SetUp) -> None:
    assert (await client.fails("conversation/process", text="hello"))["code"] == "not_supported"
    await set_up("assist")
    await set_up("conversation")
    answer = await client.ask("conversation/process", text="what time is it", language="en", conversation_id=None)
    assert answer["response"]["speech"]["plain"]["speech"]
    assert set(answer) >= {"response", "conversation_id"}


async def test_agents_are_listed(client: Any, set_up: SetUp) -> None:
    await set_up("assist")
    assert [agent["id"] for agent in (await client.ask("conversation/agent/list"))["agents"]] == ["assist"]
