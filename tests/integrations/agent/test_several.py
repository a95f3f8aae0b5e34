"""Several agents: who answers what, one that hands over, one that asks another."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.model import Delta, Price
from nanobot.contracts.tool import Risk
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from tests.agent.conftest import Noted, Scripted, call


@pytest.fixture
def models(entry: Entry) -> dict[str, Scripted]:
    found = {name: Scripted(name, f"{name} here") for name in ("home", "tax", "cook")}
    for model in found.values():
        entry.add(model)
    return found


async def test_routes_name_channels_chats_people_and_words(
    set_up: SetUp, chat: Chat, models: dict[str, Scripted]
) -> None:
    chat.allow = frozenset({"tester", "anna"})
    await set_up("agent tax", {"model": "tax", "routes": [{"words": ["tax", "税"]}, {"chat": "office*"}]})
    await set_up("agent cook", {"model": "cook", "routes": [{"channel": "chat", "person": "chat:anna"}]})
    await set_up("agent", {"model": "home"})
    assert await chat.types("turn on the light") == "home here"
    assert await chat.types("what of my Tax?") == "tax here"
    assert await chat.types("a taxi, please") == "home here"
    assert await chat.types("报税怎么办") == "tax here"
    assert await chat.types("hello", chat="office-1") == "tax here"
    assert await chat.types("hello", sender="anna", chat="a") == "cook here"
    assert await chat.types("my tax", sender="anna", chat="a") == "cook here"  # two things fit closer than one


async def test_an_agent_that_is_only_routed_to_answers_when_nobody_else_is_there(
    set_up: SetUp, chat: Chat, models: dict[str, Scripted]
) -> None:
    await set_up("agent tax", {"model": "tax", "routes": [{"words": ["tax"]}]})
    assert await chat.types("hello") == "tax here"


async def test_a_conversation_that_is_handed_over_goes_on_with_the_other_at_once(
    set_up: SetUp, chat: Chat, hub: Hub, models: dict[str, Scripted]
) -> None:
    models["home"].scripts = [[call("hand_over", '{"agent": "agent tax"}')], "home again"]
    await set_up("agent", {"model": "home", "hand_over": {"agent tax": "taxes and invoices"}})
    await set_up("agent tax", {"model": "tax"})
    assert await chat.types("what of my invoice?") == "tax here"
    assert "agent tax (taxes and invoices)" in models["home"].requests[0].messages[0].content
    assert [(m.role, m.content) for m in models["tax"].requests[0].messages[1:]] == [
        ("user", "what of my invoice?"),
        ("assistant", ""),
        ("tool", "agent tax answers from now on."),
    ]
    assert await chat.types("and the next?") == "tax here"
    assert await chat.types("hello", chat="elsewhere") == "home again"
    await chat.types("/new")
    assert await chat.types("hello") == "home again"


async def test_the_one_that_is_asked_looks_things_up_and_changes_nothing(
    set_up: SetUp, chat: Chat, hub: Hub, entry: Entry, models: dict[str, Scripted]
) -> None:
    look, change = Noted("look", "1,200", risk=Risk.READ), Noted("change")
    entry.add(look)
    entry.add(change)
    models["home"].scripts = [[call("consult", '{"agent": "agent tax", "question": "How much?"}')], "1,200 it is."]
    models["tax"].scripts = [[call("look", id_="7")], [call("change", id_="8")], "It is 1,200."]
    await set_up("agent", {"model": "home", "consult": ["agent tax"]})
    await set_up("agent tax", {"model": "tax"})
    assert await chat.types("what do I owe?") == "1,200 it is."
    assert [m.content for m in models["tax"].requests[0].messages if m.role == "user"] == ["How much?"]
    assert len(look.calls) == 1
    assert change.calls == []
    assert models["home"].requests[1].messages[-1].content == "It is 1,200."
    trace = await hub.conversations.traces.last("chat:test")
    assert trace is not None
    assert [one["model"] for one in trace["models"]] == ["home", "tax", "tax", "tax", "home"]


@pytest.mark.parametrize("name", ["agent cook", "agent"])
async def test_nobody_is_asked_whom_the_configuration_does_not_name(
    set_up: SetUp, chat: Chat, models: dict[str, Scripted], name: str
) -> None:
    models["home"].scripts = [[call("consult", f'{{"agent": "{name}", "question": "?"}}')], "no"]
    await set_up("agent", {"model": "home", "consult": ["agent tax"]})
    await set_up("agent cook", {"model": "cook"})
    assert await chat.types("go") == "no"
    assert "There are: agent tax." in models["home"].requests[1].messages[-1].content
    assert models["cook"].requests == []


async def test_tools_that_are_of_no_use_are_not_offered(set_up: SetUp, chat: Chat, models: dict[str, Scripted]) -> None:
    await set_up("agent", {"model": "home"})
    await chat.types("hi")
    names: list[Any] = [tool["function"]["name"] for tool in models["home"].requests[0].tools]
    assert "hand_over" not in names
    assert "consult" not in names


async def test_the_tools_stay_when_the_agent_that_brought_them_leaves(
    set_up: SetUp, hub: Hub, models: dict[str, Scripted]
) -> None:
    first = await set_up("agent", {"model": "home", "consult": ["agent tax"]})
    await set_up("agent tax", {"model": "tax", "consult": ["agent"]})
    await first.release()
    assert "consult" in hub.tools
    await hub.entries["agent tax"].release()
    assert "consult" not in hub.tools


async def test_an_owner_chooses_who_answers_in_a_chat_and_it_stays_so(
    set_up: SetUp, chat: Chat, hub: Hub, models: dict[str, Scripted]
) -> None:
    await set_up("agent", {"model": "home"})
    await set_up("agent tax", {"model": "tax", "routes": [{"words": ["tax"]}]})
    assert await chat.types("/agent agent tx") == ("there is no agent 'agent tx' for you (did you mean 'agent tax'?)")
    assert await chat.types("/agent agent tax") == "agent tax answers in this chat from now on."
    assert await chat.types("hello") == "tax here"
    assert await chat.types("hello", chat="elsewhere") == "home here"
    assert "agent tax answers here. There are: agent, agent tax." in (await chat.types("/agent") or "")
    await hub.conversations.notes.open()  # as at a start
    assert hub.conversations.notes.agent("chat:test") == "agent tax"
    assert await chat.types("/agent default") == "Whoever is configured answers in this chat again."
    assert await chat.types("hello") == "home here"


async def test_others_choose_among_those_that_would_answer_them(
    set_up: SetUp, chat: Chat, entry: Entry, models: dict[str, Scripted]
) -> None:
    await set_up("agent", {"model": "home", "hand_over": ["agent cook"]})
    await set_up("agent cook", {"model": "cook"})
    await set_up("agent tax", {"model": "tax", "routes": [{"person": "public:boss"}]})
    public = Chat("public", allow=frozenset({"*"}))
    entry.add(public)
    assert "There are: agent, agent cook." in (await public.types("/agent", sender="anna", chat="a") or "")
    told = await public.types("/agent agent tax", sender="anna", chat="a")
    assert (told or "").startswith("there is no agent 'agent tax' for you")
    assert "There are: agent, agent cook, agent tax." in (await public.types("/agent", sender="boss", chat="b") or "")
    assert await public.types("/agent agent cook", sender="anna", chat="a") == (
        "agent cook answers in this chat from now on."
    )
    assert await public.types("hello", sender="anna", chat="a") == "cook here"
    told = await public.types("/agent agent cook", sender="anna", chat="g", group=True)
    assert told == "/agent is only for those who run me."


async def test_status_tells_of_the_session_who_answers_and_what_it_took(
    set_up: SetUp, chat: Chat, models: dict[str, Scripted]
) -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 100}
    models["home"].scripts = [["hi", Delta(finish="stop", usage=usage)]]
    models["home"].context_window, models["home"].price = 8000, Price(1.0, 1.0)
    await set_up("agent", {"model": "home"})
    await chat.types("hello")
    await chat.types("hello again")
    told = (await chat.types("/status") or "").split("\n")
    assert told[-4:] == [
        "This conversation: chat:test, 2 messages answered, 0 waiting.",
        "agent answers here, with the model home.",
        "Tokens of the last request: 1000 of 8000.",
        "Taken so far: 2000 tokens for 0.0020 dollars.",
    ]
    await chat.types("/new")
    assert "chat:test, 0 messages answered" in (await chat.types("/status") or "")
