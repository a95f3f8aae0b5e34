"""Talking to nanobot over the API and as a service."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from nanobot.contracts.agent import Agent, Text, Turn
from nanobot.contracts.sentence import Match, Sentence
from nanobot.contracts.view import Access
from nanobot.errors import InvalidServiceData
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.storage.credentials import Rights, Scope
from nanobot.testing.plugin import SetUp


class Parrot(Agent):
    """Repeats; makes nothing of "gibberish", says nothing to "hush", fails at "fail"."""

    def __init__(self) -> None:
        super().__init__("parrot")
        self.turns: list[Turn] = []

    async def respond(self, turn: Turn) -> Any:
        self.turns.append(turn)
        match turn.text:
            case "gibberish":
                yield Text("what?", understood=False)
            case "hush":
                return
            case "fail":
                raise RuntimeError("broken")
            case _:
                yield Text(f"you said {turn.text}")


@pytest.fixture
async def url(hub: Hub, set_up: SetUp) -> str:
    await set_up("http", {"port": 0})
    await set_up("conversation")
    return str(hub.run_info["url"])


@pytest.fixture
def parrot(entry: Entry) -> Parrot:
    parrot = Parrot()
    entry.add(parrot)
    return parrot


async def post(hub: Hub, url: str, path: str, body: Any, access: Access = Access.ADMIN) -> tuple[int, Any]:
    token = hub.credentials.create(f"t{len(hub.credentials.known())}", access)
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession() as client, client.post(url + path, data=data, headers=headers) as response:
        text = await response.read()
        return response.status, orjson.loads(text) if response.content_type == "application/json" else text.decode()


async def say(hub: Hub, text: str, **more: Any) -> Any:
    told = await hub.services.call("conversation", "process", {"text": text, **more}, return_response=True)
    assert told is not None
    return told


def speech(told: Any) -> str:
    return str(told["response"]["speech"]["plain"]["speech"])


async def test_an_agent_answers_in_the_shape_that_clients_know(hub: Hub, url: str, parrot: Parrot) -> None:
    status, told = await post(hub, url, "/api/conversation/process", {"text": "hello", "conversation_id": "c1"})
    assert status == 200
    assert told == {
        "response": {
            "speech": {"plain": {"speech": "you said hello", "extra_data": None}},
            "card": {},
            "language": "en",
            "response_type": "action_done",
            "data": {"targets": [], "success": [], "failed": []},
        },
        "conversation_id": "c1",
        "continue_conversation": False,
    }


async def test_a_conversation_goes_on_under_its_id(hub: Hub, url: str, parrot: Parrot) -> None:
    first = await say(hub, "one")
    await say(hub, "two", conversation_id=first["conversation_id"], language="de")
    assert parrot.turns[0].session == parrot.turns[1].session
    assert parrot.turns[1].language == "de"
    assert (await say(hub, "three"))["conversation_id"] != first["conversation_id"]
    assert (await say(hub, "really?"))["continue_conversation"] is True


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [("gibberish", "error", "no_intent_match"), ("fail", "error", "unknown"), ("hush", "action_done", None)],
)
async def test_how_a_turn_ends_is_told(
    hub: Hub, url: str, parrot: Parrot, text: str, kind: str, code: str | None
) -> None:
    told = await say(hub, text)
    assert told["response"]["response_type"] == kind
    assert told["response"]["data"].get("code") == code


async def test_without_an_agent_nothing_is_understood(hub: Hub, url: str) -> None:
    told = await say(hub, "hello")
    assert told["response"]["data"] == {"code": "no_intent_match"}
    assert speech(told) == "I did not understand that."


async def test_a_sentence_that_is_waited_for_comes_before_any_agent(hub: Hub, url: str, parrot: Parrot) -> None:
    async def paint(match: Match) -> str:
        return f"painting the {match.slots['thing']}"

    hub.sentences.add(Sentence(("paint [the] {thing} (teal|ochre) please",), paint))
    assert speech(await say(hub, "Paint the garden fence ochre, please!")) == "painting the garden fence"
    assert parrot.turns == []


async def test_an_administrator_is_an_owner_and_nobody_else(hub: Hub, url: str, parrot: Parrot) -> None:
    await post(hub, url, "/api/conversation/process", {"text": "a"})
    await post(hub, url, "/api/conversation/process", {"text": "b"}, Access.USER)
    await say(hub, "c")
    assert [turn.owner for turn in parrot.turns] == [True, False, False]
    status, _ = await post(hub, url, "/api/conversation/process", {"text": "d"}, Access.READ)
    assert status == 403


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{x", "Invalid JSON specified."),
        ({}, "Message format incorrect: the option 'text' is missing"),
        ({"text": "x", "language": None}, "Message format incorrect: language: expected text, found nothing"),
        ({"text": "x", "agent_id": "parrt"}, "there is no agent 'parrt'; did you mean 'parrot'?"),
    ],
)
async def test_what_cannot_be_said_is_refused(hub: Hub, url: str, parrot: Parrot, body: Any, message: str) -> None:
    assert await post(hub, url, "/api/conversation/process", body) == (400, {"message": message})


async def test_an_unknown_agent_is_refused_as_a_service_too(hub: Hub, url: str, parrot: Parrot) -> None:
    assert speech(await say(hub, "x", agent_id="conversation.home_assistant")) == "you said x"
    with pytest.raises(InvalidServiceData, match="there is no agent"):
        await say(hub, "x", agent_id="nobody")


async def test_nobody_can_be_written_to_unasked(hub: Hub, url: str) -> None:
    failed: list[Any] = []
    hub.bus.listen("message_failed", failed.append)
    sent = await hub.conversations.send("conversation", "c1", "hello")
    assert not await hub.conversations.delivered(sent, 5)
    assert "no program waits" in failed[0].data["error"]


# -- intents ----------------------------------------------------------------------------------------


@pytest.fixture
async def lamp(url: str, set_up: SetUp) -> str:
    await set_up("input_boolean", {"lamp": {"name": "Night lamp"}})
    return "input_boolean.lamp"


@pytest.mark.parametrize(
    ("name", "slots", "kind", "state"),
    [
        ("HassTurnOn", {"name": "night lamp"}, "action_done", "on"),
        ("HassToggle", {"domain": ["input_boolean"]}, "action_done", "on"),
        ("HassTurnOff", {"name": "input_boolean.lamp"}, "action_done", "off"),
        ("HassGetState", {"name": "Night lamp"}, "query_answer", "off"),
        ("HassTurnOn", {"name": "nosuch"}, "error", "off"),
        ("HassTurnOn", {}, "error", "off"),
        ("MakeCoffee", {}, "error", "off"),
    ],
)
async def test_intents_are_done_by_name(
    hub: Hub, url: str, lamp: str, name: str, slots: Any, kind: str, state: str
) -> None:
    status, told = await post(hub, url, "/api/intent/handle", {"name": name, "data": slots})
    assert (status, told["response_type"]) == (200, kind)
    found = hub.states.get(lamp)
    assert found is not None
    assert found.state == state
    if kind == "query_answer":
        assert told["speech"]["plain"]["speech"] == "Night lamp: off"


async def test_the_service_has_the_rights_of_whoever_calls_it_and_an_automation_those_of_a_guest(
    hub: Hub, url: str, parrot: Parrot, set_up: SetUp
) -> None:
    await set_up("api")
    for access in (Access.ADMIN, Access.USER):
        status, _ = await post(hub, url, "/api/services/conversation/process", {"text": access.value}, access)
        assert status == 200
    owner = Rights(Access.ADMIN)
    narrow = Rights(Access.ADMIN, Scope(services=("*",)))
    for context in (Context(rights=narrow), Context(rights=owner).child("automation"), Context()):
        await hub.services.call("conversation", "process", {"text": "hello"}, context=context)
    assert [turn.owner for turn in parrot.turns] == [True, False, False, False, False]
