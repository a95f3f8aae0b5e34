"""What one client cannot do to the hub or to others: too much, too long, too slow, and nonsense."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import openai
import orjson
import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.openai_api import chat, responses, wire
from integrations.openai_api.errors import ApiError
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from tests.integrations.openai_api.conftest import Api, open_api, text_of

BASE = {"model": "parrot", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def small(house: House, http: ClientSession, entry: Entry) -> Api:
    """Two requests at a time for each token, one second for each of them."""
    return await open_api(house, http, entry, "{concurrent: 2, timeout: 1}")


async def test_a_token_has_so_many_requests_going_on_and_others_are_not_kept_waiting(
    house: House, http: ClientSession, entry: Entry
) -> None:
    small = await open_api(house, http, entry, "{concurrent: 2}")
    held = [asyncio.create_task(small.says("hold")) for _ in range(2)]
    async with asyncio.timeout(5):
        while len(small.parrot.turns) < 2:
            await asyncio.sleep(0.01)
    with pytest.raises(openai.RateLimitError) as busy:
        await small.client().chat.completions.create(**BASE)  # type: ignore[call-overload]
    assert busy.value.code == "rate_limit_exceeded"
    assert busy.value.response.headers["Retry-After"] == "1"
    assert text_of(await small.says("hello", access="other")) == "you said hello"
    small.parrot.go_on.set()
    assert [text_of(one) for one in await asyncio.gather(*held)] == ["one two"] * 2
    assert text_of(await small.says("hello")) == "you said hello"


async def test_turns_that_a_client_leaves_behind_count_until_they_are_over(small: Api) -> None:
    for name in ("a", "b"):
        reply = await small.says("hold", user=name)
        assert (reply.status, reply.data["error"]["code"]) == (504, "timeout")
        assert reply.headers["x-should-retry"] == "false"
    assert (await small.says("hello")).status == 429
    small.parrot.go_on.set()
    async with asyncio.timeout(5):
        while (await small.says("hello")).status == 429:
            await asyncio.sleep(0.02)


async def test_an_answer_that_takes_too_long_is_cancelled_where_the_request_stands_alone(small: Api) -> None:
    reply = await small.says("hold")
    assert (reply.status, reply.data["error"]["message"]) == (504, "there was no answer within 1 s")
    assert small.parrot.cancelled.is_set()
    streamed = await small.says("hold", stream=True)
    last = streamed.data.split("\n\n")[-3]
    assert orjson.loads(last.removeprefix("data: "))["error"]["code"] == "timeout"
    assert streamed.data.endswith("data: [DONE]\n\n")


async def test_a_reader_that_does_not_read_is_cut_off_and_nobody_else_notices(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "WRITE_LIMIT", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1024)
    writer.write(api.raw({**BASE, "stream": True, "messages": [{"role": "user", "content": "flood"}]}))
    await writer.drain()
    await asyncio.sleep(0.1)
    assert text_of(await api.says("hello")) == "you said hello"
    read = 0
    await asyncio.sleep(1.0)
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                read += len(data)
    assert read < 20_000_000  # not all of it was ever made
    writer.close()


async def test_a_body_that_is_too_large_is_refused(house: House, http: ClientSession, entry: Entry) -> None:
    api = await open_api(house, http, entry)
    body = {**BASE, "messages": [{"role": "user", "content": "x" * (9 << 20)}]}
    try:
        reply = await api.ask("POST", "/v1/chat/completions", body)
    except (ConnectionError, OSError):
        return  # it was cut off while it still wrote
    assert (reply.status, reply.data["error"]["code"]) == (413, "request_too_large")


async def test_nothing_is_held_open_when_the_api_is_unloaded(api: Api, house: House) -> None:
    alone = asyncio.create_task(api.says("hold"))
    session = asyncio.create_task(api.says("hold", user="me"))
    async with asyncio.timeout(5):
        while len(api.parrot.turns) < 2:
            await asyncio.sleep(0.01)
    await house.edits.wait(house.edits.request(restart=["openai_api"]))
    for reply in await asyncio.gather(alone, session):
        assert reply.status in (500, 503), reply.data
        assert "ask again" in reply.data["error"]["message"]
    api.parrot.go_on.set()
    (mine,) = {turn.session for turn in api.parrot.turns if turn.session.endswith("me")}
    async with asyncio.timeout(5):
        while len(await api.hub.conversations.history(mine)) < 2:  # what is written before an answer stands before it
            await asyncio.sleep(0.01)
    assert text_of(await api.says("hello", user="me")) == "you said hello"
    lines = await api.hub.conversations.history(mine)
    assert [line.text for line in lines] == ["hold", "one two", "hello", "you said hello"]


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ([], "", "the body is a JSON object"),
        ({}, "model", "say which model is meant"),
        ({"model": 5}, "model", "say which model is meant"),
        ({"model": "a\nb"}, "model", "in one line"),
        ({"model": "parrot"}, "messages", "a list with at least one message"),
        ({"model": "parrot", "messages": []}, "messages", "at least one message"),
        ({"model": "parrot", "messages": ["x"]}, "messages[0]", "an object with 'role' and 'content'"),
        ({**BASE, "messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "is one of user"),
        ({**BASE, "messages": [{"role": "user", "content": 5}]}, "messages[0].content", "a text or a list of parts"),
        ({**BASE, "messages": [{"role": "user", "content": " "}]}, "messages[0]", "the last message is empty"),
        ({**BASE, "messages": [{"role": "assistant", "content": "x"}]}, "messages", "has to be one of the user"),
        ({**BASE, "messages": [BASE["messages"][0]] * 2001}, "messages", "2000 are taken at most"),
        (
            {**BASE, "messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content",
            "speech is not understood",
        ),
        ({**BASE, "n": 2}, "n", "one answer"),
        ({**BASE, "stream": "yes"}, "stream", "is true or false"),
        ({**BASE, "stream_options": {"include_usage": True}}, "stream_options", "for streams only"),
        ({**BASE, "tool_choice": "required"}, "tool_choice", "calls its own tools"),
        ({**BASE, "logprobs": True}, "logprobs", "no probabilities"),
        ({**BASE, "user": 5}, "user", "a text of 1 to 256 characters"),
        ({**BASE, "user": "x" * 300}, "user", "a text of 1 to 256 characters"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(api: Api, body: Any, param: str, says: str) -> None:
    reply = await api.ask("POST", "/v1/chat/completions", orjson.dumps(body))
    assert reply.status == 400
    error = reply.data["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert says in error["message"]
    assert api.parrot.turns == []


async def test_what_is_no_json_or_does_not_say_that_it_is(api: Api) -> None:
    reply = await api.ask("POST", "/v1/chat/completions", b"{")
    assert (reply.status, reply.data["error"]["type"]) == (400, "invalid_request_error")
    reply = await api.ask("POST", "/v1/chat/completions", b"{}", Content_Type="text/plain")
    assert reply.status == 415
    assert "application/json" in reply.data["error"]["message"]


async def test_without_a_token_nothing_is_told(api: Api) -> None:
    for method, path in (("GET", "/v1/models"), ("GET", "/v1/models/parrot"), ("POST", "/v1/chat/completions"),
                         ("POST", "/v1/responses"), ("GET", "/v1/files"), ("POST", "/v1/embeddings")):  # fmt: skip
        for token in (None, "nb_wrong"):
            reply = await api.ask(method, path, BASE if method == "POST" else None, access=token)
            if reply.status != 429:  # after some wrong tokens
                assert reply.status == 401
            assert set(reply.data["error"]) == {"message", "type", "param", "code"}
            assert "parrot" not in str(reply.data)


# -- nonsense ---------------------------------------------------------------------------------------

OPTIONS = ("stream", "stream_options", "n", "user", "nanobot", "tool_choice", "response_format", "text", "instructions",
           "conversation", "modalities", "logprobs")  # fmt: skip
_leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_texts = st.text(max_size=30) | st.sampled_from(["user", "assistant", "system", "tool", "parrot", "data:x;base64,eHg="])
_anything = st.recursive(
    _leaves | _texts, lambda some: st.lists(some, max_size=4) | st.dictionaries(_texts, some, max_size=4), max_leaves=12
)
_parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "file", "input_text", "input_audio", "refusal"])},
    optional={"text": _texts | _anything, "image_url": _anything, "file": _anything, "refusal": _anything},
)
_messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "developer", "tool"]) | _anything},
    optional={"content": _texts | st.lists(_parts, max_size=3) | _anything, "type": _anything},
)
_talks = st.lists(_messages | _anything, max_size=5) | _anything
_bodies = (
    st.fixed_dictionaries(
        {"model": st.just("parrot") | _anything, "messages": _talks, "input": _talks},
        optional=dict.fromkeys(OPTIONS, _anything),
    )
    | _anything
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(body=_bodies)
def test_whatever_a_body_says_it_is_understood_or_refused_with_a_reason(body: Any) -> None:
    for read in (chat.read, responses.read):
        try:
            asked = read(body, {})
        except ApiError as error:
            refused = error
        else:
            assert asked.model
            assert [one.role for one in asked.talk.before] == ["user", "assistant"] * (len(asked.talk.before) // 2)
            assert all(one.content.strip() for one in asked.talk.before)
            continue
        assert refused.status == 400
        assert str(refused)


async def test_no_body_makes_the_server_stumble(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    bodies: list[Any] = []

    @settings(max_examples=150, deadline=None, database=None)
    @given(body=_bodies)
    def collect(body: Any) -> None:
        bodies.append(body)

    collect()
    refused = 0
    for number, body in enumerate(bodies):
        path = ("/v1/chat/completions", "/v1/responses")[number % 2]
        reply = await api.ask("POST", path, orjson.dumps(body))
        assert reply.status in (200, 400, 404), (body, reply.data)
        if reply.status != 200:
            refused += 1
            assert reply.data["error"]["message"]
    assert refused
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
