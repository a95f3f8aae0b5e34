"""A policy: whether something may be done, by whoever wants to do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanobot.contracts.tool import Risk

AGENT = "agent"
"""The actor whose acts every policy is asked about."""


class Verdict(IntEnum):
    """The strictest of several counts."""

    ALLOW = 0
    ASK = 1
    """A person who runs nanobot is asked first."""
    DENY = 2

    @property
    def word(self) -> str:
        """As it stands in YAML and in events."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is about to be done: a call of a tool, or of a service.

    ``actor``: ``agent``, ``token``, ``automation``, ``user`` (the words of ``Context.actor``). ``agent`` is the name of
    the agent, ``person`` is ``<channel>:<sender>``, "" where nobody is behind it. ``what`` is the name of the tool or
    ``<domain>.<service>``; ``tool`` is the tool of an agent that does it, "" where there is none. ``tainted``: words of
    strangers had a part in it. ``guarded``: what does it has options of its own about what guests may have done.
    """

    actor: str
    what: str
    risk: Risk
    arguments: Mapping[str, Any] = field(default_factory=dict)
    agent: str = ""
    person: str = ""
    owner: bool = False
    channel: str = ""
    chat: str = ""
    session: str = ""
    tainted: bool = False
    tool: str = ""
    turn: str = ""
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants a turn: a message that came in. ``person`` is ``<channel>:<sender>``."""

    person: str
    owner: bool
    channel: str
    chat: str
    session: str
    language: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """``why`` is a sentence for the model and the person: which rule, and what would change it."""

    verdict: Verdict
    why: str = ""


@dataclass(frozen=True, slots=True)
class Limited:
    """A message gets no turn now. ``text`` is for the person, None when they were told already."""

    text: str | None = None


class Policy(ABC):
    """Asked about each act before it is done. ``name`` is unique in the hub."""

    loosens: bool = False
    """Whether its ALLOW stands in place of the default rules. Only for what the person who runs nanobot has written;
    others can only be stricter."""
    actors: frozenset[str] = frozenset({AGENT})
    """Those whose acts it has something to say about. Calls of services by others than agents are judged only while
    some policy names their actor here."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def judge(self, act: Act) -> Judgement | None:
        """None: it has nothing to say about this. Quick, and raises nothing."""

    def limited(self, asker: Asker) -> Limited | None:
        """Asked about each message that would begin a turn; None: it may. Quick, and raises nothing."""
        return None
