"""Sessions: history is ours, turns keep their order, and a client that leaves neither loses nor doubles anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession
from openai import APITimeoutError

from nanobot.contracts.agent import INSTRUCTIONS
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry
from nanobot.testing.plugin import House
from tests.integrations.openai_api.conftest import Api, Parrot, chunks_of, open_api, text_of


def session_of(api: Api, name: str, token: str = "user") -> str:
    [number] = [one.id for one in api.hub.credentials.known() if one.name == token]
    return f"openai_api:{number}/{name}"


async def said_in(api: Api, name: str, token: str = "user") -> list[tuple[str, str]]:
    lines = await api.hub.conversations.history(session_of(api, name, token))
    return [(line.direction, line.text) for line in lines]


async def leave(api: Api, body: dict[str, Any], **headers: str) -> None:
    """A client that asks, and whose connection breaks while the agent answers."""
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(api.raw(body, **headers))
    await writer.drain()
    async with asyncio.timeout(10):
        await api.parrot.held.wait()
    writer.transport.abort()


async def gone(api: Api, *events: str) -> Callable[[], Awaitable[Event]]:
    """Waits for the next of these events."""
    found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    def heard(event: Event) -> None:
        if not found.done():
            found.set_result(event)

    for name in events:
        api.hub.bus.listen(name, heard)

    async def wait() -> Event:
        async with asyncio.timeout(10):
            return await found

    return wait


HOLD = {"model": "parrot", "user": "me", "messages": [{"role": "user", "content": "hold it"}]}


async def test_in_a_session_the_last_message_is_the_turn_and_history_is_ours(api: Api) -> None:
    client = api.client()
    for text in ("one", "two"):
        found = await client.chat.completions.create(
            model="parrot",
            user="me",
            messages=[
                {"role": "system", "content": "be short"},
                {"role": "user", "content": "what the client remembers"},
                {"role": "assistant", "content": "indeed"},
                {"role": "user", "content": text},
            ],
        )
        assert found.choices[0].message.content == f"you said {text}"
    assert await said_in(api, "me") == [("in", "one"), ("out", "you said one"), ("in", "two"), ("out", "you said two")]
    one, two = api.parrot.turns
    assert one.session == two.session == session_of(api, "me")
    assert two.before == ()
    assert two.extra == {INSTRUCTIONS: "be short"}


@pytest.mark.parametrize("header", ["X-Session-Id", "X-Nanobot-Session", "x-nanobot-session"])
async def test_a_header_names_the_session_and_wins_over_the_user(api: Api, header: str) -> None:
    reply = await api.ask(
        "POST",
        "/v1/chat/completions",
        {"model": "parrot", "user": "me", "messages": [{"role": "user", "content": "hi"}]},
        **{header: "kitchen"},
    )
    assert text_of(reply) == "you said hi"
    assert await said_in(api, "kitchen") == [("in", "hi"), ("out", "you said hi")]


async def test_two_tokens_never_share_a_session(api: Api) -> None:
    await api.says("mine", user="me")
    await api.says("theirs", user="me", access="other")
    await api.says("sly", user="me:x", access="other")
    assert await said_in(api, "me") == [("in", "mine"), ("out", "you said mine")]
    assert len({turn.session for turn in api.parrot.turns}) == 3


async def test_tokens_share_their_sessions_where_the_configuration_says_so(
    house: House, http: ClientSession, entry: Entry
) -> None:
    api = await open_api(house, http, entry, "{share_sessions: true}")
    await api.says("one", user="me")
    await api.says("two", user="me", access="other")
    assert len({turn.session for turn in api.parrot.turns}) == 1


async def test_the_agent_that_is_named_answers_and_the_context_names_the_token(api: Api, entry: Entry) -> None:
    second = Parrot("second")
    second.rank = 1
    entry.add(second)
    await api.says("one", model="second", user="me")
    await api.says("two", user="me")
    assert ([turn.text for turn in second.turns], [turn.text for turn in api.parrot.turns]) == (["one"], ["two"])
    [turn] = second.turns
    assert (turn.context.actor, turn.context.user_id) == ("token", api.hub.credentials.owner_id)
    cause = next(one for one in api.hub.causes.messages if one.id == turn.id)
    assert (cause.direction, cause.text, cause.context.actor) == ("in", "one", "token")


async def test_the_turns_of_a_session_keep_their_order(api: Api) -> None:
    first = asyncio.create_task(api.says("hold", user="me"))
    await api.parrot.held.wait()
    second = asyncio.create_task(api.says("after", user="me"))
    other = await api.says("elsewhere", user="you")
    assert text_of(other) == "you said elsewhere"
    assert not second.done()
    api.parrot.go_on.set()
    assert text_of(await first) == "one two"
    assert text_of(await second) == "you said after"


async def test_a_session_streams_as_the_agent_speaks(api: Api) -> None:
    stream = await api.client().chat.completions.create(
        model="parrot", user="me", stream=True, messages=[{"role": "user", "content": "hold"}]
    )
    chunks = aiter(stream)
    await anext(chunks)
    assert (await anext(chunks)).choices[0].delta.content == "one "
    api.parrot.go_on.set()
    assert [chunk.choices[0].delta.content async for chunk in chunks] == ["two", None]


async def test_commands_work_in_a_session(api: Api, house: House) -> None:
    await api.says("one", user="me")
    reply = await api.says("/new", user="me")
    assert text_of(reply)
    await api.says("two", user="me")
    turn = api.parrot.turns[-1]
    exchanges = await api.hub.conversations.transcript(turn.session)
    assert [exchange.text for exchange in exchanges if exchange.id] == ["two"]
    key = {"Idempotency-Key": "help"}
    helped = [text_of(await api.says("/help", user="me", **key)) for _ in range(2)]
    await house.edits.wait(house.edits.request(restart=["openai_api"]))
    helped.append(text_of(await api.says("/help", user="me", **key)))
    assert len(set(helped)) == 1
    assert "/new" in helped[0]
    streamed = chunks_of(await api.says("/help", user="me", stream=True))
    assert "/new" in "".join(c["choices"][0]["delta"].get("content", "") for c in streamed)


async def test_a_turn_that_is_stopped_or_says_nothing_ends_the_request(api: Api) -> None:
    assert text_of(await api.says("hush", user="me")) == ""
    held = asyncio.create_task(api.says("hold", user="me"))
    await api.parrot.held.wait()
    await api.says("stop", user="me")
    assert text_of(await held) == ""


@pytest.mark.parametrize("session", [{}, {"user": "me"}], ids=["alone", "session"])
async def test_a_file_of_the_agent_is_named_in_the_answer(api: Api, session: dict[str, str]) -> None:
    assert text_of(await api.says("show", **session)) == "here \n[a.png]"
    chunks = chunks_of(await api.says("show", stream=True, **session))
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == "here \n[a.png]"


async def test_a_failure_is_told_once_with_what_was_said(api: Api) -> None:
    reply = await api.says("fail", user="me")
    assert (reply.status, reply.data["error"]["code"]) == (500, "agent_failed")
    assert reply.headers["x-should-retry"] == "false"


# -- clients that leave -----------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_what_a_client_that_left_was_told_is_in_its_session(api: Api, stream: bool) -> None:
    sent = await gone(api, "message_sent")
    await leave(api, {**HOLD, "stream": stream})
    api.parrot.go_on.set()
    await sent()
    assert await said_in(api, "me") == [("in", "hold it"), ("out", "one two")]
    assert len(api.parrot.turns) == 1
    assert not list(api.hub.issues)


async def test_a_client_that_comes_back_while_the_agent_still_answers_gets_that_answer(api: Api) -> None:
    await leave(api, HOLD, X_Stainless_Retry_Count="0")
    again = asyncio.create_task(api.ask("POST", "/v1/chat/completions", HOLD, X_Stainless_Retry_Count="1"))
    await asyncio.sleep(0.1)
    api.parrot.go_on.set()
    assert text_of(await again) == "one two"
    assert len(api.parrot.turns) == 1
    assert await said_in(api, "me") == [("in", "hold it"), ("out", "one two")]


async def test_openais_client_that_loses_patience_and_tries_again_is_answered_once(api: Api) -> None:
    client = api.client(timeout=0.5, max_retries=5)
    asking = asyncio.create_task(
        client.chat.completions.create(model="parrot", user="me", messages=[{"role": "user", "content": "hold it"}])
    )
    await api.parrot.held.wait()
    await asyncio.sleep(1.2)  # it has given up once by then
    api.parrot.go_on.set()
    found = await asking
    assert found.choices[0].message.content == "one two"
    assert len(api.parrot.turns) == 1


async def test_the_same_words_again_are_a_new_message(api: Api) -> None:
    await api.says("next", user="me")
    await api.says("next", user="me")
    # a client whose first try never arrived says that it tries again; what was answered is not meant
    await api.says("next", user="me", **{"X-Stainless-Retry-Count": "1"})
    assert len(api.parrot.turns) == 3


async def test_a_key_of_the_client_makes_a_message_one_also_over_a_restart(
    house: House, restart: Callable[[], Awaitable[House]], http: ClientSession, entry: Entry
) -> None:
    api = await open_api(house, http, entry)
    key = {"Idempotency-Key": "order 7"}
    assert text_of(await api.says("tea please", user="me", **key)) == "you said tea please"
    assert text_of(await api.says("tea please", user="me", **key)) == "you said tea please"
    fresh = await restart()
    api.hub = fresh.hub
    reply = await api.says("tea please", user="me", model="assist", **key)
    assert reply.status == 503  # the agents of tests do not come back by themselves
    parrot = Parrot()
    fresh.hub.agents.add("parrot", parrot)
    assert text_of(await api.says("tea please", user="me", **key)) == "you said tea please"
    assert (len(api.parrot.turns), len(parrot.turns)) == (1, 0)


async def test_a_message_whose_turn_a_restart_cut_off_is_answered_after_it(
    house: House, restart: Callable[[], Awaitable[House]], http: ClientSession, entry: Entry
) -> None:
    api = await open_api(house, http, entry)
    house.hub.conversations.close_limit = house.hub.conversations.drain_limit = 0.1
    await leave(api, HOLD)
    fresh = await restart()
    api.hub = fresh.hub
    parrot = Parrot()
    fresh.hub.agents.add("parrot", parrot)
    again = asyncio.create_task(api.ask("POST", "/v1/chat/completions", HOLD, X_Stainless_Retry_Count="1"))
    await parrot.held.wait()
    parrot.go_on.set()
    assert text_of(await again) == "one two"
    assert [turn.attempt for turn in parrot.turns] == [2]
    lines = await fresh.hub.conversations.history(parrot.turns[0].session)
    assert [line.text for line in lines] == ["hold it", "one two"]


async def test_a_request_that_stands_alone_is_cancelled_when_its_client_leaves(api: Api) -> None:
    alone = {"model": "parrot", "messages": HOLD["messages"]}
    for stream in (False, True):
        api.parrot.held.clear()
        api.parrot.cancelled.clear()
        await leave(api, {**alone, "stream": stream})
        async with asyncio.timeout(5):
            await api.parrot.cancelled.wait()


async def test_a_client_that_gives_up_leaves_its_turn_alone_in_a_session(api: Api) -> None:
    with pytest.raises(APITimeoutError):
        await api.client(timeout=0.3).chat.completions.create(
            model="parrot", user="me", messages=[{"role": "user", "content": "hold it"}]
        )
    sent = await gone(api, "message_sent")
    assert not api.parrot.cancelled.is_set()
    api.parrot.go_on.set()
    await sent()
