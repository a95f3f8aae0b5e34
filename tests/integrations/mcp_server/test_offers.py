"""What a client is offered and may do, with the official client of MCP over a real socket."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
import pytest
import voluptuous as vol
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from nanobot.agent.approvals import Options
from nanobot.agent.asked_where import Place
from nanobot.contracts.policy import Act, Judgement, Policy, Verdict
from nanobot.contracts.service import Service
from nanobot.contracts.skill import Skill
from nanobot.contracts.tool import Risk
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House

from .conftest import SECRET, Mcp, names, open_server, text_of

LAMP = "input_boolean.lamp"


class Cooking(Skill):
    name = "cooking"
    description = "How to cook."

    async def text(self) -> str:
        return f"Boil water. The key is {SECRET}."


class Broken(Skill):
    name = "broken"
    description = "Needs a program that is not there."
    unavailable = "There is no oven."

    async def text(self) -> str:
        raise AssertionError("nobody may ask for it")


class Rule(Policy):
    """Judges the acts of one name."""

    actors = frozenset({"agent", "token"})

    def __init__(self, what: str, verdict: Verdict) -> None:
        super().__init__("rule")
        self.what = what
        self.verdict = verdict
        self.acts: list[Act] = []

    def judge(self, act: Act) -> Judgement | None:
        self.acts.append(act)
        return Judgement(self.verdict, "the rule says no") if act.what == self.what else None


async def contents(session: Any, uri: str) -> Any:
    (found,) = (await session.read_resource(uri)).contents
    return orjson.loads(found.text)


async def test_tools_and_services_are_offered_and_work(mcp: Mcp, hub: Hub) -> None:
    async with mcp.session("user") as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert tools["look"].annotations is not None
        assert tools["look"].annotations.read_only_hint
        assert "entity_id" in tools["input_boolean__turn_on"].input_schema["properties"]
        assert text_of(await session.call_tool("look", {})) == "look of user"
        answer = await session.call_tool("input_boolean__turn_on", {"entity_id": LAMP})
    assert text_of(answer) == f"Done.\n{LAMP} is on"
    state = hub.states.get(LAMP)
    assert state is not None
    assert state.state == "on"
    assert state.context.user_id is not None


async def test_a_script_takes_anything_and_is_offered(mcp: Mcp, entry: Entry) -> None:
    fields = {"cups": {"description": "How many.", "selector": {"number": {}}}}
    entry.add(Service("script", "tea", lambda call: None, vol.Schema(dict), fields=fields, entity_id="script.tea"))
    async with mcp.session("user") as session:
        (tool,) = [tool for tool in (await session.list_tools()).tools if tool.name == "script__tea"]
    assert set(tool.input_schema["properties"]) == {"cups"}


async def test_a_service_that_others_check_is_offered_with_the_fields_that_it_tells_of(mcp: Mcp, entry: Entry) -> None:
    fields = {
        "brightness": {
            "description": "How bright.",
            "example": 50,
            "selector": {"number": {"min": 0, "max": 100, "unit_of_measurement": "%"}},
        },
        "flash": {"selector": {"select": {"options": [{"label": "Long", "value": "long"}, {"value": "short"}]}}},
        "effect": {"required": True, "selector": {"text": None}},
        "speed": {"required": True, "default": 1, "selector": {"number": {"min": 1}}},
        "zones": {"selector": {"select": {"options": ["a", "b"], "multiple": True}}},
        "colour": {"selector": {"color_rgb": {}}},
        "wild": {"selector": {"of_a_later_release": {}}},
        "none": None,
        "device_id": {"selector": {"device": {}}},
    }
    anything = vol.Schema(lambda data: data)
    entry.add(Service("light", "shine", lambda call: None, anything, fields=fields, entity_domain="light"))
    async with mcp.session("user") as session:
        (tool,) = [tool for tool in (await session.list_tools()).tools if tool.name == "light__shine"]
    assert tool.input_schema["required"] == ["effect"]
    properties = dict(tool.input_schema["properties"])
    colour = properties.pop("colour")
    assert (colour["type"], colour["minItems"], colour["maxItems"]) == ("array", 3, 3)
    assert "light" in properties.pop("entity_id")["description"]
    assert properties == {
        "brightness": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "description": "How bright. (%)",
            "examples": [50],
        },
        "flash": {"enum": ["long", "short"]},
        "effect": {"type": "string"},
        "speed": {"type": "number", "minimum": 1, "default": 1},
        "zones": {"type": "array", "items": {"enum": ["a", "b"]}},
        "wild": {},
    }


async def test_a_client_of_the_newest_protocol_is_served_as_well(mcp: Mcp) -> None:
    async with (
        httpx2.AsyncClient(headers=mcp.headers("user"), timeout=20) as http,
        Client(streamable_http_client(mcp.url, http_client=http)) as client,
    ):
        assert client.protocol_version >= "2026-07-28"
        assert "look" in [tool.name for tool in (await client.list_tools()).tools]
        assert text_of(await client.call_tool("look", {})) == "look of user"


async def test_how_things_are_is_a_tool_that_takes_nothing(mcp: Mcp) -> None:
    async with mcp.session("read") as session:
        text = text_of(await session.call_tool("GetLiveContext", {}))
    assert f'{LAMP} "Lamp" off' in text.splitlines()


async def test_who_may_only_read_gets_no_writing_tools_and_no_services(mcp: Mcp, hub: Hub) -> None:
    async with mcp.session("read") as session:
        assert await names(session) == ["GetLiveContext", "fail", "hold", "look"]
        assert (await session.call_tool("write", {})).is_error
        assert (await session.call_tool("input_boolean__turn_on", {"entity_id": LAMP})).is_error
        assert text_of(await session.call_tool("look", {})) == "look of read"
    assert not mcp.tools["write"].turns
    assert hub.states.get(LAMP).state == "off"  # type: ignore[union-attr]


async def test_a_user_is_a_guest_to_the_tools_and_an_administrator_an_owner(mcp: Mcp) -> None:
    for who in ("user", "admin"):
        async with mcp.session(who) as session:
            await session.call_tool("write", {})
    guest, owner = mcp.tools["write"].turns
    assert (guest.owner, owner.owner) == (False, True)
    assert guest.context.rights is not None
    assert guest.session != owner.session


async def test_what_reaches_outside_or_does_harm_is_closed_even_to_administrators(mcp: Mcp) -> None:
    async with mcp.session() as session:
        assert not {"post", "run"} & set(await names(session))
        for name in ("post", "run"):
            answer = await session.call_tool(name, {})
            assert answer.is_error
            assert "There is no tool" in text_of(answer)
    assert not mcp.tools["run"].turns


async def test_a_tool_that_is_named_is_open(house: House, entry: Entry, http: Any) -> None:
    mcp = await open_server(house, entry, http, "{tools: {allow: ['l*', post]}}")
    async with mcp.session() as session:
        found = [name for name in await names(session) if "__" not in name]
        assert found == ["GetLiveContext", "look", "post"]
        assert text_of(await session.call_tool("post", {})) == "post of admin"


async def test_what_does_harm_waits_for_the_word_of_an_owner_as_if_an_agent_wanted_it(
    house: House, entry: Entry, http: Any, chat: Chat
) -> None:
    mcp = await open_server(house, entry, http, "{tools: {allow: [run]}}")
    run = mcp.tools["run"]
    async with mcp.session() as session:
        assert "run" in await names(session)
        house.hub.approvals.options = Options(where=(Place("chat", "test"),))
        answer = text_of(await session.call_tool("run", {}))
    assert "(approval 1)" in answer
    assert not run.turns
    await chat.wait_for(1)
    assert "run {}" in chat.received[0]
    await chat.says("/approve 1")
    await chat.wait_for(3)
    assert any("run of admin" in text for text in chat.received)
    assert len(run.turns) == 1
    async with mcp.session("user") as session:
        assert (await session.call_tool("run", {})).is_error, "a guest"


async def test_a_call_may_be_riskier_than_its_tool(mcp: Mcp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp.tools["look"], "risk_of", lambda arguments: Risk.OUTSIDE)
    for who, told in (("read", "may only read"), ("admin", "is closed to MCP clients")):
        async with mcp.session(who) as session:
            answer = await session.call_tool("look", {})
        assert answer.is_error
        assert told in text_of(answer)
    assert not mcp.tools["look"].turns


async def test_services_that_stop_or_reload_the_hub_are_closed_unless_named(
    house: House, entry: Entry, http: Any
) -> None:
    mcp = await open_server(house, entry, http, "{services: {allow: [nanobot.stop, 'nanobot.r*', 'input*']}}")
    async with mcp.session() as session:
        found = [name for name in await names(session) if "__" in name]
        assert "nanobot__stop" in found
        assert "input_boolean__toggle" in found
        assert not [name for name in found if "reload" in name or "restart" in name]
        assert (await session.call_tool("nanobot__restart", {})).is_error
    async with mcp.session("user") as session:
        assert "nanobot__stop" not in await names(session)


async def test_a_token_for_a_part_of_the_house_has_that_part(mcp: Mcp, hub: Hub) -> None:
    async with mcp.session("lamp") as session:
        assert await names(session) == ["GetLiveContext", "input_boolean__turn_off", "input_boolean__turn_on"]
        assert text_of(await session.call_tool("GetLiveContext", {})) == f'{LAMP} "Lamp" off'
        assert [state["entity_id"] for state in await contents(session, "nanobot://states")] == [LAMP]
        assert not (await session.call_tool("input_boolean__turn_on", {"entity_id": LAMP})).is_error
        for data in ({"entity_id": "input_boolean.door"}, {"entity_id": "all"}, {"area_id": "hall"}):
            answer = await session.call_tool("input_boolean__turn_off", data)
            assert answer.is_error, data
        assert (await session.call_tool("look", {})).is_error
        for uri in ("nanobot://states/input_boolean.door", "nanobot://configuration"):
            with pytest.raises(MCPError, match="there is no resource"):
                await session.read_resource(uri)
    assert hub.states.get("input_boolean.door").state == "on"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "what", "data"),
    [("write", "write", {}), ("input_boolean__turn_on", "input_boolean.turn_on", {"entity_id": LAMP})],
    ids=["tool", "service"],
)
async def test_the_policies_of_the_hub_are_asked_first(
    mcp: Mcp, hub: Hub, entry: Entry, name: str, what: str, data: Any
) -> None:
    rule = Rule(what, Verdict.DENY)
    entry.add(rule)
    async with mcp.session() as session:
        answer = await session.call_tool(name, data)
    assert answer.is_error
    assert text_of(answer) == "the rule says no"
    assert [act.what for act in rule.acts] == [what]
    assert not mcp.tools["write"].turns
    assert hub.states.get(LAMP).state == "off"  # type: ignore[union-attr]


async def test_what_fails_is_told_to_the_model_without_secrets(mcp: Mcp) -> None:
    async with mcp.session() as session:
        answer = await session.call_tool("fail", {})
        assert answer.is_error
        assert text_of(answer) == "the lamp with •••• is broken"
        answer = await session.call_tool("input_boolean__turn_on", {"entity_id": 7})
        assert answer.is_error
        answer = await session.call_tool("input_boolean__turn_off", {"entty_id": LAMP})
        assert "entity_id" in text_of(answer)
        assert "Did you mean look?" in text_of(await session.call_tool("lok", {}))


async def test_states_and_services_are_resources(mcp: Mcp) -> None:
    async with mcp.session("read") as session:
        assert [one.name for one in (await session.list_resources()).resources] == ["states", "services"]
        (template,) = (await session.list_resource_templates()).resource_templates
        assert template.uri_template == "nanobot://states/{entity_id}"
        state = await contents(session, f"nanobot://states/{LAMP}")
        assert (state["entity_id"], state["state"]) == (LAMP, "off")
        assert "turn_on" in (await contents(session, "nanobot://services"))["input_boolean"]
        with pytest.raises(MCPError, match="there is no resource"):
            await session.read_resource("nanobot://states/light.none")


async def test_the_configuration_is_for_administrators_and_without_secrets(
    house: House, entry: Entry, http: Any
) -> None:
    mcp = await open_server(house, entry, http)
    (house.config_dir / "secrets.yaml").write_text("greeting: swordfish-canary\n", encoding="utf-8")
    text = (house.config_dir / "configuration.yaml").read_text(encoding="utf-8")
    await house.apply(
        f"{text}openai_compatible:\n  base_url: http://127.0.0.1:9/v1\n  api_key: sk-canary-1234\n  model: small\n"
        "input_text:\n  word: {initial: !secret greeting}\n"
    )
    async with mcp.session() as session:
        found = await contents(session, "nanobot://configuration")
        assert found["openai_compatible"]["base_url"] == "http://127.0.0.1:9/v1"
        assert found["openai_compatible"]["api_key"] == "••••"
        assert found["input_text"]["word"]["initial"] == "••••"
        assert await contents(session, "nanobot://configuration/input_boolean") == found["input_boolean"]
        assert "canary" not in str(found)
    async with mcp.session("user") as session:
        with pytest.raises(MCPError, match="there is no resource"):
            await session.read_resource("nanobot://configuration")


async def test_skills_are_prompts_for_those_who_may_talk_to_agents(mcp: Mcp, entry: Entry) -> None:
    async with mcp.session("user") as session:
        assert (await session.list_prompts()).prompts == []
        entry.add(Cooking())
        entry.add(Broken())
        (prompt,) = (await session.list_prompts()).prompts
        assert (prompt.name, prompt.description) == ("cooking", "How to cook.")
        (said,) = (await session.get_prompt("cooking")).messages
        assert said.content.text == "Boil water. The key is ••••."  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="there is no prompt"):
            await session.get_prompt("broken")
    for who in ("read", "lamp"):
        async with mcp.session(who) as session:
            assert (await session.list_prompts()).prompts == []
