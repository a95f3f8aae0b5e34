"""A language model, whatever library or protocol it is reached through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nanobot.agent.models.health import Health
    from nanobot.agent.models.throttle import Throttle


UNSEEN = "[You cannot see the pictures of this message. Say so where it matters.]"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for; ``arguments`` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that came with a message. ``data`` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the conversation that the model sees. ``images`` stand behind the text of a person.

    ``stable``: so many characters at its beginning are the same in the next requests, for providers that keep what they
    know; 0: all or nothing. ``files``: the paths of pictures that a tool gave, in the media folder; who asks a model
    makes ``images`` of the last ones.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    stable: int = 0
    images: tuple[Image, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked. ``tools`` are in the OpenAI shape: function name, description, JSON Schema.

    ``size``: characters of the messages and the tools, roughly, where whoever asks has counted them.
    """

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None

    def without_images(self) -> Request:
        """The same for a model that sees none: it is told that there were some."""
        if not any(message.images for message in self.messages):
            return self
        return replace(self, messages=[_unseen(one) if one.images else one for one in self.messages])


def _unseen(message: Message) -> Message:
    return replace(message, content=f"{message.content}\n\n{UNSEEN}".strip(), images=())


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer. ``finish`` is set on the last one: stop, length, tool_calls, …

    ``usage`` has ``prompt_tokens`` and ``completion_tokens``, and where there are any ``cached_tokens`` and
    ``written_tokens``, which are part of the prompt's.
    """

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens. ``cached``: of the prompt those that the provider still knew; ``written``: those
    that it keeps for later. None: they cost what the others of the prompt do."""

    prompt: float
    completion: float
    cached: float | None = None
    written: float | None = None

    def of(self, usage: Mapping[str, int]) -> float:
        """US dollars for what an answer took; ``usage`` as in ``Delta``."""
        cached, written = usage.get("cached_tokens", 0), usage.get("written_tokens", 0)
        plain = max(0, usage.get("prompt_tokens", 0) - cached - written)
        return (
            plain * self.prompt
            + cached * (self.prompt if self.cached is None else self.cached)
            + written * (self.prompt if self.written is None else self.written)
            + usage.get("completion_tokens", 0) * self.completion
        ) / 1e6


class Model(ABC):
    """Answers requests as a stream. ``name`` is unique in the hub, whichever integration brings the model.

    The attributes say how whoever asks should deal with it; the model itself asks once, and neither tries again nor
    falls back.
    """

    timeout: float = 120.0
    """Seconds of silence, before the first piece and between two, after which it counts as hung."""
    retries: int = 2
    """How often it is asked again after a failure that may pass (``NotReady``)."""
    fallbacks: tuple[str, ...] = ()
    """Names of the models that are asked in its place, in order."""
    price: Price | None = None
    """None: nobody knows."""
    context_window: int | None = None
    """Tokens that a request and its answer may have together; None: nobody knows."""
    sees: bool = False
    """Whether it can be shown images."""
    strict: bool = False
    """Whether it takes a conversation only where person and model take turns, and calls have short ids; found out when
    it refuses another."""
    throttle: Throttle | None = None
    """Holds requests back until its limits allow them."""
    health: Health | None = None
    """Knows how it does, and when it is better left alone."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def issue(self) -> str:
        """The id of the issue that says why it gives no answers. It goes with the model."""
        return f"model.{self.name}"

    @abstractmethod
    def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Answer, piece by piece; the last piece has ``finish``, and each tool call comes whole.

        Raises ``NotReady`` for what may pass (no connection, a limit, a server error, an answer that breaks off or
        cannot be read; with ``retry_after`` where the server says so), ``AuthFailed`` when the key is refused, and
        ``ModelError`` when this request will never be answered. Each with a sentence that names the model.
        Closing the iterator ends the connection.
        """
