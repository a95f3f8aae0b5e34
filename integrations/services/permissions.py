"""Which services an agent may call, and on whose behalf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from nanobot.contracts.agent import Turn
from nanobot.contracts.service import Service
from nanobot.conversations.contacts import knows
from nanobot.errors import ToolError
from nanobot.hub.hub import Hub

CLOSED = (
    *("*.reload", "*.reload_all"),  # what is on disk is applied by whoever wrote it
    *("nanobot.stop", "nanobot.restart", "homeassistant.stop", "homeassistant.restart"),
    "message.*",  # there is a tool for it, which knows who may be written to
)
"""Closed unless ``allow`` names the very service."""
HERE = ("channel", "chat", "thread", "session")
"""Where a call takes effect, as services call it."""


class Permissions:
    """``config`` may be replaced at any time."""

    def __init__(self, hub: Hub, config: Mapping[str, Any]) -> None:
        self.config = config
        self._hub = hub

    def known(self, turn: Turn) -> list[Service]:
        """The services that this turn may call, some of them only for its own chat."""
        return [service for service in self._hub.services if self.refusal(service, turn) is None]

    def refusal(self, service: Service, turn: Turn) -> str | None:
        """Why this turn may never call a service; None when it may."""
        name = f"{service.domain}.{service.name}"
        allow = self.config["allow"]
        if _fits(name, self.config["deny"]) or not _fits(name, allow) or (_fits(name, CLOSED) and name not in allow):
            return f"{name} is closed to agents."
        if turn.owner:
            return None
        listed = self.config.get("guests")
        if service.admin or (listed is not None and not _fits(name, listed)):
            return f"Only the people who run nanobot may have {name} called."
        return None

    async def check(self, service: Service, data: Mapping[str, Any], turn: Turn) -> None:
        """Raises ``ToolError`` when this turn may not make this call."""
        refusal = self.refusal(service, turn)
        if refusal is not None:
            raise ToolError(refusal)
        elsewhere = any(data.get(name) is not None and str(data[name]) != str(getattr(turn, name)) for name in HERE)
        if turn.owner:
            await self._check_chat(data, elsewhere=elsewhere)
            return
        if elsewhere:
            raise ToolError("Only the people who run nanobot may have something done in another chat.")
        in_this_chat = data.get("channel") is not None and data.get("chat") is not None
        if self.config.get("guests") is None and service.entity_domain is None and not in_this_chat:
            name = f"{service.domain}.{service.name}"
            raise ToolError(
                f"Only the people who run nanobot may have {name} called; the option 'guests' of services lets others."
            )

    async def _check_chat(self, data: Mapping[str, Any], *, elsewhere: bool) -> None:
        channel, chat = data.get("channel"), data.get("chat")
        if elsewhere and channel and chat and not await knows(self._hub, str(channel), str(chat)):
            raise ToolError(f"Nobody in the chat {chat} on {channel} was ever let in, so nothing is sent there.")


def _fits(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
