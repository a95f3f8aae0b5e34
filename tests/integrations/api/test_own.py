"""What only nanobot has: entries, plan, apply, issues, traces, messages and sessions over REST."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Fix
from nanobot.lifecycle.report import core_commands
from nanobot.testing.plugin import House

from .conftest import Api

CONFIG = """
http:
  port: 0
api:
assist:
recorder:
  commit_interval: 0.05
input_boolean:
  lamp:
automation:
  - id: tea
    alias: Tea
    triggers: [{trigger: event, event_type: five}]
    actions: []
"""


@pytest.fixture
async def own(house: House, client: ClientSession) -> Api:
    await house.start(CONFIG)
    assert not house.edits.problems, house.edits.problems
    for command in core_commands(house.hub, house.edits, lambda: None):
        house.core.add(command)
    return Api(house.hub, client)


async def states_of(own: Api) -> dict[str, str]:
    return {one["id"]: one["state"] for one in (await own.get("/api/nanobot/entries", access="read")).data}


async def test_an_entry_is_listed_stopped_started_and_reloaded(own: Api) -> None:
    assert (await states_of(own))["automation"] == "loaded"
    path = "/api/nanobot/entries/automation"
    assert (await own.post(f"{path}/stop")).status == 200
    assert (await states_of(own))["automation"] == "stopped"
    assert (await own.get("/api/states/automation.tea")).status == 404
    assert (await own.post(f"{path}/start")).data["changed"] == ["automation"]
    assert (await own.get("/api/states/automation.tea")).status == 200
    assert (await own.post(f"{path}/reload")).data["changed"] == ["automation"]
    assert (await states_of(own))["automation"] == "loaded"


@pytest.mark.parametrize("act", ["reload", "stop", "start"])
async def test_an_entry_that_nobody_configured_is_not_found(own: Api, act: str) -> None:
    assert (await own.post(f"/api/nanobot/entries/nosuch/{act}")).status == 404
    assert (await own.post(f"/api/nanobot/entries/api/{act}", access="user")).status == 403


async def test_the_core_is_not_stopped(own: Api) -> None:
    answer = await own.post("/api/nanobot/entries/nanobot/stop")
    assert (answer.status, "nanobot.stop" in answer.data["message"]) == (400, True)


async def test_a_plan_says_what_apply_then_does(own: Api, house: House) -> None:
    file = house.config_dir / "configuration.yaml"
    file.write_text(f"{file.read_text()}counter:\n  cups:\n")
    plan = (await own.get("/api/nanobot/plan")).data
    assert (plan["readable"], plan["added"], plan["removed"]) == (True, ["counter"], [])
    applied = (await own.post("/api/nanobot/apply")).data
    assert (applied["applied"], applied["added"]) == (True, ["counter"])
    file.write_text("counter: [")
    plan = (await own.get("/api/nanobot/plan")).data
    assert (plan["readable"], plan["problems"][0]["file"]) == (False, "configuration.yaml")
    assert (await own.post("/api/nanobot/apply")).data["applied"] is False


async def test_an_issue_is_told_and_repaired(own: Api, entry: Entry) -> None:
    async def mend() -> None:
        entry.hub.issues.resolve("my.leak")

    async def fail() -> None:
        raise NanobotError("the tap is stuck")

    create = entry.hub.issues.create
    for issue_id, fix in (("my.leak", Fix("Close it", mend)), ("my.tap", Fix("Try", fail)), ("my.rust", None)):
        create(issue_id, "issues.unload", entry="my", fix=fix, name="my", left="water")
    told = {one["id"]: one for one in (await own.get("/api/nanobot/issues?language=de", access="read")).data}
    assert (told["my.leak"]["fix"], told["my.rust"]["fix"]) == ("Close it", None)
    assert told["my.leak"]["text"] != entry.hub.issues.get("my.leak").text("en")  # type: ignore[union-attr]
    assert (await own.post("/api/nanobot/issues/my.leak/fix")).data == {"result": "ok"}
    assert "my.leak" not in entry.hub.issues
    answer = await own.post("/api/nanobot/issues/my.tap/fix")
    assert (answer.status, answer.data) == (400, {"message": "the tap is stuck"})
    assert (await own.post("/api/nanobot/issues/my.rust/fix")).status == 409
    assert (await own.post("/api/nanobot/issues/my.leak/fix")).status == 404
    assert (await own.post("/api/nanobot/issues/my.tap/fix", access="user")).status == 403


async def test_a_run_is_listed_and_told_step_by_step(own: Api) -> None:
    own.hub.bus.fire("five", {})
    [run] = (await own.get("/api/nanobot/traces?domain=automation&item_id=tea")).data
    assert (await own.get("/api/nanobot/traces?domain=script")).data == []
    whole = (await own.get(f"/api/nanobot/traces/automation/tea/{run['run_id']}")).data
    assert (whole["run_id"], "trigger/0" in whole["trace"]) == (run["run_id"], True)
    assert (await own.get("/api/nanobot/traces/automation/tea/other")).status == 404


async def test_messages_and_sessions_tell_what_was_said(own: Api) -> None:
    sent = asyncio.Event()
    own.hub.bus.listen("message_sent", lambda event: sent.set())
    said = {"text": "hello", "conversation_id": "kitchen"}
    assert (await own.post("/api/conversation/process", said)).status == 200
    await sent.wait()
    [asked, answered] = (await own.get("/api/nanobot/messages")).data
    assert (asked["type"], asked["text"], answered["type"]) == ("message_received", "hello", "message_sent")
    assert (await own.get("/api/nanobot/messages?limit=1")).data == [answered]
    assert (await own.get("/api/nanobot/messages?start_time=2999-01-01")).data == []
    assert (await own.get("/api/nanobot/messages?end_time=1999-01-01T00:00:00Z")).data == []
    [one] = (await own.get("/api/nanobot/sessions")).data
    assert (one["session"], one["messages"]) == ("conversation:kitchen", 2)
    path = f"/api/nanobot/sessions/{quote(one['session'], safe='')}"
    assert [line.get("text") for line in (await own.get(path)).data][:2] == [None, "hello"]
    assert (await own.delete(path, access="user")).status == 403
    assert (await own.delete(path)).data == {"result": "ok"}
    assert (await own.get(path)).status == (await own.delete(path)).status == 404


@pytest.mark.parametrize(
    "query", ["limit=x", "start_time=yesterday", "end_time=x", "end_time=0001-01-01T00:00:00Z", "limit=1.5"]
)
async def test_wrong_questions_about_messages_are_told(own: Api, query: str) -> None:
    answer: Any = await own.get(f"/api/nanobot/messages?{query}")
    assert (answer.status, answer.data["message"].startswith("Invalid ")) == (400, True)
