"""An agent: whoever answers a message."""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanobot.contracts.channel import Attachment
    from nanobot.contracts.model import Message
    from nanobot.hub.context import Context


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a turn may use that no person but a program began: the tools whose names fit one of ``tools`` (globs), out
    of those that the agent has, and so many rounds of them (None: as many as the agent usually takes)."""

    tools: tuple[str, ...] = ()
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message that waits for an answer.

    ``attempt`` counts from 1; more than 1 means that an earlier attempt was cut off (a reload past its limit,
    a crash) and this one starts over: what it already did may have happened. What it kept with ``Record`` is the
    last exchange of ``hub.conversations.transcript``.
    ``owner``: the sender is one of the people who run nanobot. ``group``: others read along. ``person`` is the same for
    one person on all channels, where the configuration says who is who, else ``<channel>:<sender>``; "" for nobody.
    ``agent``: who takes it.
    ``before``: what was said before, where whoever made the turn keeps that and the transcript has none of it. It
    begins with what a person said.
    ``ahead``: what ``Agent.ahead`` finds out for it.
    """

    id: str
    session: str
    channel: str
    chat: str
    sender: str
    text: str
    context: Context
    language: str
    thread: str | None = None
    sender_name: str | None = None
    attachments: tuple[Attachment, ...] = ()
    attempt: int = 1
    owner: bool = False
    group: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    bounds: Bounds | None = None
    before: tuple[Message, ...] = ()
    person: str = ""
    agent: str = ""
    ahead: Future[Any] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.person and self.sender:
            object.__setattr__(self, "person", f"{self.channel}:{self.sender}")


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer; the pieces joined are the answer. ``understood``: False when it only says that the
    message makes no sense to this agent, so that another one might try."""

    text: str
    understood: bool = True


@dataclass(frozen=True, slots=True)
class Retract:
    """The text so far is no part of the answer: it was a remark on the way, or has to be said again."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the agent needs to find again after a crash, and in later turns: a request of tools, or their results.

    It is on disk before ``respond`` is resumed, unless ``wait`` is False: then it will be soon.
    """

    message: Message
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the model thinks; never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The agent calls a tool. ``arguments`` is the JSON text as it stands in the call."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What came of a ``ToolUse``."""

    id: str
    name: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Attach:
    """A file that goes out with the answer."""

    attachment: Attachment


Part = Text | Retract | Record | Thinking | ToolUse | ToolOutcome | Attach


INSTRUCTIONS = "instructions"
"""In the extras of a turn: what the program through which the person talks wants of a language model, as text."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides which of several agents answers a message."""

    channel: str
    chat: str
    person: str
    text: str
    owner: bool = False


class Agent(ABC):
    """Answers turns. ``rank`` decides who answers where nothing else does: the highest one."""

    rank: int = 0
    hands_over_to: tuple[str, ...] = ()
    """The agents that a conversation may go on with because this one says so."""
    consults: tuple[str, ...] = ()
    """The agents that it may ask."""
    takes_files: bool = True
    """Whether it can do anything with the attachments of a message."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def respond(self, turn: Turn) -> AsyncIterator[Part]:
        """Answer one turn, piece by piece. Cancelled when the person says stop or the entry is unloaded."""

    def ahead(self, turn: Turn) -> Awaitable[Any] | None:
        """Begin to find out what a turn needs to know while its message is still being written down; ``turn.ahead`` is
        that when it begins. Nothing else happens in the session meanwhile, whose transcript does not have the message
        yet. None: there is nothing."""
        return None

    @property
    def routed(self) -> bool:
        """Whether it answers what ``wants`` says, and anything else only where nobody else is there."""
        return False

    def wants(self, asked: Asked) -> int:
        """How closely a message is meant for it; 0: not more than for others. Quick, and raises nothing."""
        return 0

    async def compact(self, session: str) -> bool:
        """Have what was said longer ago in a session stand in a summary from now on. False: there is too little.
        Raises ``NanobotError`` when that fails; then nothing has changed."""
        return False

    async def told(self, turn: Turn) -> Mapping[str, Any] | None:
        """What a model would be told for this turn now, with the sizes of its parts; None: no model is asked."""
        return None


async def answer_of(agent: Agent, turn: Turn) -> Text:
    """All that an agent answers to a turn of a program, in one piece. Raises what it raises."""
    said: list[Text] = []
    parts = agent.respond(turn)
    try:
        async for part in parts:
            if isinstance(part, Retract):
                said.clear()
            elif isinstance(part, Text):
                said.append(part)
    finally:
        if close := getattr(parts, "aclose", None):  # whatever it holds open, such as a request, ends now
            await close()
    return Text("".join(one.text for one in said), all(one.understood for one in said))
