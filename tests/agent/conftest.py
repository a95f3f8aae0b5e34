"""A model that says what the test scripted, and tools that remember their calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import voluptuous as vol

from nanobot.agent.asking import Asking
from nanobot.agent.loop import Loop
from nanobot.agent.toolbox import Toolbox
from nanobot.contracts.agent import Agent, Part, Turn
from nanobot.contracts.model import Delta, Model, Request, ToolCall
from nanobot.contracts.tool import Risk, Tool, ToolResult
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat
from nanobot.util.backoff import Backoff

QUICK = Backoff(first=0.001, limit=0.002)


class Scripted(Model):
    """Answers its requests with one script after the other: texts, calls, errors to raise, seconds to wait."""

    def __init__(self, name: str, *scripts: Any) -> None:
        super().__init__(name)
        self.scripts = list(scripts)
        self.requests: list[Request] = []
        self.closed = 0

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        self.requests.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        finished = False
        try:
            for piece in script if isinstance(script, (list, tuple)) else (script,):
                match piece:
                    case BaseException():
                        raise piece
                    case float():
                        await asyncio.sleep(piece)
                    case str():
                        yield Delta(piece)
                    case Delta():
                        finished = piece.finish is not None
                        yield piece
                    case ToolCall():
                        yield Delta(tool_calls=(piece,))
            if not finished:
                yield Delta(finish="stop")
        finally:
            self.closed += 1


class Noted(Tool):
    """Remembers its calls; gives back, raises or waits for what it was made with."""

    def __init__(self, name: str = "note", result: Any = "noted", *, risk: Risk = Risk.WRITE, **more: Any) -> None:
        self.name = name
        self.description = f"The tool {name}."
        self.parameters = vol.Schema({vol.Required("what"): str, vol.Optional("times", default=1): int})
        self.risk = risk
        self.result = result
        self.calls: list[Mapping[str, Any]] = []
        for key, value in more.items():
            setattr(self, key, value)

    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        self.calls.append(arguments)
        result = self.result.pop(0) if isinstance(self.result, list) else self.result
        if isinstance(result, float):
            await asyncio.sleep(result)
        if isinstance(result, BaseException):
            raise result
        return ToolResult(str(result))


def call(name: str = "note", arguments: str = '{"what": "milk"}', id_: str = "1") -> ToolCall:
    return ToolCall(id_, name, arguments)


async def told(chat: Chat, text: str) -> None:
    """Until the person reads exactly that."""
    async with asyncio.timeout(20):
        while text not in chat.received:
            await chat.wait_for(len(chat.sent) + 1)


class Looping(Agent):
    """An agent that is nothing but the loop."""

    def __init__(self, hub: Hub, **options: Any) -> None:
        super().__init__("looping")
        self.loop = Loop(hub, Asking(hub, None, backoff=QUICK), Toolbox(hub), **options)

    def ahead(self, turn: Turn) -> Awaitable[Any]:
        return self.loop.ahead(turn)

    async def respond(self, turn: Turn) -> AsyncIterator[Part]:
        async for part in self.loop.respond(turn):
            yield part


Begin = Callable[..., Scripted]


@pytest.fixture
def begin(hub: Hub, entry: Entry, chat: Chat) -> Begin:
    """``model = begin(scripts…)``: an agent answers in the chat with what the model says."""

    def begin(*scripts: Any, **options: Any) -> Scripted:
        model = Scripted("main", *scripts)
        entry.add(model)
        entry.add(Looping(hub, **options))
        return model

    return begin


@pytest.fixture
def turn() -> Turn:
    return Turn("t1", "chat:test", "chat", "test", "tester", "hello", Context(id="t1", actor="user"), "en", owner=True)
