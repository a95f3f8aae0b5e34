"""What goes over the wire to servers that are strict about who speaks after whom: pictures of tools, and people who go
on while tools work. Both ways to ask a model send the same."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
import voluptuous as vol
from aiohttp import web

from integrations.litellm import loading
from nanobot.agent.models.order import BETWEEN, OF_TOOLS
from nanobot.contracts.agent import Turn
from nanobot.contracts.model import UNSEEN
from nanobot.contracts.tool import Tool, ToolResult
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import SetUp
from nanobot.util.aio import in_thread
from tests.agent.test_pictures import png

MISTRAL = "Unexpected role 'user' after role 'tool'"
IDS = "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."
TEMPLATE = "Conversation roles must alternate user/assistant/user/assistant/..."
REFUSED = {MISTRAL: {("tool", "user")}, TEMPLATE: {("tool", "user"), ("user", "user")}, IDS: set[tuple[str, str]]()}
"""Who may not speak after whom."""


class Server:
    """Calls ``camera`` for what a person says with "look" in it, and answers "I see." to all else.

    ``strict``: the refusal of Mistral, or that of a template, with its status. Whatever else a server of the API may
    refuse is refused always.
    """

    def __init__(self) -> None:
        self.url = ""
        self.strict: tuple[int, str] | None = None
        self.asked: list[list[dict[str, Any]]] = []
        self.refused = 0

    async def answer(self, request: web.Request) -> web.Response:
        messages = (await request.json())["messages"]
        self.asked.append(messages)
        if (why := self._why_not(messages)) is not None:
            self.refused += 1
            return web.json_response({"object": "error", "message": why[1], "code": why[0]}, status=why[0])
        message: dict[str, Any] = {"role": "assistant", "content": "I see."}
        if messages[-1]["role"] == "user" and "look" in str(messages[-1]["content"])[:1000]:
            call = {
                "id": f"call_{len(self.asked)}",
                "type": "function",
                "function": {"name": "camera", "arguments": "{}"},
            }
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response(
            {"id": "1", "object": "chat.completion", "model": "m", "created": 1, "choices": [choice]}
        )

    def _why_not(self, messages: list[dict[str, Any]]) -> tuple[int, str] | None:
        if any(one["role"] == "tool" and not isinstance(one["content"], str) for one in messages):
            return 400, "tool messages hold text"
        if self.strict is None:
            return None
        ids = [one["tool_call_id"] for one in messages if one["role"] == "tool"]
        if self.strict[1] == IDS and not all(len(id_) == 9 and id_.isalnum() for id_ in ids):
            return self.strict
        pairs = pairwise(message["role"] for message in messages)
        return self.strict if REFUSED[self.strict[1]].intersection(pairs) else None


class Camera(Tool):
    """Gives a picture each time, when it may."""

    name = "camera"
    description = "Take a picture."
    parameters = vol.Schema({})

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.sides = iter(range(4, 100))
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()

    async def call(self, arguments: Any, turn: Turn) -> ToolResult:
        self.begun.set()
        await self.go.wait()
        data = png(next(self.sides), 3)
        return ToolResult("Done.", files=(await self.hub.media.keep("camera", "shot.png", data),))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application(client_max_size=2**25)
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


@pytest.fixture
def camera(entry: Entry, hub: Hub) -> Camera:
    camera = Camera(hub)
    entry.add(camera)
    return camera


Begin = Callable[..., Awaitable[None]]


@pytest.fixture(params=["openai_compatible", "litellm"])
def begin(request: pytest.FixtureRequest, server: Server, set_up: SetUp, camera: Camera, chat: Chat) -> Begin:
    """An agent whose model is the server."""

    async def begin(*, vision: bool = True, **agent: Any) -> None:
        prefix = ""
        if request.param == "litellm":
            prefix = "openai/"
            await in_thread(loading.load)  # once per process, and nobody's patience is tested here
        model = {"model": f"{prefix}m", "vision": vision, "stream": False, "retries": 0}
        await set_up(request.param, {"base_url": server.url, "api_key": "none", "models": {"main": model}})
        await set_up("agent", {"model": "main", "tools": ["camera"], **agent})

    return begin


def roles(messages: list[dict[str, Any]]) -> list[str]:
    return [message["role"] for message in messages[1:]]


def widths(messages: list[dict[str, Any]]) -> list[int]:
    """Of the pictures in the order in which they are shown."""
    found = []
    for message in messages:
        for part in content if isinstance(content := message.get("content"), list) else ():
            if part["type"] == "image_url":
                data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                found.append(int.from_bytes(data[16:20], "big"))
    return found


async def test_a_picture_of_a_tool_is_shown_behind_the_results(begin: Begin, server: Server, chat: Chat) -> None:
    await begin()
    assert await chat.types("look out of the window") == "I see."
    asked = server.asked[-1]
    assert roles(asked) == ["user", "assistant", "tool", "user"]
    assert asked[-2]["content"].startswith("Done.\n[file: media/camera/")
    assert "(image/png, " in asked[-2]["content"]
    assert asked[-1]["content"][0] == {"type": "text", "text": OF_TOOLS}
    assert widths(asked) == [4]


async def test_a_model_without_eyes_reads_what_there_was(begin: Begin, server: Server, chat: Chat) -> None:
    await begin(vision=False)
    assert await chat.types("look out of the window") == "I see."
    told = server.asked[-1][-1]
    assert told["role"] == "tool"
    assert told["content"].startswith("Done.\n[file: media/camera/")
    assert told["content"].endswith(UNSEEN)


async def test_only_the_last_pictures_are_shown_in_later_turns(begin: Begin, server: Server, chat: Chat) -> None:
    await begin()
    for _ in range(6):
        await chat.types("look out of the window")
    await chat.types("and now?")
    assert widths(server.asked[-1]) == [6, 7, 8, 9]


@pytest.mark.parametrize("strict", [(400, MISTRAL), (500, TEMPLATE)], ids=["mistral", "template"])
async def test_a_server_that_wants_turns_gets_turns_and_is_remembered(
    begin: Begin, server: Server, chat: Chat, camera: Camera, strict: tuple[int, str]
) -> None:
    server.strict = strict
    await begin(during_turn="steer", vision=False)
    camera.go.clear()
    await chat.says("look out of the window")
    await camera.begun.wait()
    await chat.says("and tell me the colour")
    await chat.says("of the sky")
    camera.go.set()
    await chat.wait_for(1)
    assert chat.received == ["I see."]
    asked = server.asked[-1]
    assert roles(asked) == ["user", "assistant", "tool", "assistant", "user"]
    assert asked[-2]["content"] == BETWEEN
    assert asked[-1]["content"] == "and tell me the colour\n\nof the sky"
    assert server.refused == 1
    await chat.types("thanks")
    assert server.refused == 1


async def test_ids_of_another_provider_become_short_ones_that_fit_together(
    begin: Begin, server: Server, chat: Chat
) -> None:
    server.strict = (400, IDS)
    await begin(vision=False)
    assert await chat.types("look out of the window") == "I see."
    assert server.refused == 1
    asked = server.asked[-1]
    assert [call["id"] for call in asked[-2]["tool_calls"]] == [asked[-1]["tool_call_id"]]


async def test_pictures_and_turns_go_together(begin: Begin, server: Server, chat: Chat) -> None:
    server.strict = (400, MISTRAL)
    await begin()
    assert await chat.types("look out of the window") == "I see."
    assert roles(server.asked[-1]) == ["user", "assistant", "tool", "assistant", "user"]
    assert widths(server.asked[-1]) == [4]
