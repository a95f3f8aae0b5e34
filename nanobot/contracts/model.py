"""A language model, whatever library or protocol it is reached through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for; ``arguments`` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the conversation that the model sees."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked. ``tools`` are in the OpenAI shape: function name, description, JSON Schema."""

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer. ``finish`` is set on the last one: stop, length, tool_calls, …"""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)


class Model(ABC):
    """Answers requests as a stream."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Raises ``NotReady`` (try later), ``AuthFailed``, or another ``NanobotError`` with a sentence."""
