"""The automation language over the socket: templates that stay, triggers, conditions, sequences, traces."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.service import ServiceCall
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.plugin import SetUp

# -- templates --------------------------------------------------------------------------------------


async def test_a_template_is_rendered_now_and_whenever_what_it_reads_changes(client: Any, hub: Hub) -> None:
    hub.states.set("sensor.kitchen", "20")
    before = hub.states.tracked()
    follow = await client.follow(
        "render_template", template="{{ states('sensor.kitchen') | int + more }}", variables={"more": 1}
    )
    listeners = {"all": False, "entities": ["sensor.kitchen"], "domains": [], "time": False}
    assert await client.event(follow) == {"result": 21, "listeners": listeners}
    hub.states.set("sensor.cellar", "1")
    hub.states.set("sensor.kitchen", "22")
    assert (await client.event(follow))["result"] == 23
    await client.ask("unsubscribe_events", subscription=follow)
    hub.states.set("sensor.kitchen", "23")
    await client.is_quiet()
    assert hub.states.tracked() == before


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ 1 > 0 }}", True),
        ("{{ [1, 'a'] }}", [1, "a"]),
        ("plain", "plain"),
        ("{{ none }}", None),
        ("{{ now() }}", None),
    ],
)
async def test_results_have_their_own_types(client: Any, template: str, result: Any) -> None:
    event = await client.event(await client.follow("render_template", template=template))
    if "now" in template:
        assert event["listeners"]["time"]
    else:
        assert event["result"] == result


@pytest.mark.parametrize("template", ["{{ nothing() }}", "{{ 'a' | int }}", "{% if %}"])
async def test_a_failing_template_is_silent_unless_errors_are_wanted(client: Any, template: str) -> None:
    await client.follow("render_template", template=template)
    await client.is_quiet()
    event = await client.event(await client.follow("render_template", template=template, report_errors=True))
    assert event["level"] == "ERROR"
    assert event["error"]
    event = await client.event(await client.follow("render_template", template=template, report_errors=True, timeout=3))
    assert event["level"] == "ERROR"


async def test_a_template_that_takes_too_long_is_refused_when_there_is_a_limit(client: Any, hub: Hub) -> None:
    before = hub.bus.counts()
    endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    error = await client.fails("render_template", template=endless, timeout=3)
    assert error["code"] == "template_error"
    assert hub.bus.counts() == before


async def test_what_a_template_finds_undefined_is_told_to_whoever_wants_to_know(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    follow = await client.follow("render_template", template="{{ nothing }}.", report_errors=True)
    assert await client.event(follow) == {"error": "'nothing' is undefined", "level": "WARNING"}
    assert (await client.event(follow))["result"] == "."
    assert "nothing" not in caplog.text


async def test_a_template_that_fails_for_a_while_comes_back(client: Any, hub: Hub) -> None:
    follow = await client.follow("render_template", template="{{ states('sensor.a') | int }}", report_errors=True)
    assert (await client.event(follow))["level"] == "ERROR"
    hub.states.set("sensor.a", "5")
    assert (await client.event(follow))["result"] == 5


async def test_strict_refuses_what_is_not_defined(client: Any) -> None:
    relaxed = await client.follow("render_template", template="{{ nothing }}")
    assert (await client.event(relaxed))["result"] in ("", None)
    strict = await client.follow("render_template", template="{{ nothing }}", strict=True, report_errors=True)
    assert "nothing" in (await client.event(strict))["error"]


# -- triggers, conditions, sequences ----------------------------------------------------------------


async def test_a_trigger_can_be_listened_to(client: Any, hub: Hub) -> None:
    before = hub.bus.counts()
    follow = await client.follow("subscribe_trigger", trigger={"platform": "event", "event_type": "tea", "id": "mine"})
    hub.bus.fire("tea", {"cups": 1})
    event = await client.event(follow)
    trigger = event["variables"]["trigger"]
    assert (trigger["platform"], trigger["id"], trigger["idx"]) == ("event", "mine", "0")
    assert trigger["event"]["data"] == {"cups": 1}
    assert set(event["context"]) == {"id", "parent_id", "user_id"}
    await client.ask("unsubscribe_events", subscription=follow)
    assert hub.bus.counts() == before


async def test_a_trigger_tells_its_own_variables_alone_and_not_those_that_fail(
    client: Any, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    def tea(value: str) -> dict[str, Any]:
        return {"trigger": "event", "event_type": "tea", "variables": {"cups": value}}

    follow = await client.follow("subscribe_trigger", trigger=tea("{{ more + 1 }}"), variables={"more": 1})
    hub.bus.fire("tea")
    variables = (await client.event(follow))["variables"]
    assert set(variables) == {"trigger", "cups"}
    assert variables["cups"] == 2
    await client.ask("unsubscribe_events", subscription=follow)
    await client.follow("subscribe_trigger", trigger=tea("{{ 1 / 0 }}"))
    hub.bus.fire("tea")
    await client.is_quiet()
    assert "ZeroDivisionError" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_state_trigger_tells_both_states(client: Any, hub: Hub) -> None:
    hub.states.set("light.lamp", "off")
    follow = await client.follow(
        "subscribe_trigger", trigger=[{"trigger": "state", "entity_id": "light.lamp", "to": "on"}]
    )
    hub.states.set("light.lamp", "on")
    trigger = (await client.event(follow))["variables"]["trigger"]
    assert (trigger["from_state"]["state"], trigger["to_state"]["state"]) == ("off", "on")
    assert trigger["description"] == "state of light.lamp"


@pytest.mark.parametrize("trigger", [{"trigger": "no_such"}, {"trigger": "event"}, {}, 5, "x", [{"trigger": "state"}]])
async def test_a_wrong_trigger_is_refused(client: Any, trigger: Any) -> None:
    assert (await client.fails("subscribe_trigger", trigger=trigger))["code"] == "invalid_format"


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ({"condition": "state", "entity_id": "light.lamp", "state": "on"}, True),
        ({"condition": "state", "entity_id": "light.lamp", "state": "off"}, False),
        ("{{ who == 'me' }}", True),
        ({"or": [{"condition": "state", "entity_id": "light.lamp", "state": "off"}, "{{ true }}"]}, True),
        ([{"condition": "template", "value_template": "{{ true }}"}, "{{ false }}"], False),
    ],
)
async def test_a_condition_can_be_tried(client: Any, hub: Hub, condition: Any, result: bool) -> None:
    hub.states.set("light.lamp", "on")
    assert await client.ask("test_condition", condition=condition, variables={"who": "me"}) == {"result": result}


async def test_a_condition_about_nothing_is_an_error(client: Any) -> None:
    about = {"condition": "state", "entity_id": "light.none", "state": "on"}
    error = await client.fails("test_condition", condition=about)
    assert error["code"] == "home_assistant_error"
    assert "light.none" in error["message"]
    assert (await client.fails("test_condition", condition={"condition": "no_such"}))["code"] == "invalid_format"


async def test_a_sequence_can_be_run_and_responds(client: Any, entry: Entry, hub: Hub) -> None:
    calls: list[ServiceCall] = []
    entry.service("brew", calls.append)
    result = await client.ask(
        "execute_script",
        sequence=[
            {"action": "test.brew", "data": {"cups": "{{ cups }}"}},
            {"variables": {"answer": {"done": True}}},
            {"stop": "done", "response_variable": "answer"},
        ],
        variables={"cups": 2},
    )
    assert result["response"] == {"done": True}
    assert calls[0].data == {"cups": 2}
    assert calls[0].context.id == result["context"]["id"]


async def test_a_sequence_that_fails_says_why(client: Any, entry: Entry) -> None:
    error = await client.fails("execute_script", sequence=[{"action": "test.nothing"}])
    assert "test.nothing" in error["message"]
    assert (await client.fails("execute_script", sequence=[{"no_such": 1}]))["code"] == "invalid_format"


async def test_a_sequence_goes_on_when_the_client_leaves(socket: Any, client: Any, hub: Hub) -> None:
    other = await socket.sign_in()
    done = await other.follow("subscribe_events", event_type="done")
    await client.tell(
        "execute_script", sequence=[{"wait_template": "{{ is_state('light.lamp', 'on') }}"}, {"event": "done"}]
    )
    await client.is_quiet()
    await client.socket.close()
    hub.states.set("light.lamp", "on")
    assert (await other.event(done))["event_type"] == "done"


async def test_parts_of_an_automation_are_judged(client: Any) -> None:
    result = await client.ask(
        "validate_config",
        triggers=[{"trigger": "event", "event_type": "tea"}],
        conditions={"condition": "stat"},
        actions=[{"action": "light.turn_on"}],
    )
    assert result["triggers"] == {"valid": True, "error": None}
    assert result["actions"] == {"valid": True, "error": None}
    assert result["conditions"]["valid"] is False
    assert "state" in result["conditions"]["error"]


# -- automations ------------------------------------------------------------------------------------

MORNING = {
    "id": "morning",
    "alias": "Morning",
    "triggers": [{"trigger": "event", "event_type": "sunrise"}],
    "conditions": "{{ trigger.event.data.warm }}",
    "actions": [{"event": "coffee"}],
}


async def test_what_an_automation_is_and_did_can_be_asked(client: Any, hub: Hub, set_up: SetUp) -> None:
    await set_up("automation", [MORNING])
    assert (await client.ask("automation/config", entity_id="automation.morning"))["config"]["alias"] == "Morning"
    assert (await client.fails("automation/config", entity_id="automation.none"))["code"] == "not_found"
    coffee = await client.follow("subscribe_events", event_type="coffee")
    for warm in (False, True):
        hub.bus.fire("sunrise", {"warm": warm})
    context = (await client.event(coffee))["context"]
    listed = await client.ask("trace/list", domain="automation", item_id="morning")
    assert [trace["script_execution"] for trace in listed] == ["failed_conditions", "finished"]
    assert await client.ask("trace/list", domain="automation") == listed
    wanted = {"domain": "automation", "item_id": "morning", "run_id": listed[-1]["run_id"]}
    trace = await client.ask("trace/get", **wanted)
    assert "action/0" in trace["trace"]
    assert trace["config"]["alias"] == "Morning"
    contexts = await client.ask("trace/contexts")
    assert contexts[context["id"]] == wanted
    assert (await client.fails("trace/get", **{**wanted, "run_id": "none"}))["code"] == "not_found"


async def test_what_belongs_together_can_be_asked(client: Any, hub: Hub, set_up: SetUp) -> None:
    hub.states.set("light.lamp", "on")
    actions = [{"action": "light.turn_on", "target": {"entity_id": "light.lamp"}}]
    await set_up("automation", [{**MORNING, "actions": actions}])
    found = await client.ask("search/related", item_type="entity", item_id="light.lamp")
    assert found == {"automation": ["automation.morning"]}
    found = await client.ask("search/related", item_type="automation", item_id="automation.morning")
    assert found == {"entity": ["light.lamp"]}
    assert await client.ask("search/related", item_type="area", item_id="x") == {}
    assert (await client.fails("search/related", item_type="none", item_id="x"))["code"] == "invalid_format"


async def test_groups_scenes_and_blueprints_belong_together_with_what_they_consist_of(client: Any, house: Any) -> None:
    house.write(
        "blueprints/automation/tea.yaml",
        "blueprint: {name: Tea, domain: automation}\ntriggers: [{trigger: event, event_type: tea}]\nactions: []\n",
    )
    await house.apply(
        "http: {port: 0}\nwebsocket_api:\ninput_boolean: {lamp: }\n"
        "group: {all: {entities: [input_boolean.lamp]}}\n"
        "scene: [{name: Dark, entities: {input_boolean.lamp: 'off'}}]\n"
        "automation: [{id: tea, alias: Tea, use_blueprint: {path: tea.yaml}}]\n"
    )
    lamp = {"item_type": "entity", "item_id": "input_boolean.lamp"}
    assert await client.ask("search/related", **lamp) == {"group": ["group.all"], "scene": ["scene.dark"]}
    for domain, name in (("group", "all"), ("scene", "dark")):
        found = await client.ask("search/related", item_type=domain, item_id=f"{domain}.{name}")
        assert found == {"entity": ["input_boolean.lamp"]}
    tea = await client.ask("search/related", item_type="automation", item_id="automation.tea")
    assert tea == {"automation_blueprint": ["tea.yaml"]}
    users = await client.ask("search/related", item_type="automation_blueprint", item_id="tea.yaml")
    assert users == {"automation": ["automation.tea"]}


async def test_an_unload_ends_what_clients_have_run(client: Any, house: Any) -> None:
    await client.tell("execute_script", sequence=[{"delay": "01:00:00"}])
    await client.is_quiet()
    async with asyncio.timeout(5):
        await house.apply("http: {port: 0}\n")
    assert client.socket.closed or await client.ends() is not None
