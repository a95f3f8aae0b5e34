"""Responses, plain and streamed, with OpenAI's own client."""

from __future__ import annotations

import openai
import pytest

from nanobot.contracts.agent import INSTRUCTIONS
from nanobot.contracts.model import Message
from tests.integrations.openai_api.conftest import Api


async def test_a_response_is_what_the_agent_says(api: Api) -> None:
    found = await api.client().responses.create(model="parrot", input="hello", instructions="be short")
    assert (found.output_text, found.status, found.model) == ("you said hello", "completed", "parrot")
    assert found.usage is not None
    assert found.usage.total_tokens > 0
    assert api.parrot.turns[0].extra == {INSTRUCTIONS: "be short"}


async def test_the_talk_so_far_is_given_to_the_agent(api: Api) -> None:
    found = await api.client().responses.create(
        model="parrot",
        input=[
            {"role": "user", "content": "one"},
            {"type": "function_call", "call_id": "1", "name": "x", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "2"},
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "two", "annotations": []}],
            },
            {"role": "user", "content": [{"type": "input_text", "text": "three"}]},
        ],
    )
    assert found.output_text == "you said three"
    assert api.parrot.turns[0].before == (Message("user", "one"), Message("assistant", "two"))


async def test_a_stream_has_all_events_in_order(api: Api) -> None:
    stream = await api.client().responses.create(model="parrot", input="hello", stream=True)
    events = [event async for event in stream]
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "you said hello"


async def test_the_clients_own_stream_helper_is_content_and_progress_does_not_break_it(api: Api) -> None:
    async with api.client().responses.stream(
        model="parrot", input="look", extra_body={"nanobot": {"progress": True}}
    ) as stream:
        found = await stream.get_final_response()
    assert found.output_text == "I will look.\n\nIt is on."


async def test_a_conversation_is_a_session(api: Api) -> None:
    first = await api.client().responses.create(model="parrot", input="one", conversation={"id": "conv_1"})
    await api.client().responses.create(
        model="parrot", input="two", conversation="conv_1", previous_response_id=first.id
    )
    one, two = api.parrot.turns
    assert one.session == two.session
    lines = await api.hub.conversations.history(one.session)
    assert [line.text for line in lines] == ["one", "you said one", "two", "you said two"]


@pytest.mark.parametrize(
    ("more", "param", "says"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "answers are remembered in sessions only"),
        ({"background": True}, "background", "answers are given at once"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format", "ask for JSON in words"),
        ({"tool_choice": "required"}, "tool_choice", "calls its own tools"),
    ],
)
async def test_what_cannot_be_had_is_refused_with_a_reason(
    api: Api, more: dict[str, object], param: str, says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=says) as wrong:
        await api.client().responses.create(model="parrot", input="x", extra_body=more)
    assert wrong.value.param == param


async def test_a_failure_in_the_middle_is_an_event(api: Api) -> None:
    stream = await api.client().responses.create(model="parrot", input="fail", stream=True)
    events = [event async for event in stream]
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert "broken" not in last.response.error.message
