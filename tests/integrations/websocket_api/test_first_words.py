"""Signing in over the socket, and what comes of words that nobody understands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub

HELLO = {"type": "auth_required", "ha_version": "2025.4.4"}


async def test_who_shows_a_good_token_is_let_in(socket: Any) -> None:
    client = await socket.connect()
    assert await client.frame() == HELLO
    await client.send({"type": "auth", "access_token": socket.tokens[Access.READ]})
    assert await client.frame() == {"type": "auth_ok", "ha_version": "2025.4.4"}


async def test_who_shows_a_wrong_one_is_told_and_sent_away(socket: Any) -> None:
    client = await socket.connect()
    await client.frame()
    await client.send({"type": "auth", "access_token": "wrong"})
    assert await client.frame() == {"type": "auth_invalid", "message": "Invalid access token or password"}
    assert await client.ends() == 1000


@pytest.mark.parametrize(
    "first",
    [{"type": "get_states", "id": 1}, {"type": "auth"}, {"type": "auth", "access_token": 5}, [], 1, {"type": "auth",
     "access_token": "x", "more": 1}],
)  # fmt: skip
async def test_nothing_is_answered_before_signing_in(socket: Any, first: Any) -> None:
    client = await socket.connect()
    await client.frame()
    await client.send(first)
    assert (await client.frame())["type"] == "auth_invalid"
    assert await client.ends() == 1000


async def test_the_token_and_the_first_command_may_come_at_once(socket: Any) -> None:
    client = await socket.connect()
    await client.send({"type": "auth", "access_token": socket.tokens[Access.READ]})
    await client.send({"id": 1, "type": "ping"})
    assert [await client.frame() for _ in range(3)] == [
        HELLO,
        {"type": "auth_ok", "ha_version": "2025.4.4"},
        {"id": 1, "type": "pong"},
    ]


async def test_who_guesses_is_slowed_down_with_a_good_token_too(socket: Any) -> None:
    for _ in range(10):
        client = await socket.connect()
        await client.frame()
        await client.send({"type": "auth", "access_token": "wrong"})
        await client.ends()
    client = await socket.connect()
    await client.frame()
    await client.send({"type": "auth", "access_token": socket.tokens[Access.ADMIN]})
    answer = await client.frame()
    assert answer["type"] == "auth_invalid"
    assert "too many" in answer["message"]


async def test_a_revoked_token_ends_its_connections_within_a_second(socket: Any, hub: Hub) -> None:
    mine, other = await socket.sign_in(Access.USER), await socket.sign_in(Access.ADMIN)
    await mine.ask("subscribe_events")
    await asyncio.to_thread(hub.credentials.revoke, "user")
    async with asyncio.timeout(1.0):
        assert await mine.ends() == 4401
    assert not other.socket.closed
    await other.is_quiet()


async def test_a_page_of_another_site_cannot_connect(socket: Any) -> None:
    with pytest.raises(Exception, match="403"):
        await socket.connect(headers={"Origin": "https://evil.example"})


async def test_text_that_is_no_json_ends_the_connection(client: Any) -> None:
    await client.socket.send_str("{broken")
    assert await client.ends() == 1000


@pytest.mark.parametrize(
    ("message", "answer_id"),
    [
        ({"type": "ping"}, 0),
        ({"id": "1", "type": "ping"}, 0),
        ({"id": True, "type": "ping"}, 0),
        ({"id": 1.5, "type": "ping"}, 0),
        ({"id": -3, "type": "ping"}, -3),
        ({"id": 7}, 7),
        ({"id": 7, "type": 8}, 7),
        ({"id": 7, "type": ""}, 7),
        ("ping", 0),
        (None, 0),
        (5, 0),
    ],
)
async def test_a_message_without_id_or_type_is_invalid(client: Any, message: Any, answer_id: int) -> None:
    await client.send(message)
    assert await client.frame() == {
        "id": answer_id,
        "type": "result",
        "success": False,
        "error": {"code": "invalid_format", "message": "Message incorrectly formatted."},
    }
    client.last_id = 100
    await client.is_quiet()


async def test_ids_have_to_grow(client: Any) -> None:
    await client.send({"id": 5, "type": "ping"})
    assert await client.frame() == {"id": 5, "type": "pong"}
    for old in (5, 4):
        await client.send({"id": old, "type": "ping"})
        answer = await client.frame()
        assert answer["error"] == {"code": "id_reuse", "message": "Identifier values have to increase."}
    await client.send({"id": 6, "type": "ping"})
    assert await client.frame() == {"id": 6, "type": "pong"}


async def test_an_unknown_command_is_said_to_be_unknown(client: Any) -> None:
    assert await client.fails("hacs/info") == {"code": "unknown_command", "message": "Unknown command."}


async def test_a_list_of_messages_may_come_in_one_frame(client: Any) -> None:
    await client.send([{"id": 1, "type": "ping"}, {"id": 2, "type": "nothing"}, {"id": 3, "type": "ping"}])
    answers = [await client.receive() for _ in range(3)]
    assert [(answer["id"], answer["type"]) for answer in answers] == [(1, "pong"), (2, "result"), (3, "pong")]
