"""What goes over the page's socket, said by a client that is no browser."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from nanobot.contracts.agent import Retract
from nanobot.contracts.view import Access
from nanobot.hub.hub import Hub
from nanobot.hub.issues import Fix

from .conftest import Speaker

Connect = Callable[..., Any]


class Tab:
    """One socket; what it hears, by type."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, kind: str, **data: Any) -> None:
        await self.socket.send_json({"type": kind, **data})

    async def hears(self, kind: str, **like: Any) -> dict[str, Any]:
        """The next message of a type and with these values; others are passed over."""
        async with asyncio.timeout(5):
            while True:
                message: dict[str, Any] = await self.socket.receive_json()
                if message["type"] == kind and like.items() <= message.items():
                    return message

    async def opens(self, chat: str = "a") -> dict[str, Any]:
        await self.say("open", chat=chat)
        return await self.hears("opened")


@pytest.fixture
async def connect(hub: Hub, site: str) -> AsyncIterator[Connect]:
    async with ClientSession() as client:

        @contextlib.asynccontextmanager
        async def connect(access: Access = Access.USER, languages: str = "en") -> AsyncIterator[Tab]:
            token = hub.credentials.create(f"t{len(hub.credentials.known())}", access)
            headers = {"Authorization": f"Bearer {token}"}
            async with client.ws_connect(f"{site}/webchat/ws?languages={languages}", headers=headers) as socket:
                yield Tab(socket)

        yield connect


async def test_a_page_is_told_how_things_stand(connect: Connect, hub: Hub) -> None:
    hub.issues.create("x.y", "issues.auth_failed", name="radio", error="no")
    async with connect() as tab:
        status = await tab.hears("status")
        assert {entry["id"]: entry["state"] for entry in status["integrations"]}["webchat"] == "loaded"
        assert [issue["id"] for issue in status["issues"]] == ["x.y"]
        assert (status["recovery"], status["may_repair"]) == (None, False)
        hub.issues.resolve("x.y")
        assert (await tab.hears("status"))["issues"] == []


async def test_a_message_is_kept_answered_and_remembered(connect: Connect, speaker: Speaker) -> None:
    async with connect() as tab:
        assert (await tab.opens())["messages"] == []
        await tab.say("message", chat="a", id="m1", text="hello")
        kept = await tab.hears("kept", id="m1")
        answer = await tab.hears("message", chat="a")
        assert answer["text"] == "you said hello"
        assert answer["answers"] == "m1"
        lines = (await tab.opens())["messages"]
    assert [(line["id"], line["from"], line["text"]) for line in lines] == [
        ("m1", "you", "hello"),
        (answer["id"], "nanobot", "you said hello"),
    ]
    assert kept["time"] <= answer["time"]


async def test_a_message_that_comes_again_is_kept_once(connect: Connect, speaker: Speaker) -> None:
    async with connect() as tab:
        await tab.opens()
        for _ in range(3):
            await tab.say("message", chat="a", id="m1", text="hello")
            await tab.hears("kept", id="m1")
        await tab.say("message", chat="a", id="m2", text="bye")
        await tab.hears("message", text="you said bye")
    assert speaker.heard == ["hello", "bye"]


async def test_a_page_that_comes_late_is_not_given_what_was_retracted(connect: Connect, speaker: Speaker) -> None:
    speaker.hesitates = True
    async with connect() as tab, connect() as late:
        await tab.opens()
        await tab.say("message", chat="a", id="m1", text="what time is it?")
        speaker.say("Let me see. ", Retract(), "It is ")
        assert (await tab.hears("progress", text=""))["kind"] == "retract"
        await tab.hears("progress", text="It is ")
        assert (await late.opens())["turn"]["text"] == "It is "
        speaker.say("noon.", None)
        assert (await late.hears("message"))["text"] == "It is noon."


async def test_chats_do_not_hear_one_another(connect: Connect) -> None:
    async with connect() as one, connect() as other, connect() as same:
        await one.opens("a")
        await same.opens("a")
        await other.opens("b")
        await one.say("message", chat="a", id="m1", text="hello")
        assert (await same.hears("message", id="m1"))["from"] == "you"
        await same.hears("message", text="you said hello")
        await other.say("message", chat="b", id="m1", text="other")
        assert (await other.hears("message"))["text"] == "you said other"


