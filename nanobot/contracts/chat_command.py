"""A chat command: ``/name`` in a chat, answered at once by code. No agent and no model has a part in it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanobot.hub.context import Context

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command as somebody wrote it. ``arguments``: what stands behind the name, without blanks around it.

    ``owner``: the sender is one of the people who run nanobot. ``group``: others read along. ``writes(connection)`` are
    done in the transaction that keeps the message and its answer, so that a message that comes again changes nothing;
    ``done(written)`` are told whether that was done, or never will be.
    """

    name: str
    arguments: str
    session: str
    channel: str
    chat: str
    sender: str
    language: str
    context: Context
    thread: str | None = None
    sender_name: str | None = None
    owner: bool = False
    group: bool = False
    writes: list[Callable[[Any], Any]] = field(default_factory=list)
    done: list[Callable[[bool], None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """``handler(call)`` gives the answer, "" for none, or raises a ``NanobotError`` whose sentence is the answer.

    It has 30 seconds. After a crash, a platform may bring the same message again: doing it twice must do no harm.
    ``name``: small letters, digits and _, a letter first, 32 at most. ``description`` is the key of a translated
    line for `/help`. ``owner``: only for the people who run nanobot.
    """

    name: str
    handler: Callable[[CommandCall], Awaitable[str]]
    description: str
    owner: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be the name of a chat command: small letters, digits and _")
