"""The limits of a turn: each one speaks, and what happened until then can be looked at."""

from __future__ import annotations

from typing import Any

from nanobot.agent.limits import TOO_MANY_SAME, Limits
from nanobot.contracts.model import Delta, Price
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from tests.agent.conftest import Begin, Noted, call

USED = Delta(usage={"prompt_tokens": 900, "completion_tokens": 100}, finish="tool_calls")


async def trace(hub: Hub) -> dict[str, Any]:
    """That of the last turn."""
    found = await hub.conversations.traces.last("chat:test")
    assert found is not None
    return found


async def test_the_same_call_again_and_again_gets_no_more_tools(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub
) -> None:
    tool = Noted()
    entry.add(tool)
    model = begin(*[[call()]] * TOO_MANY_SAME, "It is on the list, I think.")
    assert await chat.types("go") == "It is on the list, I think."
    assert len(tool.calls) == TOO_MANY_SAME
    assert model.requests[-1].tools == ()
    assert "again and again" in model.requests[-1].messages[-1].content
    assert (await trace(hub))["limit"] == "calls"


async def test_tokens_that_are_used_up_end_the_turn_with_an_answer(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub
) -> None:
    entry.add(Noted(result=["one", "two", "three"]))
    model = begin([call(), USED], [call(), USED], "That is all I know.", limits=Limits(tokens=2000))
    assert await chat.types("go") == "That is all I know."
    assert len(model.requests) == 3
    assert "tokens" in model.requests[-1].messages[-1].content
    assert (await trace(hub))["limit"] == "tokens"


async def test_money_that_is_used_up_ends_the_turn_with_an_answer(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub
) -> None:
    entry.add(Noted(result=["one", "two", "three"]))
    model = begin([call(), USED], [call(), USED], "That is all I know.", limits=Limits(cost=0.0015))
    model.price = Price(1.0, 1.0)
    assert await chat.types("go") == "That is all I know."
    assert "money" in model.requests[-1].messages[-1].content
    assert (await trace(hub))["limit"] == "cost"


async def test_a_tool_that_takes_all_the_time_is_cut_off_and_the_model_answers(
    begin: Begin, entry: Entry, chat: Chat, hub: Hub
) -> None:
    entry.add(Noted(result=60.0))
    model = begin([call()], "I could not find out.", limits=Limits(time=0.2))
    assert await chat.types("go") == "I could not find out."
    assert "interrupted" in model.requests[-1].messages[-1].content
    assert "time" in model.requests[-1].messages[-1].content


async def test_a_model_that_takes_all_the_time_leaves_what_it_said_and_a_sentence(
    begin: Begin, chat: Chat, hub: Hub
) -> None:
    model = begin(["Once upon a time", 60.0], limits=Limits(time=0.2))
    answer = await chat.types("tell me a story")
    assert answer is not None
    assert answer.startswith("Once upon a time\n\nI stopped here")
    assert model.closed == 1
    assert (await trace(hub))["limit"] == "time"


async def test_a_turn_leaves_a_trace(begin: Begin, entry: Entry, chat: Chat, hub: Hub) -> None:
    entry.add(Noted())
    begin([call(), USED], ["Done.", Delta(usage={"prompt_tokens": 950, "completion_tokens": 10}, finish="stop")])
    ended: list[dict[str, Any]] = []
    entry.listen("turn_finished", lambda event: ended.append(dict(event.data)))
    await chat.types("we need milk")
    found = await trace(hub)
    assert [one["prompt"] for one in found["models"]] == [900, 950]
    assert found["tokens"] == 1960
    assert found["prompt"]["conversation"] > 0
    [tool] = found["tools"]
    assert (tool["name"], tool["arguments"], tool["failed"]) == ("note", '{"what": "milk"}', False)
    [told] = ended
    assert {key: told[key] for key in ("agent", "person", "owner", "outcome", "rounds")} == {
        "agent": "looping",
        "person": "chat:tester",
        "owner": True,
        "outcome": "answered",
        "rounds": 1,
    }
    assert told["turn"] == found["turn"]


async def test_a_decision_of_a_policy_is_part_of_the_trace(begin: Begin, entry: Entry, chat: Chat, hub: Hub) -> None:
    class Deciding(Noted):
        async def call(self, arguments: Any, turn: Any) -> Any:
            hub.bus.fire("policy_decision", {"turn": turn.id, "what": "note", "verdict": "ask", "why": "a rule"})
            return await super().call(arguments, turn)

    entry.add(Deciding())
    begin([call()], "Done.")
    await chat.types("go")
    assert (await trace(hub))["decisions"] == [{"what": "note", "verdict": "ask", "why": "a rule"}]


async def test_why_tells_what_a_turn_did(begin: Begin, entry: Entry, chat: Chat, hub: Hub) -> None:
    from nanobot.automation.why import why, why_text

    entry.add(Noted())
    begin([call(), USED], "Done.")
    await chat.types("we need milk")
    turn = (await trace(hub))["turn"]
    told = why_text(hub, await why(hub, turn), "en")
    assert "“we need milk”" in told
    assert "The agent looping asked" in told
    assert "Its tools: note (0." in told
    hub.causes.messages.clear()  # as after a restart
    assert "Its tools: note (0." in why_text(hub, await why(hub, turn), "en")