async def test_what_is_too_long_is_refused_with_a_reason(connect: Connect, speaker: Speaker) -> None:
    async with connect() as tab:
        await tab.opens()
        await tab.say("message", chat="a", id="m1", text="x" * 64_001)
        assert (await tab.hears("refused", id="m1"))["reason"] == "too_long"
    assert speaker.heard == []


async def test_too_much_waiting_is_said(connect: Connect, speaker: Speaker, hub: Hub) -> None:
    speaker.hesitates = True
    async with connect() as tab:
        await tab.opens()
        for number in range(200):
            await tab.say("message", chat="a", id=f"m{number}", text=f"{number}")
        refused = await tab.hears("refused")
        assert refused["reason"] == "busy"


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", "1", '"open"', "{}", '{"type": "nothing"}', '{"type": ["open"]}', '{"type": "open"}',
     '{"type": "open", "chat": ""}', '{"type": "open", "chat": "../x"}', '{"type": "open", "chat": "a b"}',
     '{"type": "open", "chat": "a\\n"}', '{"type": "message", "chat": "a", "id": "m", "text": 1}',
     '{"type": "message", "chat": "a", "id": "m", "text": "x", "sender": "admin"}',
     '{"type": "open", "chat": "' + "a" * 65 + '"}'])  # fmt: skip
async def test_what_is_not_understood_ends_the_socket(connect: Connect, frame: str) -> None:
    async with connect() as tab:
        await tab.socket.send_str(frame)
        async with asyncio.timeout(5):
            while not tab.socket.closed:
                await tab.socket.receive()
        assert tab.socket.close_code == 1008


async def test_only_an_admin_repairs_and_restarts(connect: Connect, hub: Hub) -> None:
    fixed = asyncio.Event()

    async def fix() -> None:
        fixed.set()

    hub.issues.create("x.y", "issues.auth_failed", fix=Fix("Repair", fix), name="x", error="y")
    async with connect(Access.USER) as tab:
        for message in ({"kind": "fix", "issue": "x.y"}, {"kind": "restart", "entry": "webchat"}):
            await tab.say(**message)
            assert "admin" in (await tab.hears("error"))["text"]
    assert not fixed.is_set()
    async with connect(Access.ADMIN) as tab, asyncio.timeout(5):
        await tab.say("fix", issue="x.y")
        await fixed.wait()
        await tab.say("restart", entry="webchat")
        while not tab.socket.closed:
            await tab.socket.receive()
        assert tab.socket.close_code == 1012


async def test_a_page_that_does_not_read_is_cut_off(connect: Connect, hub: Hub) -> None:
    async with connect() as deaf:
        await deaf.opens()
        channel: Any = hub.channels.get("webchat")
        for _ in range(1000):
            channel._tell("a", {"type": "typing", "chat": "a", "padding": "x" * 1000})
        async with asyncio.timeout(5):
            while not deaf.socket.closed:
                await deaf.socket.receive()
        assert deaf.socket.close_code == 1013


async def test_texts_are_whole_in_every_language(hub: Hub, site: str) -> None:
    token = hub.credentials.create("x")
    async with ClientSession(headers={"Authorization": f"Bearer {token}"}) as client:
        found = {}
        for language in ("en", "de", "fr", "es", "zh"):
            async with client.get(f"{site}/webchat/texts?languages=xx,{language}-CH,en") as answer:
                data = await answer.json()
                assert data["language"] == language
                found[language] = data["texts"]
    assert all(texts.keys() == found["en"].keys() for texts in found.values())
    assert found["de"] != found["en"]


@pytest.mark.parametrize(("access", "details"), [(Access.ADMIN, True), (Access.USER, False)], ids=["admin", "user"])
async def test_only_who_is_signed_in_as_admin_is_an_owner(connect: Connect, access: Access, details: bool) -> None:
    async with connect(access) as tab:
        await tab.opens("a")
        await tab.say("message", chat="a", id="1", text="/status")
        answer = await tab.hears("message", answers="1")
        assert answer["text"].startswith("I am running.")
        assert ("\nMessages: " in answer["text"]) is details
