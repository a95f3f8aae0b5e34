"""A tool: something an agent can do besides talking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import voluptuous as vol

if TYPE_CHECKING:
    from nanobot.contracts.agent import Turn


class Risk(Enum):
    """What a call may do to the world."""

    READ = "read"
    WRITE = "write"
    ASK = "ask"
    """The person is asked before each call."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads (``text``) and what a program may use (``data``, JSON-able)."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Tool(ABC):
    """Called by an agent; its arguments are checked against ``parameters`` before ``call`` sees them."""

    name: str
    description: str
    parameters: vol.Schema = vol.Schema({})
    risk: Risk = Risk.READ
    timeout: float = 60.0
    """Seconds that one call may take."""

    @property
    def parallel(self) -> bool:
        """Whether calls may run beside one another; others run in the order in which the model made them."""
        return self.risk is Risk.READ

    @abstractmethod
    async def call(self, arguments: Mapping[str, Any], turn: Turn) -> ToolResult:
        """Do it. Raises ``ToolError`` with a sentence for the model."""
