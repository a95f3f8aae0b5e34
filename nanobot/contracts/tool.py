"""A tool: something an agent can do besides talking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.contracts.agent import Turn
    from nanobot.contracts.channel import Attachment


class Risk(Enum):
    """What a call may do to the world."""

    READ = "read"
    """It only looks."""
    WRITE = "write"
    """It changes what belongs to the person: files of the workspace, states, reminders."""
    OUTSIDE = "outside"
    """It reaches people or systems outside: a message to somebody else, a request that carries data away."""
    DANGEROUS = "dangerous"
    """It may do harm that cannot be undone: commands of the shell, deletion."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads (``text``) and what a program may use (``data``, JSON-able).

    ``untrusted``: it holds words of strangers (a web page, a mail, a file from outside), which taint the turn; None:
    what the tool says of itself. ``files`` are shown to a model that can see them.
    """

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    untrusted: bool | None = None
    files: tuple[Attachment, ...] = ()


class Tool(ABC):
    """Called by an agent; its arguments are checked against ``parameters`` before ``call`` sees them."""

    name: str
    description: str
    parameters: vol.Schema = vol.Schema({})
    json_schema: Mapping[str, Any] | None = None
    """Its arguments as a JSON Schema, where they are described elsewhere and ``parameters`` only checks their shape."""
    risk: Risk = Risk.READ
    untrusted: bool = False
    """Whether its results hold words of strangers, unless a result says otherwise."""
    guards_guests: bool = False
    """Whether it decides itself what people who do not run nanobot may have done, by an option of its own. Without
    that, and without a rule, they get no more than ``Risk.READ``."""
    timeout: float = 60.0
    """Seconds that one call may take."""

    @property
    def parallel(self) -> bool:
        """Whether calls may run beside one another; others run in the order in which the model made them."""
        return self.risk is Risk.READ

    def risk_of(self, arguments: Mapping[str, Any]) -> Risk:
        """The risk of one call, where its (checked) arguments make a difference; never less than the call can do."""
        return self.risk

    def acts(self, arguments: Mapping[str, Any], turn: Turn) -> Sequence[tuple[str, Risk]]:
        """All that one call does, by the names that rules know, with its risk: the tool itself and, where it calls a
        service, ``<domain>.<service>``. For a tool whose risk depends on who calls it from where, too."""
        return ((self.name, self.risk_of(arguments)),)

    def summary(self, arguments: Mapping[str, Any]) -> str:
        """What exactly one call will do, for the person who has to approve it: complete, nothing left out or
        cut. The same arguments give the same text."""
        return f"{self.name} {orjson.dumps(dict(arguments), default=str).decode()}"

    @abstractmethod
    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        """Do it. Raises ``ToolError`` with a sentence for the model."""
