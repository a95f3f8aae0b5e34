"""What happened lately, by its context: service calls, runs and messages, so that an effect leads back to its causes.

Kept in memory alone and bounded; noting something is one append. The recorder, where there is one, knows more.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

from nanobot.hub.context import Context

CALLS = 2000
RUNS = 1000
MESSAGES = 500
ASKERS = 200
LONGEST = 200  # characters of a message that are kept


Called = tuple[float, str, str, Any, Context]
"""What a call leaves behind: the fields of a ``CallCause``, which is made of it when somebody asks."""


Begun = tuple[float, str, str, str, str, str | None, Context]
"""What a run leaves behind: likewise the fields of a ``RunCause``."""


class CallCause(NamedTuple):
    """A service call. ``entity_id`` is what its data says: one, a list, or None."""

    time: float
    domain: str
    service: str
    entity_id: Any
    context: Context


class RunCause(NamedTuple):
    """A run that began. ``source`` describes the trigger; None where there was none."""

    time: float
    domain: str
    entity_id: str
    name: str
    run_id: str
    source: str | None
    context: Context


@dataclass(frozen=True, slots=True)
class MessageCause:
    """A message that came in or went out. ``message_id`` is the platform's. What comes in has its id as context id."""

    time: float
    id: str
    direction: str
    channel: str
    chat: str
    session: str | None
    sender: str | None
    text: str
    message_id: str | None
    context: Context


class Causes:
    """The rings. Whoever makes something happen appends to them; the oldest is forgotten."""

    def __init__(self, calls: deque[Called]) -> None:
        self._calls = calls
        self.begun: deque[Begun] = deque(maxlen=RUNS)
        self.messages: deque[MessageCause] = deque(maxlen=MESSAGES)
        self.askers: deque[Context] = deque(maxlen=ASKERS)
        """Contexts of clients that had something done in another way than by calling a service."""

    @property
    def calls(self) -> list[CallCause]:
        """The latest calls, oldest first."""
        return [CallCause(*called) for called in self._calls]

    @property
    def runs(self) -> list[RunCause]:
        """The latest runs, oldest first."""
        return [RunCause(*begun) for begun in self.begun]
