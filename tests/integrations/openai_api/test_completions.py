"""Chat completions, plain and streamed, with OpenAI's own client and as curl would ask."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import openai
import pytest
from aiohttp import ClientSession
from openai.types.chat import ChatCompletionUserMessageParam

from nanobot.contracts.agent import INSTRUCTIONS, Agent, Text, Turn
from nanobot.contracts.model import Message
from nanobot.contracts.sentence import Match, Sentence
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from tests.integrations.openai_api.conftest import Api, Parrot, chunks_of, open_api, text_of

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
USER: ChatCompletionUserMessageParam = {"role": "user", "content": "hello"}


async def test_each_agent_is_a_model_and_the_one_of_the_highest_rank_comes_first(api: Api, house: House) -> None:
    await house.apply((house.config_dir / "configuration.yaml").read_text() + "assist:\n")
    models = [model async for model in await api.client("read").models.list()]
    assert [model.id for model in models] == ["parrot", "assist"]
    assert (await api.client("read").models.retrieve("assist")).owned_by == "nanobot"


async def test_a_completion_is_what_the_agent_says(api: Api) -> None:
    found = await api.client().chat.completions.create(model="parrot", messages=[USER])
    [choice] = found.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == (
        "assistant",
        "you said hello",
        "stop",
    )
    assert found.usage is not None
    assert found.usage.total_tokens > 0
    assert found.model == "parrot"


async def test_a_stream_brings_the_pieces_and_then_what_was_used(api: Api) -> None:
    stream = await api.client().chat.completions.create(
        model="parrot",
        messages=[USER],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert [c.choices[0].delta.content for c in chunks if c.choices] == ["", "you said ", "hello", None]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


async def test_a_stream_ends_with_done_and_says_nothing_of_usage_unasked(api: Api) -> None:
    reply = await api.says("hello", stream=True)
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert all("usage" not in chunk and chunk["choices"] for chunk in chunks_of(reply))


@pytest.mark.parametrize("session", [None, "kitchen"])
async def test_an_answer_ends_before_a_word_of_stop(api: Api, session: str | None) -> None:
    create = api.client().chat.completions.create
    headers = {} if session is None else {"X-Nanobot-Session": session}
    said = "one two three"
    for stop, told in (("two", "you said one "), (["no", "three", "ne t"], "you said o"), ([], f"you said {said}")):
        messages: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": said}]
        found = await create(model="parrot", messages=messages, stop=stop, extra_headers=headers)
        assert (found.choices[0].message.content, found.choices[0].finish_reason) == (told, "stop")
        stream = await create(model="parrot", messages=messages, stop=stop, stream=True, extra_headers=headers)
        deltas = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(deltas) == told
    assert len(api.parrot.turns) == 6  # of each turn all was done


@pytest.mark.parametrize("stop", [5, {"a": 1}, [1], ["x"] * 17])
async def test_a_stop_that_is_no_text_is_refused(api: Api, stop: Any) -> None:
    reply = await api.says("hello", stop=stop)
    assert (reply.status, reply.data["error"]["param"]) == (400, "stop")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_what_is_not_there_is_told_as_openai_would(api: Api, method: str) -> None:
    reply = await api.ask(method, "/v1/responses/resp_1")
    assert (reply.status, reply.data["error"]["code"]) == (404, "unknown_url")


async def test_the_conversation_that_a_client_brings_is_given_to_the_agent(api: Api) -> None:
    messages = [
        {"role": "system", "content": "be short"},
        {"role": "assistant", "content": "welcome"},
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "image_url", "image_url": "x"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
        {"role": "assistant", "content": "done"},
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "third"}]},
    ]
    reply = await api.ask("POST", "/v1/chat/completions", {"model": "parrot", "messages": messages})
    assert text_of(reply) == "you said third"
    [turn] = api.parrot.turns
    assert turn.before == (
        Message("user", "(nothing yet)"),
        Message("assistant", "welcome"),
        Message("user", "first"),
        Message("assistant", "(no answer)"),
        Message("user", "second\n[a file was here]"),
        Message("assistant", "done"),
    )
    assert turn.extra[INSTRUCTIONS] == "be short\n\nbe kind"


async def test_requests_without_a_session_know_nothing_of_each_other(api: Api) -> None:
    await api.says("one")
    await api.says("two")
    one, two = api.parrot.turns
    assert one.session != two.session
    assert two.before == ()
    assert api.hub.conversations.figures() == {"waiting": 0, "running": 0, "to_send": 0}
    assert await api.hub.conversations.history(two.session) == []


async def test_an_administrators_token_speaks_as_an_owner_and_any_other_as_a_guest(api: Api) -> None:
    await api.says("one")
    await api.says("two", access="admin")
    assert [turn.owner for turn in api.parrot.turns] == [False, True]
    assert {turn.context.actor for turn in api.parrot.turns} == {"token"}
    assert {turn.context.user_id for turn in api.parrot.turns} == {api.hub.credentials.owner_id}
    assert [cause.context.id for cause in api.hub.causes.messages] == [turn.context.id for turn in api.parrot.turns]


async def test_a_sentence_that_an_automation_waits_for_is_answered_by_it(api: Api) -> None:
    async def answer(match: Match) -> str:
        return "supper is ready"

    remove = api.hub.sentences.add(Sentence(("is supper ready",), answer))
    assert text_of(await api.says("is supper ready")) == "supper is ready"
    assert api.parrot.turns == []
    remove()


# -- streams that cannot be taken back --------------------------------------------------------------


async def test_a_remark_on_the_way_stays_and_the_answer_begins_a_paragraph(api: Api) -> None:
    chunks = chunks_of(await api.says("look", stream=True))
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == "I will look.\n\nIt is on."
    assert text_of(await api.says("look")) == "It is on."


async def test_an_answer_that_begins_anew_with_the_same_words_goes_on_where_it_was(api: Api) -> None:
    chunks = chunks_of(await api.says("again", stream=True))
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == "The answer is 42"


async def test_a_client_that_asks_for_progress_sees_what_the_agent_does(api: Api) -> None:
    chunks = chunks_of(await api.says("look", stream=True, nanobot={"progress": True}))
    assert [c["nanobot"] for c in chunks if "nanobot" in c] == [
        {"kind": "retract", "text": ""},
        {"kind": "thinking", "text": "hm"},
        {"kind": "tool", "text": "get_state"},
    ]
    reply = await api.says("look", nanobot={"progress": True})
    assert reply.data["nanobot"] == {"tools": ["get_state"]}
    stream = await api.client().chat.completions.create(
        model="parrot",
        messages=[{"role": "user", "content": "look"}],
        stream=True,
        extra_body={"nanobot": {"progress": True}},
    )
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "I will look.\n\nIt is on."


async def test_a_secret_is_never_told_however_it_is_cut(api: Api, entry: Entry) -> None:
    class Careless(Agent):
        async def respond(self, turn: Turn):  # type: ignore[no-untyped-def]
            for piece in ("the key is hun", "ter2-and", "-more, or", " hunting"):
                yield Text(piece)

    api.hub.scrubber.add("hunter2-and-more")
    entry.add(Careless("careless"))
    expected = "the key is ••••, or hunting"
    for session in ({}, {"user": "me"}):
        chunks = chunks_of(await api.says("key?", model="careless", stream=True, **session))
        pieces = [c["choices"][0]["delta"].get("content", "") for c in chunks]
        assert "".join(pieces) == expected
        assert len(pieces) > 3
        assert text_of(await api.says("key?", model="careless", **session)) == expected


# -- files ------------------------------------------------------------------------------------------


async def test_a_picture_reaches_the_agent_as_a_file_and_is_gone_after_the_turn(api: Api, entry: Entry) -> None:
    class Looker(Agent):
        async def respond(self, turn: Turn):  # type: ignore[no-untyped-def]
            [file] = turn.attachments
            yield Text(f"{file.media_type} {api.hub.media.path_of(file).stat().st_size}")

    entry.add(Looker("looker"))
    content = [
        {"type": "text", "text": "what is this"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    reply = await api.ask(
        "POST", "/v1/chat/completions", {"model": "looker", "messages": [{"role": "user", "content": content}]}
    )
    assert text_of(reply) == "image/png 72"
    async with asyncio.timeout(5):
        while list((api.hub.config_dir / "media").rglob("*.png")):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://169.254.169.254/latest", "files are not fetched from elsewhere"),
        ("file:///etc/passwd", "files are not fetched from elsewhere"),
        ("data:image/png,abc", "looks like data:image/png;base64"),
        ("data:image/png;base64,%%%", "is not base64"),
    ],
)
async def test_a_picture_that_cannot_be_taken_says_why(api: Api, url: str, says: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    reply = await api.ask(
        "POST", "/v1/chat/completions", {"model": "parrot", "messages": [{"role": "user", "content": content}]}
    )
    assert reply.status == 400
    assert says in reply.data["error"]["message"]
    assert reply.data["error"]["param"] == "messages[0].content"
    assert api.parrot.turns == []


async def test_an_agent_that_reads_text_only_says_so(api: Api, house: House) -> None:
    await house.apply((house.config_dir / "configuration.yaml").read_text() + "assist:\n")
    content = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    reply = await api.ask(
        "POST", "/v1/chat/completions", {"model": "assist", "messages": [{"role": "user", "content": content}]}
    )
    assert reply.status == 400
    assert reply.data["error"]["message"] == "assist reads text only; leave the files out"


# -- failures ---------------------------------------------------------------------------------------


async def test_failures_have_the_classes_of_openais_client(api: Api) -> None:
    with pytest.raises(openai.AuthenticationError) as unknown:
        await api.client("nb_wrong").models.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError, match="did you mean 'parrot'") as missing:
        await api.client().chat.completions.create(model="parot", messages=[USER])
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="ask for JSON in words") as wrong:
        await api.client().chat.completions.create(
            model="parrot",
            messages=[USER],
            response_format={"type": "json_object"},
        )
    assert wrong.value.param == "response_format"
    with pytest.raises(openai.PermissionDeniedError):
        await api.client("read").chat.completions.create(model="parrot", messages=[USER])
    with pytest.raises(openai.NotFoundError, match="there is no POST /v1/embeddings here"):
        await api.client().embeddings.create(model="parrot", input="x")
    assert api.parrot.turns == []


async def test_an_agent_that_fails_is_told_and_not_asked_again(api: Api) -> None:
    with pytest.raises(openai.InternalServerError) as plain:
        await api.client(max_retries=2).chat.completions.create(
            model="parrot", messages=[{"role": "user", "content": "fail"}]
        )
    assert plain.value.code == "agent_failed"
    assert "broken" not in str(plain.value)
    assert len(api.parrot.turns) == 1
    stream = await api.client().chat.completions.create(
        model="parrot", messages=[{"role": "user", "content": "fail"}], stream=True
    )
    with pytest.raises(openai.APIError) as streamed:
        _ = [chunk async for chunk in stream]
    assert streamed.value.code == "agent_failed"


async def test_without_an_agent_there_is_a_503(house: House, http: ClientSession, entry: Entry) -> None:
    api = await open_api(house, http, entry)
    await entry.release()
    api.hub.agents._left.clear()
    reply = await api.says("hello")
    assert (reply.status, reply.data["error"]["type"]) == (503, "server_error")
    assert reply.data["error"]["message"].startswith("there is no agent to ask")


async def test_an_agent_that_is_being_reloaded_is_waited_for(api: Api, entry: Entry) -> None:
    brief = Parrot("brief")
    entry.add(brief)()
    asking = asyncio.create_task(api.says("hello", model="brief"))
    await asyncio.sleep(0.1)
    assert not asking.done()
    entry.add(brief)
    assert text_of(await asking) == "you said hello"
