"""A sentence that somebody waits for: whoever says it is answered by code, before any agent is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanobot.hub.context import Context


@dataclass(frozen=True, slots=True)
class Heard:
    """What a person said, over the API or in a chat. ``owner``: one of the people who run nanobot."""

    text: str
    language: str
    context: Context
    conversation_id: str | None = None
    device_id: str | None = None
    agent_id: str | None = None
    channel: str | None = None
    chat: str | None = None
    thread: str | None = None
    sender: str | None = None
    owner: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The shape of Home Assistant's ``trigger.user_input`` (2025.4), and where it was said."""
        return {
            "text": self.text,
            "context": self.context.as_dict(),
            "conversation_id": self.conversation_id,
            "device_id": self.device_id,
            "language": self.language,
            "agent_id": self.agent_id,
            "extra_system_prompt": None,
            "channel": self.channel,
            "chat": self.chat,
            "thread": self.thread,
            "sender": self.sender,
            "owner": self.owner,
        }


@dataclass(frozen=True, slots=True)
class Match:
    """A sentence was said. ``slots``: by name, the words that stood there, as they were written."""

    heard: Heard
    slots: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Match], Awaitable[str | None]]
"""Gives the answer, or None where it has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """Added with ``hub.sentences.add``. ``templates``: ``[optional]``, ``(one|other)``, and ``{slot}`` for any words;
    capital letters and punctuation do not matter. Several may wait for the same sentence: all are called."""

    templates: tuple[str, ...]
    handler: Handler
