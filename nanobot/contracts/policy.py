"""A policy: whether something may be done, by whoever wants to do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nanobot.contracts.tool import Risk


class Verdict(IntEnum):
    """The strictest of several counts."""

    ALLOW = 0
    ASK = 1
    """A person who runs nanobot is asked first."""
    DENY = 2


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is about to be done: a call of a tool, or of a service.

    ``actor``: ``agent``, ``token``, ``automation``, ``user`` (the words of ``Context.actor``). ``agent`` is the name of
    the agent, ``person`` is ``<channel>:<sender>``, "" where nobody is behind it. ``what`` is the name of the tool or
    ``<domain>.<service>``. ``tainted``: words of strangers had a part in it.
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


@dataclass(frozen=True, slots=True)
class Judgement:
    """``why`` is a sentence for the model and the person: which rule, and what would change it."""

    verdict: Verdict
    why: str = ""


class Policy(ABC):
    """Asked about each act before it is done. ``name`` is unique in the hub."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def judge(self, act: Act) -> Judgement | None:
        """None: it has nothing to say about this. Quick, and raises nothing."""
