"""All four with an agent and a model server over HTTP: from a message in a chat to what it changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import ClientSession

from nanobot.hub.entry import Entry
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House
from tests.servers.running import Server, running

from .conftest import Lamps


@pytest.fixture(scope="module")
def model_server() -> Iterator[Server]:
    with running("model") as server:
        yield server


class Model:
    """What the model was told of its calls."""

    def __init__(self, server: Server, client: ClientSession) -> None:
        self._control = server.info["stub"]
        self._client = client

    async def results(self) -> list[str]:
        """The results of tools in its last request."""
        async with self._client.get(f"{self._control}/raw") as answer:
            requests = await answer.json()
        body = requests[-1]["body"]
        body = json.loads(body) if isinstance(body, str) else body
        return [message["content"] for message in body["messages"] if message["role"] == "tool"]


@pytest.fixture
async def model(model_server: Server) -> AsyncIterator[Model]:
    async with ClientSession() as client:
        control = model_server.info["stub"]
        await client.post(f"{control}/reset")
        await client.post(f"{control}/config", json={"keep_requests": 10})
        yield Model(model_server, client)


@pytest.fixture
async def home(house: House, lamps: Lamps, model_server: Server, model: Model) -> House:
    await house.start(config(model_server))
    return house


def config(server: Server, more: str = "") -> str:
    return (
        f"openai_compatible:\n  base_url: {server.info['base_url']}\n  models: {{main: stub-model}}\n"
        f"agent:\n  model: main\nfiles:\nmessage:\nstates:\nservices:\n{more}"
    )


def tool(name: str, **arguments: Any) -> str:
    return f"[[tool:{name} {json.dumps(arguments)}]]"


async def test_an_owner_has_things_done(home: House, chat: Chat, model: Model) -> None:
    await chat.says(
        tool("write_file", path="shopping/list.md", content="- milk\n")
        + tool("call_service", service="light.turn_on", entity_id="light.kitchen")
        + tool("message", text="one moment")
        + tool("get_state", query="light")
        + "[[reply:all done]]"
    )
    await chat.wait_for(2)
    assert chat.received == ["one moment", "all done"]
    assert (home.config_dir / "workspace/shopping/list.md").read_text() == "- milk\n"
    assert home.hub.states.get("light.kitchen").state == "on"  # type: ignore[union-attr]
    results = await model.results()
    assert results[:3] == [
        "Made 'shopping/list.md' (1 line, 7 B).",
        "Done.\nlight.kitchen is on",
        "Sent.",
    ]
    assert results[3].startswith("light.kitchen on changed ")


async def test_a_guest_gets_no_further_than_guests_do(home: House, entry: Entry, model: Model) -> None:
    public = Chat("public", allow=frozenset({"*"}))
    entry.add(public)
    (home.config_dir / "workspace").mkdir()
    (home.config_dir / "workspace/diary").write_text("private")
    await public.types(
        tool("read_file", path="diary")
        + tool("list_dir")
        + tool("message", text="psst", channel="chat", chat="tester")
        + tool("call_service", service="house.wipe")
        + "[[reply:sorry]]",
        sender="somebody",
    )
    results = await model.results()
    assert len(results) == 4
    assert all(result.startswith("Only the people who run nanobot") for result in results)
    assert not any("private" in result for result in results)


async def test_an_edit_counts_from_the_next_call_on(
    home: House, chat: Chat, lamps: Lamps, model: Model, model_server: Server
) -> None:
    switch = tool("call_service", service="light.turn_on", entity_id="light.hall") + "[[reply:done]]"
    await chat.types(switch)
    await home.apply(config(model_server).replace("services:\n", "services:\n  deny: light\n"))
    await chat.types(switch)
    assert (await model.results())[-1] == "light.turn_on is closed to agents."
    await home.apply(config(model_server).replace("services:\n", ""))
    await chat.types(switch)
    assert (await model.results())[-1].startswith("There is no tool 'call_service'.")
    assert len(lamps.calls) == 1
