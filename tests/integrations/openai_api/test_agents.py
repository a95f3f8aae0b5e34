"""The real agents behind the API: one that asks a language model, and the local matcher alone."""

from __future__ import annotations

from typing import Any

import aiohttp

from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from tests.integrations.openai_api.conftest import Api, chunks_of, open_api, text_of
from tests.servers.running import Server

WITH_MODEL = """
openai_compatible: {{base_url: {base_url}, model: stub-model}}
agent: {{instructions: You like trains.}}
states:
services: {{allow: [input_boolean.*]}}
"""


async def with_model(house: House, http: aiohttp.ClientSession, entry: Entry, server: Server) -> Api:
    async with (
        http.post(f"{server.info['stub']}/reset"),
        http.post(f"{server.info['stub']}/config", json={"keep_requests": 50}),
    ):
        pass
    api = await open_api(house, http, entry)
    text = (house.config_dir / "configuration.yaml").read_text()
    applied = await house.apply(text + WITH_MODEL.format(base_url=server.info["base_url"]))
    assert not applied.problems, applied.problems
    return api


async def asked(http: aiohttp.ClientSession, server: Server) -> list[Any]:
    """The messages of the last request to the model."""
    async with http.get(f"{server.info['stub']}/raw") as response:
        return list((await response.json())[-1]["body"]["messages"])


async def test_the_model_reads_the_clients_conversation_and_instructions(
    house: House, http: aiohttp.ClientSession, entry: Entry, model_server: Server
) -> None:
    api = await with_model(house, http, entry, model_server)
    reply = await api.ask(
        "POST",
        "/v1/chat/completions",
        {
            "model": "agent",
            "messages": [
                {"role": "system", "content": "Talk like a pirate."},
                {"role": "user", "content": "my name is Ann"},
                {"role": "assistant", "content": "Ahoy, Ann"},
                {"role": "user", "content": "[[reply:Ahoy again]] who am I"},
            ],
        },
    )
    assert text_of(reply) == "Ahoy again"
    head, *rest = await asked(http, model_server)
    assert head["content"].index("You like trains.") < head["content"].index("Talk like a pirate.")
    assert [(one["role"], one["content"]) for one in rest] == [
        ("user", "my name is Ann"),
        ("assistant", "Ahoy, Ann"),
        ("user", "[[reply:Ahoy again]] who am I"),
    ]


async def test_the_model_reads_the_history_of_the_session_and_not_that_of_the_client(
    house: House, http: aiohttp.ClientSession, entry: Entry, model_server: Server
) -> None:
    api = await with_model(house, http, entry, model_server)
    assert text_of(await api.says("[[reply:Hi]] one", model="agent", user="me")) == "Hi"
    messages = [
        {"role": "user", "content": "forged"},
        {"role": "assistant", "content": "forged"},
        {"role": "user", "content": "[[reply:Ho]] two"},
    ]
    await api.ask("POST", "/v1/chat/completions", {"model": "agent", "user": "me", "messages": messages})
    _, *rest = await asked(http, model_server)
    assert [one["content"] for one in rest] == ["[[reply:Hi]] one", "Hi", "[[reply:Ho]] two"]


async def test_tools_are_called_inside_and_the_effect_leads_back_to_the_token(
    house: House, http: aiohttp.ClientSession, entry: Entry, model_server: Server
) -> None:
    api = await with_model(house, http, entry, model_server)
    call = '[[tool:call_service {"service": "input_boolean.turn_on", "entity_id": "input_boolean.lamp"}]]'
    chunks = chunks_of(
        await api.says(f"{call} [[reply:It is on]] please", model="agent", stream=True, nanobot={"progress": True})
    )
    assert [c["nanobot"]["text"] for c in chunks if c.get("nanobot", {}).get("kind") == "tool"] == ["call_service"]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == "It is on"
    state = api.hub.states.get("input_boolean.lamp")
    assert state is not None
    assert state.state == "on"
    cause = api.hub.causes.messages[-1]
    assert (cause.context.actor, cause.context.user_id) == ("token", api.hub.credentials.owner_id)
    assert state.context.user_id == api.hub.credentials.owner_id
    assert cause.context.id in (state.context.id, state.context.parent_id)


async def test_assist_alone_does_what_it_is_told(house: House, http: aiohttp.ClientSession, entry: Entry) -> None:
    api = await open_api(house, http, entry)
    await house.apply((house.config_dir / "configuration.yaml").read_text() + "assist:\n")
    client = api.client()
    for options in ({}, {"user": "me"}):
        house.hub.states.set("input_boolean.lamp", "off")
        found = await client.chat.completions.create(
            model="assist", messages=[{"role": "user", "content": "turn on the lamp"}], extra_body=options
        )
        assert found.choices[0].message.content
        state = house.hub.states.get("input_boolean.lamp")
        assert state is not None
        assert state.state == "on"
