"""A command: what a connected client (terminal, page, API) can ask of the running hub by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import voluptuous as vol

from nanobot.contracts.view import Access

if TYPE_CHECKING:
    from nanobot.hub.context import Context


class Connection(ABC):
    """One client for as long as it stays connected."""

    context: Context

    @abstractmethod
    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one JSON-able message of its own accord (an event of a subscription)."""

    @abstractmethod
    def on_close(self, undo: Callable[[], Any]) -> None:
        """Have ``undo`` called when the client is gone."""


@dataclass(frozen=True, slots=True)
class Command:
    """``handler(connection, data)`` returns the JSON-able result or raises a ``NanobotError`` with a sentence."""

    name: str
    handler: Callable[[Connection, Mapping[str, Any]], Awaitable[Any]]
    access: Access
    schema: vol.Schema | None = None
    description: str = ""
